"""What every outlier step must do, run on every one found."""

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

pytestmark = pytest.mark.parametrize("name", catalog.names("outliers"))
X = np.random.default_rng(0).standard_t(2, size=5000)


def prepared(name: str, x: pl.Series, scale: str = "none", **options: object) -> Preparation:
    frame = pl.DataFrame({ROW: np.arange(len(x)), "x": x})
    spec = Prepare.model_validate({"numbers": {"outliers": {"name": name, **options}, "scale": scale}})
    return fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))


def test_extremes_are_tamed_and_the_middle_is_untouched(name: str) -> None:
    preparation = prepared(name, pl.Series(X))
    low, high = np.quantile(X, [0.25, 0.75])
    middle = X[(low < X) & (high > X)]
    np.testing.assert_array_equal(
        preparation.apply(pl.DataFrame({"x": middle})).numbers[:, 0], middle.astype(np.float32)
    )
    found = preparation.apply(pl.DataFrame({"x": [-1e9, 1e9]})).numbers[:, 0]
    assert X.min() <= found[0] < low
    assert high < found[1] <= X.max()


def test_scaling_learns_from_the_tamed_numbers(name: str) -> None:
    found = prepared(name, pl.Series(X), "standard").apply(pl.DataFrame({"x": X})).numbers[:, 0].astype(np.float64)
    assert np.mean(found) == pytest.approx(0.0, abs=1e-5)
    assert np.std(found) == pytest.approx(1.0, abs=1e-5)


def test_both_forms_are_equal_bit_for_bit(name: str) -> None:
    preparation = prepared(name, pl.Series(X), "standard")
    values = [*X[:100], -1e300, 1e300, 0.0, -0.0, None]
    batch = preparation.apply(pl.DataFrame({"x": values}))
    assert preparation.compile().columns({"x": values}).numbers.tobytes() == batch.numbers.tobytes()


def test_a_column_that_does_not_vary_stays_as_it_is(name: str) -> None:
    assert prepared(name, pl.Series([7.0] * 10)).apply(pl.DataFrame({"x": [7.0]})).numbers.tolist() == [[7.0]]


def test_nothing_to_learn_from_is_refused(name: str) -> None:
    frame = pl.DataFrame({ROW: [0], "x": pl.Series([None], dtype=pl.Float64)})
    spec = Prepare.model_validate({"numbers": {"impute": "none", "outliers": name}})
    with pytest.raises(DataError, match="'x' has 1 missing value in"):
        fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))


def test_outliers_treated_as_missing_are_filled_and_teach_nothing(name: str) -> None:
    preparation = prepared(name, pl.Series(X), "standard", action="missing")
    found = preparation.apply(pl.DataFrame({"x": X})).numbers[:, 0].astype(np.float64)
    assert np.mean(found) == pytest.approx(0.0, abs=1e-5)
    assert np.std(found) == pytest.approx(1.0, abs=1e-5)
    values = [-1e9, 1e9, None, *X[:50]]
    batch = preparation.apply(pl.DataFrame({"x": values}))
    assert batch.numbers[0] == batch.numbers[1] == batch.numbers[2]
    assert preparation.compile().columns({"x": values}).numbers.tobytes() == batch.numbers.tobytes()


def test_rows_of_outliers_can_be_dropped_from_training_alone(name: str) -> None:
    preparation = prepared(name, pl.Series(X), "standard", action="drop")
    stays = preparation.in_training(pl.DataFrame({"x": X}))
    assert 0.5 < stays.mean() < 1.0
    assert np.abs(X[~stays]).min() > np.abs(np.quantile(X, [0.25, 0.75])).max()
    found = preparation.apply(pl.DataFrame({"x": X[stays]})).numbers[:, 0].astype(np.float64)
    assert np.mean(found) == pytest.approx(0.0, abs=1e-5)
    assert np.std(found) == pytest.approx(1.0, abs=1e-5)
    answered = preparation.apply(pl.DataFrame({"x": [-1e9, 1e9]})).numbers[:, 0]
    assert np.abs(answered).max() < 1e3


@pytest.mark.parametrize("action", ["clip", "missing", "drop"])
@pytest.mark.parametrize("fill", [0.0, 1e6])
def test_limits_are_those_of_the_observed_values_whatever_the_action(name: str, action: str, fill: float) -> None:
    some = pl.Series(X).scatter(np.arange(0, len(X), 2), None)
    impute = {"name": "constant", "value": fill}
    frame = pl.DataFrame({ROW: np.arange(len(X)), "x": some})
    spec = Prepare.model_validate({"numbers": {"impute": impute, "outliers": {"name": name, "action": action}}})
    (state,) = fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0)).state.numbers
    (without,) = prepared(name, pl.Series(X[1::2])).state.numbers
    assert (state.clip.low, state.clip.high) == (without.clip.low, without.clip.high)
    assert state.clip.action == action
    assert state.fill == fill
