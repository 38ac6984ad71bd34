"""Sequences worked on together are, to the last bit, what they are one by one: of lists, of columns, and as learnt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.prepare.sequence import _together
from rayline.prepare.sequence._lengths import SequenceConfig, SequenceStep, Treatment

Row = list[float | None] | None

STEPS = st.one_of(
    st.none(), st.floats(-100, 100), st.sampled_from([float("nan"), float("inf"), 1e300, -1e300, 0.0, -0.0])
)
ROWS: st.SearchStrategy[list[Row]] = st.lists(
    st.one_of(
        st.none(), st.lists(STEPS, max_size=12), st.lists(STEPS, min_size=6, max_size=6), st.just(cast(Row, [None] * 3))
    ),
    max_size=25,
)
SMOOTHERS = [
    *({"name": name} for name in catalog.names("smooth")),
    {"name": "moving_average", "window": 4, "centred": False},
    {"name": "moving_average", "window": 9},
    {"name": "median", "window": 3},
    {"name": "savitzky_golay", "window": 5, "degree": 3},
    {"name": "exponential", "alpha": 0.9},
]
OPTIONS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(catalog.names("sequence")),
        "smooth": st.lists(st.sampled_from(SMOOTHERS), max_size=2),
        "fill": st.sampled_from(["previous", "linear", "zero"]),
        "scale": st.sampled_from(["standard", "minmax", "none"]),
        "length": st.sampled_from([None, 1, 4, 6, 20]),
    }
)


def column_of(rows: list[Row]) -> pl.Series:
    return pl.Series("x", rows, pl.List(pl.Float64))


def learnt(options: dict[str, Any], sample: list[Row]) -> SequenceStep:
    config = cast(SequenceConfig, catalog.resolve("sequence", options))
    step = config.learn(cast(Any, SimpleNamespace(name="x", inner=None)), column_of(sample))
    return cast(SequenceStep, step)


def array_of(row: list[float | None]) -> np.ndarray:
    values = np.array([np.nan if step is None else step for step in row])
    return np.clip(np.where(np.isfinite(values), values, np.nan), -1e100, 1e100)


def alone(treatment: Treatment, rows: list[Row]) -> list[np.ndarray]:
    """Each sequence cleaned as the only one there is, with no dimension but its own."""
    return [treatment.cleaned(array_of(row)) for row in rows if row]


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, options=OPTIONS, block=st.sampled_from([1, 7, 40, _together.BLOCK_VALUES]))
def test_together_is_one_by_one_bit_for_bit(rows: list[Row], options: dict[str, Any], block: int) -> None:
    step = learnt(options, rows)
    one_by_one = b"".join(step([row], "x").tobytes() for row in rows)
    with mock.patch.object(_together, "BLOCK_VALUES", block):
        assert learnt(options, rows).to_json() == step.to_json()
        assert step(rows, "x").tobytes() == one_by_one
        assert step.of_column(column_of(rows)).tobytes() == one_by_one
    arrays = [None if row is None else array_of(row) for row in rows]
    assert step(arrays, "x").tobytes() == one_by_one


@pytest.mark.parametrize("smooth", SMOOTHERS, ids=str)
@settings(max_examples=30, deadline=None)
@given(rows=ROWS, fill=st.sampled_from(["previous", "linear", "zero"]))
def test_cleaning_is_that_of_each_sequence_alone(smooth: dict[str, Any], rows: list[Row], fill: Any) -> None:
    treatment = Treatment([catalog.resolve("smooth", smooth)], fill, length=6, offset=0.0, factor=1.0)
    expected = b"".join(row.tobytes() for row in alone(treatment, rows))
    with mock.patch.object(_together, "BLOCK_VALUES", 20):
        assert treatment.cleaned_all(_together.of_values(rows, "x")).tobytes() == expected
        assert treatment.cleaned_all(_together.of_column(column_of(rows))).tobytes() == expected


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_the_scale_is_learnt_of_sequences_cleaned_alone(scale: str) -> None:
    rng = np.random.default_rng(0)
    sample: list[Row] = [rng.normal(3, 9, rng.integers(0, 30)).tolist() for _ in range(500)]
    sample[7] = None
    treatment = learnt({"name": "window", "smooth": "savitzky_golay", "scale": scale}, sample)._treatment
    values = np.concatenate(alone(treatment, sample))
    if scale == "standard":
        expected = (-float(values.mean()), 1 / float(values.var()) ** 0.5)
    else:
        expected = (-float(values.min()), 1 / (float(values.max()) - float(values.min())))
    assert (treatment.offset, treatment.factor) == expected


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [[2**62 + 1, None], None, [], [-(2**63)]], pl.List(pl.Int64)),
        pl.Series("x", [[2**64 - 1, 3], None], pl.List(pl.UInt64)),
        pl.Series("x", [[0.1, None, float("-inf")], [3e38]], pl.List(pl.Float32)),
        pl.Series("x", [[1, 2], None, [3, None]], pl.Array(pl.Int32, 2)),
        pl.Series("x", [[True, None], [False]], pl.List(pl.Boolean)),
        pl.Series("x", [["1.5", "-2"], None], pl.List(pl.String)),
        pl.Series("x", [["0.10", "7"]], pl.List(pl.String)).cast(pl.List(pl.Decimal(10, 2))),
        pl.Series("x", [[2**100 + 1, 5]], pl.List(pl.Int128)),
        pl.Series("x", [None, None]),
        pl.Series("x", [[], []]),
        pl.Series("x", [], pl.List(pl.Float64)),
    ],
    ids=lambda column: str(column.dtype),
)
def test_columns_of_every_type_are_read_as_their_values(column: pl.Series) -> None:
    found, expected = _together.of_column(column), _together.of_values(column.to_list(), "x")
    assert found.values.tobytes() == expected.values.tobytes()
    assert found.lengths.tolist() == expected.lengths.tolist()


def test_a_slice_of_a_column_is_read_as_its_own() -> None:
    column = column_of([[1.0], None, [2.0, 3.0], [], [4.0]])[1:4]
    assert _together.of_column(column).values.tolist() == [2, 3]
    assert _together.of_column(column).lengths.tolist() == [0, 2, 0]


def test_a_wrong_value_of_a_column_is_told_with_its_place() -> None:
    step = learnt({"name": "window"}, [[1.0]])
    column = pl.Series("ecg", [["1"], None, ["secret"]])
    with pytest.raises(DataError, match=r"column 'ecg' \[2\]: holds something that is no number") as error:
        step.of_column(column)
    assert "secret" not in str(error.value)
    nested = pl.Series("ecg", [None, [[1.0], [2.0]]])
    with pytest.raises(DataError, match=r"column 'ecg' \[1\]: holds lists within a list"):
        step.of_column(nested)


@pytest.mark.parametrize("wrong", [[[1.0]], [[]], {1: 2}, {1}, [10**400], 3, "1", [np.zeros(1)]], ids=str)
def test_a_wrong_value_among_good_ones_is_the_one_told(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"column 'x' \[1\]"):
        _together.of_values([[1.0, 2.0], wrong, [3.0]], "x")
