"""What every imputer must do, run on every imputer found."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError, SpecError
from rayline.core.prepared import MISSING_ID
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

IMPUTERS = catalog.names("impute")
FILLS = {name: catalog.config_class("impute", name).types for name in IMPUTERS}  # type: ignore[attr-defined]
FOR_NUMBERS = [name for name in IMPUTERS if FeatureType.NUMBER in FILLS[name]]
FOR_CATEGORIES = [name for name in IMPUTERS if FeatureType.CATEGORY in FILLS[name]]
NUMBERS: list[float | None] = [4.0, None, 1.0, 1.0, math.nan, 9.0, math.inf, 2.5]
TEXTS: list[str | None] = ["b", None, "a", "b", "c", None]


def prepared(column: pl.Series, impute: object, **other: object) -> Preparation:
    frame = pl.DataFrame({ROW: np.arange(len(column)), "x": column})
    number = column.dtype.is_numeric() or column.dtype == pl.Null
    kind, section = (FeatureType.NUMBER, "numbers") if number else (FeatureType.CATEGORY, "categories")
    defaults = {"scale": "none"} if number else {}
    spec = Prepare.model_validate({section: {"impute": impute, **defaults, **other}})
    return fit(spec, [Feature("x", kind)], profile_frame(frame, seed=0))


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_no_number_is_missing_afterwards_and_the_others_are_untouched(name: str) -> None:
    column = pl.Series("x", NUMBERS)
    found = prepared(column, name).apply(column.to_frame()).numbers[:, 0]
    present = np.isfinite(np.array(NUMBERS, dtype=np.float64))
    np.testing.assert_array_equal(found[present], np.array(NUMBERS, dtype=np.float32)[present])
    assert len(set(found[~present])) == 1
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", FOR_NUMBERS)
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1).filter(
        lambda v: any(x is not None for x in v)
    )
)
def test_scaling_after_filling_sees_the_filled_rows(name: str, values: list[float | None]) -> None:
    column = pl.Series("x", values, dtype=pl.Float64)
    found = prepared(column, name, scale="standard").apply(column.to_frame()).numbers[:, 0].astype(np.float64)
    spread = float(np.std(found))
    assert abs(float(np.mean(found))) < 1e-3
    assert spread == pytest.approx(1.0, abs=1e-3) or spread < 1e-6


@pytest.mark.parametrize("name", FOR_CATEGORIES)
def test_no_category_is_missing_afterwards_and_the_others_are_untouched(name: str) -> None:
    column = pl.Series("x", TEXTS)
    preparation = prepared(column, name)
    ids = preparation.apply(column.to_frame()).categories[:, 0]
    present = np.array([text is not None for text in TEXTS])
    assert not (ids == MISSING_ID).any()
    assert len(set(ids[present])) == 3
    assert len(set(ids[~present])) == 1


@pytest.mark.parametrize("name", IMPUTERS)
def test_indicator_tells_where_a_value_was_missing(name: str) -> None:
    column = pl.Series("x", NUMBERS) if name in FOR_NUMBERS else pl.Series("x", TEXTS)
    preparation = prepared(column, {"name": name, "indicator": True})
    found = preparation.apply(column.to_frame())
    place = preparation.layout.numbers.index("x=(missing)")
    missing = [value is None or (isinstance(value, float) and not math.isfinite(value)) for value in column.to_list()]
    assert found.numbers[:, place].tolist() == [float(m) for m in missing]
    compiled = preparation.compile().columns({"x": column.to_list()})
    assert compiled.numbers.tobytes() == found.numbers.tobytes()


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_a_column_without_any_value_is_filled_or_refused_with_advice(name: str) -> None:
    column = pl.Series("x", [None, None], dtype=pl.Float64)
    refused = None
    try:
        found = prepared(column, name, scale="standard").apply(column.to_frame()).numbers
    except DataError as error:
        refused = str(error)
    if refused is None:
        assert np.isfinite(found).all()
    else:
        assert "'x' has no value in the training rows" in refused
        assert "data.features.x: drop" in refused


@pytest.mark.parametrize("name", IMPUTERS)
def test_a_kind_of_column_it_cannot_fill_is_refused(name: str) -> None:
    for kind, column in ((FeatureType.NUMBER, pl.Series("x", NUMBERS)), (FeatureType.CATEGORY, pl.Series("x", TEXTS))):
        if kind in FILLS[name]:
            prepared(column, name)
        else:
            with pytest.raises(SpecError, match=f"{name} fills .* and 'x' is a {kind}"):
                prepared(column, name)
