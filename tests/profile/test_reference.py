"""The drift reference: bins from training, private columns left out, the same counts from every form of the rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import files
from rayline.core.category_text import category_text as prepared_text
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import PackageError
from rayline.profile.bins import TOP_VALUES, CategoryBins, NumberBins, category_bins, category_text, number_bins
from rayline.profile.profile import profile_frame
from rayline.profile.reference import FILE, Reference

INCOME = Target("income", Task.BINARY, ("<=50K", ">50K"), ">50K")
FEATURES = (
    Feature("age", FeatureType.NUMBER),
    Feature("gain", FeatureType.NUMBER),
    Feature("job", FeatureType.CATEGORY),
    Feature("zip", FeatureType.CATEGORY),
    Feature("member", FeatureType.CATEGORY),
    Feature("note", FeatureType.TEXT),
)


def people(rows: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age = np.clip(rng.normal(40, 12, rows).round(), 17, 90)
    frame = pl.DataFrame(
        {
            ROW: np.arange(rows),
            "age": age,
            "gain": np.where(rng.random(rows) < 0.92, 0, rng.integers(100, 9999, rows)),
            "job": rng.choice([f"job{i:02}" for i in range(60)], rows, p=np.arange(60, 0, -1) / 1830),
            "zip": rng.integers(0, 5, rows),
            "member": rng.random(rows) < 0.3,
            "note": ["free text"] * rows,
        }
    )
    gaps = pl.Series(rng.random(rows) < 0.05)
    return frame.with_columns(
        pl.when(~gaps).then(pl.col("age")).alias("age"), pl.when(~gaps).then(pl.col("job")).alias("job")
    )


def reference(frame: pl.DataFrame, private: tuple[str, ...] = ()) -> Reference:
    predictions = ["<=50K"] * (frame.height - 5) + [">50K"] * 5
    return Reference.build(
        profile_frame(frame, seed=0, private=private), FEATURES, predictions=predictions, target=INCOME
    )


def test_numbers_have_decile_bins_and_the_training_counts() -> None:
    frame = people(4000)
    bins = reference(frame).features["age"]
    assert isinstance(bins, NumberBins)
    assert sum(bins.expected) == 4000
    assert bins.expected[-1] == frame["age"].null_count()
    present = np.asarray(bins.expected[:-1]) / sum(bins.expected[:-1])
    assert len(present) == 10
    assert present.min() > 0.05
    assert present.max() < 0.16


def test_a_spike_has_a_bin_of_its_own() -> None:
    frame = people(4000)
    gain = reference(frame).features["gain"]
    assert gain.expected == ((frame["gain"] == 0).sum(), (frame["gain"] > 0).sum(), 0)
    hours = number_bins(np.array([20.0] * 100 + [40.0] * 500 + list(range(41, 61)) * 10, float))
    assert 500 in hours.expected
    assert hours.count([39.9, 40, 40.1]).count(1) == 3


def test_a_category_has_its_top_values_and_one_bin_for_the_others() -> None:
    frame = people(4000)
    job = reference(frame).features["job"]
    assert isinstance(job, CategoryBins)
    assert len(job.values) == TOP_VALUES
    others = frame["job"].drop_nulls().is_in(job.values).not_().sum()
    assert job.expected[-2:] == (others, frame["job"].null_count())
    assert job.labels()[-2:] == ["other values", "missing"]


def test_only_numbers_and_categories_that_are_not_private_are_watched() -> None:
    frame = people(300)
    assert set(reference(frame).features) == {"age", "gain", "job", "zip", "member"}
    hidden = reference(frame, private=("job", "age"))
    assert set(hidden.features) == {"gain", "zip", "member"}
    assert "job" not in str(hidden.to_json())


def test_training_rows_count_to_the_expectation_as_frame_lists_and_arrays() -> None:
    frame = people(1000)
    found = reference(frame)
    assert found.count(frame) == found.expected()
    assert found.count({name: frame[name].to_list() for name in frame.columns}) == found.expected()
    arrays = {name: frame[name].to_numpy() for name in frame.columns}
    assert found.count(arrays) == found.expected()


@settings(max_examples=50, deadline=None)
@given(
    numbers=st.lists(st.none() | st.floats() | st.integers(-100, 100), min_size=1, max_size=60),
    texts=st.lists(st.none() | st.text(max_size=3) | st.booleans() | st.integers(0, 6), min_size=1, max_size=60),
)
def test_few_rows_and_many_rows_are_counted_alike(numbers: list[object], texts: list[object]) -> None:
    number, category = number_bins(np.arange(100.0)), category_bins(["a", "true", "3", "b"])
    for bins, values in ((number, numbers), (category, texts)):
        one_by_one = np.sum([bins.count([value]) for value in values], axis=0).tolist()
        assert bins.count(values) == one_by_one
        assert sum(one_by_one) == len(values)


def test_missing_numbers_are_none_nan_and_infinite() -> None:
    bins = number_bins(np.arange(10.0))
    for value in (None, math.nan, math.inf, -math.inf):
        assert bins.place(value) == bins.size - 1
        assert bins.count([value] * 40)[-1] == 40


@settings(max_examples=200, deadline=None)
@given(st.none() | st.text(max_size=6) | st.booleans() | st.integers(-(2**53), 2**53) | st.floats())
def test_categories_are_known_by_the_text_that_preparation_knows_them_by(value: object) -> None:
    assert category_text(value) == prepared_text(value)


def test_a_column_without_values_or_with_one_value_still_counts() -> None:
    empty = number_bins(np.full(20, math.nan))
    assert empty.expected == (0, 20)
    assert empty.count([1.0, None]) == [1, 1]
    constant = number_bins(np.full(20, 7.0))
    assert constant.expected == (20, 0)


def test_absent_columns_count_as_missing() -> None:
    found = reference(people(200))
    counts = found.count({"age": [30.0, 40.0]})
    assert counts["job"][-1] == 2
    assert sum(counts["age"][:-1]) == 2


def test_regression_predictions_get_decile_bins() -> None:
    target = Target("price", Task.REGRESSION)
    profile = profile_frame(people(500), seed=0)
    found = Reference.build(profile, FEATURES, predictions=np.linspace(0, 1, 500), target=target)
    assert isinstance(found.predictions, NumberBins)
    assert found.predictions.expected == (50,) * 10 + (0,)


def test_saved_and_loaded_it_is_the_same_and_the_same_bytes(tmp_path: Path) -> None:
    found = reference(people(500))
    found.save(tmp_path / "a")
    again = Reference.load(tmp_path / "a")
    assert again == found
    again.save(tmp_path / "b")
    assert (tmp_path / "a" / FILE).read_bytes() == (tmp_path / "b" / FILE).read_bytes()


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 9}', "not json", '{"format": 1, "features": {"a": 3}}'])
def test_a_file_that_is_no_reference_is_refused(tmp_path: Path, text: str) -> None:
    files.write_bytes(str(tmp_path / FILE), text.encode())
    with pytest.raises(PackageError):
        Reference.load(tmp_path)
