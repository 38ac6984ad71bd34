"""What every scaler must do, run on every scaler found."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

SCALERS = catalog.names("scale")
pytestmark = pytest.mark.parametrize("name", SCALERS)
KEEPS_EXTREMES = {"robust"}
KEEPS_ZERO = {"maxabs"}
BENDS_BY_UNIT = {"power"}


def prepared(name: str, x: list[float]) -> Preparation:
    frame = pl.DataFrame({ROW: np.arange(len(x)), "x": pl.Series(x, dtype=pl.Float64)})
    spec = Prepare.model_validate({"numbers": {"scale": name}})
    return fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))


def scaled(preparation: Preparation, x: list[float]) -> np.ndarray:
    return preparation.apply(pl.DataFrame({"x": pl.Series(x, dtype=pl.Float64)})).numbers[:, 0]


@settings(max_examples=50, deadline=None)
@given(x=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_values_stay_finite_in_order_and_of_moderate_size(name: str, x: list[float]) -> None:
    found = scaled(prepared(name, x), sorted(x))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert np.abs(found).max() <= (1e16 if name in KEEPS_EXTREMES else 20)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_the_unit_of_measurement_does_not_matter(name: str, offset: float) -> None:
    x = np.random.default_rng(0).normal(size=200)
    if name in BENDS_BY_UNIT:  # the order is all that is left of the numbers in another unit
        scale = prepared(name, (x * 1000).tolist())
        assert (np.argsort(scaled(scale, (x * 1000).tolist()), kind="stable") == np.argsort(x, kind="stable")).all()
        return
    offset = 0.0 if name in KEEPS_ZERO else offset
    grams, kilograms = scaled(prepared(name, (x * 1000 + offset).tolist()), (x * 1000 + offset).tolist()), x
    np.testing.assert_allclose(grams, scaled(prepared(name, kilograms.tolist()), kilograms.tolist()), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 5.0, -1e9, 0.1 + 0.2, 1e-200])
def test_a_column_that_does_not_vary_is_scaled_by_one(name: str, value: float) -> None:
    preparation = prepared(name, [value] * 7)
    low, one_more = scaled(preparation, [value, value + 1.0])
    if name in KEEPS_ZERO and abs(value) > 1e-100:
        assert low == np.sign(value)
    else:
        assert one_more - low == pytest.approx(1.0, abs=1e-6)


def test_both_forms_are_equal_bit_for_bit(name: str) -> None:
    preparation = prepared(name, np.random.default_rng(0).lognormal(size=300).tolist())
    values = [0.0, -0.0, 1e-300, 1e300, -1e300, 5e-324, 0.1, 1 / 3, None]
    batch = preparation.apply(pl.DataFrame({"x": values}))
    assert np.isfinite(batch.numbers).all()
    assert preparation.compile().columns({"x": values}).numbers.tobytes() == batch.numbers.tobytes()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 40))
def test_a_row_is_the_same_alone_and_among_others(name: str, seed: int, rows: int) -> None:
    preparation = prepared(name, np.random.default_rng(1).standard_t(2, size=400).tolist())
    x = (np.random.default_rng(seed).standard_t(1, size=rows) * 3).tolist()
    together = scaled(preparation, x)
    alone = np.array([scaled(preparation, [value])[0] for value in x])
    assert alone.tobytes() == together.tobytes()
    assert preparation.compile().columns({"x": x}).numbers[:, 0].tobytes() == together.tobytes()


def test_files_keep_every_bit(name: str, tmp_path: object) -> None:
    preparation = prepared(name, np.random.default_rng(0).lognormal(size=300).tolist())
    preparation.save(f"{tmp_path}/one")
    read = Preparation.load(f"{tmp_path}/one")
    x = [-1.0, 0.0, 0.1, 1.0, 5.0, 1e9]
    assert scaled(read, x).tobytes() == scaled(preparation, x).tobytes()
