"""Distinct values: exact below the cap, a fair and order-free choice above it; the hash behind that."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.profile import few, values
from rayline.profile.value_hash import hash_values
from rayline.profile.values import CAP, count_values, merge_values


def test_hashes_never_change() -> None:
    text = hash_values(pl.Series(["", "a", "abcdefgh", "abcdefghi"]))
    assert text.tolist() == [0x2013FF5D37DEEDDD, 0xCA57D9C2C42CF00C, 0x4656C338AE782CFE, 0x4520B93D46DBE829]
    assert hash_values(pl.Series([1, -1])).tolist() == [0x816C1B63B176645A, 0x179B8800D8359722]
    assert hash_values(pl.Series([0.5])).tolist() == [0x4B24E8B91DA3F055]


@pytest.mark.parametrize("name", ["rows", "value", "count"])
@pytest.mark.parametrize("values", [["a", None, "b", "a"], [0.5, None, 0.25, 0.5]])
def test_a_column_may_have_any_name(name: str, values: list[object]) -> None:
    counted = count_values(pl.Series(name, values * 3000, strict=False))
    assert sorted(counted.as_dict().values()) == [3000, 6000]


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=30))
def test_a_texts_hash_depends_on_the_text_alone(texts: list[str]) -> None:
    together = hash_values(pl.Series(texts, dtype=pl.String))
    alone = [hash_values(pl.Series([text], dtype=pl.String))[0] for text in texts]
    assert together.tolist() == [int(h) for h in alone]
    sliced = hash_values(pl.Series(["x", *texts, "y"], dtype=pl.String).slice(1, len(texts)))
    assert sliced.tolist() == together.tolist()
    assert len(set(together.tolist())) == len(set(texts))


def test_hashes_are_spread_evenly() -> None:
    for column in (pl.Series([f"id-{n}" for n in range(20_000)]), pl.Series(range(20_000)), pl.Series(np.arange(2e4))):
        counts, _ = np.histogram(hash_values(column).astype(np.float64) / 2.0**64, bins=20, range=(0, 1))
        assert abs(counts - 1000).max() < 160  # five standard deviations


def test_zero_has_one_sign() -> None:
    counted = count_values(pl.Series([0.0, -0.0, 1.0]))
    assert counted.as_dict() == {0.0: 2, 1.0: 1}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["b", "a", "b"]), {"a": 1, "b": 2}),
        (pl.Series([True, False, True]), {False: 1, True: 2}),
        (pl.Series([3, 1, 3], dtype=pl.Int64), {1: 1, 3: 2}),
        (pl.Series(["2024-01-02", "2024-01-01"]).str.to_date(), {"2024-01-01": 1, "2024-01-02": 1}),
        (pl.Series([], dtype=pl.String), {}),
    ],
)
def test_counts_are_in_ascending_order(column: pl.Series, expected: dict[object, int]) -> None:
    counted = count_values(column)
    assert list(counted.as_dict().items()) == list(expected.items())
    assert counted.distinct == len(expected)
    assert not counted.truncated


@pytest.mark.parametrize("kind", ["text", "integer", "fraction"])
@pytest.mark.parametrize("distinct", [CAP - 1, CAP, CAP + 1, 5 * CAP, 9 * CAP])
def test_values_beyond_the_cap_are_chosen_fairly_and_counted_exactly(kind: str, distinct: int) -> None:
    rng = np.random.default_rng(0)
    numbers = np.concatenate([np.arange(distinct), rng.integers(0, distinct, distinct)])
    rng.shuffle(numbers)
    column = {
        "text": pl.Series(numbers).cast(pl.String),
        "integer": pl.Series(numbers),
        "fraction": pl.Series(numbers / 8.0),
    }[kind]
    counted = count_values(column)
    cap = values.cap_of(column.dtype)
    assert counted.truncated == (distinct > cap)
    assert len(counted.values) == min(distinct, cap)
    truth = Counter(column.to_list())
    assert all(truth[value] == rows for value, rows in counted.as_dict().items())
    assert counted.distinct == pytest.approx(distinct, rel=4 / np.sqrt(cap) if counted.truncated else 0)


@pytest.mark.parametrize("distinct", [1000, 3 * CAP])
def test_merged_counts_are_those_of_all_rows_in_any_order(distinct: int) -> None:
    rng = np.random.default_rng(1)
    column = pl.Series(rng.integers(0, distinct, 6 * CAP)).cast(pl.String)
    whole = count_values(column)
    cuts = [0, 10, 2 * CAP, 2 * CAP + 1, 5 * CAP, len(column)]
    parts = [count_values(column.slice(a, b - a)) for a, b in itertools.pairwise(cuts)]
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1]):
        merged = merge_values([parts[n] for n in order])
        assert merged.as_dict() == whole.as_dict()
        assert merged.truncated == whole.truncated
    tree = merge_values([merge_values(parts[3:]), merge_values([parts[1], parts[0], parts[2]])])
    assert tree.as_dict() == whole.as_dict()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), max_size=40), min_size=1, max_size=6), st.randoms())
def test_any_tree_of_merges_with_a_small_cap(parts: list[list[int]], random: object) -> None:
    kept = values.CAP
    values.CAP = 7
    try:
        whole = count_values(pl.Series([n for part in parts for n in part], dtype=pl.Int64))
        heap = [count_values(pl.Series(part, dtype=pl.Int64)) for part in parts]
        while len(heap) > 1:
            random.shuffle(heap)  # type: ignore[attr-defined]
            heap.append(merge_values([heap.pop(), heap.pop()]))
        assert heap[0].as_dict() == whole.as_dict()
        assert (heap[0].truncated, heap[0].distinct) == (whole.truncated, whole.distinct)
    finally:
        values.CAP = kept


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.UInt64, pl.Float32, pl.Float64])
@pytest.mark.parametrize("lacking", [0.0, 0.3, 1.0])
def test_short_columns_are_counted_as_long_ones(dtype: Any, lacking: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    numbers = np.round(rng.normal(60, 9, 1500)) if dtype.is_integer() else np.round(rng.normal(0, 900, 1500), 1)
    column = pl.Series("a", numbers).cast(dtype)
    column = pl.select(pl.when(pl.Series(rng.random(1500) >= lacking)).then(column)).to_series().alias("a")
    pieces = [column[:700], column[700:710], column[710:]]
    short = [count_values(column), *(count_values(piece) for piece in pieces)]
    merged = merge_values(short[1:])
    monkeypatch.setattr(few, "FEW", -1)
    long = [count_values(column), *(count_values(piece) for piece in pieces)]
    for one, other in zip([*short, merged], [*long, merge_values(long[1:])], strict=True):
        assert one.values.equals(other.values, null_equal=True, check_dtypes=True)
        assert one.rows.tolist() == other.rows.tolist()
        assert (one.truncated, one.sketch is None) == (other.truncated, other.sketch is None)
        if one.sketch is not None and other.sketch is not None:
            assert one.sketch.tolist() == other.sketch.tolist()


@pytest.mark.parametrize("rows", [3, 3000, 30_000])
@pytest.mark.parametrize("zeros", [(-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0)])
def test_zero_has_no_sign(zeros: tuple[float, float], rows: int) -> None:
    column = pl.Series([*zeros, *range(1, rows)], dtype=pl.Float64)
    counted = [count_values(column), merge_values([count_values(column[:1]), count_values(column[1:])])]
    for found in counted:
        kept = found.values.to_numpy()
        assert not np.signbit(kept).any()
        assert not np.signbit([value for value, _ in found.top(5, column)]).any()
