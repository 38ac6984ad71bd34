"""Estimates against exact ones, within the bounds that are stated: skewed, constant, all-missing, any order."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.profile import bounds, sketch
from rayline.profile import values as values_module
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.value_hash import hash_values
from rayline.profile.values import count_values, merge_values

N = 200_000


def columns() -> dict[str, pl.Series]:
    """Columns of N rows, of which each is hard in its own way."""
    rng = np.random.default_rng(0)
    zipf = np.minimum(rng.zipf(1.3, N), 10**9)
    half = np.where(rng.random(N) < 0.5, 0, rng.integers(1, 10**9, N))
    just = np.concatenate([np.repeat(np.arange(40), N // 2000), rng.integers(10**6, 10**9, N - 40 * (N // 2000))])
    return {
        "skewed": pl.Series(zipf),
        "skewed texts": pl.Series(zipf).cast(pl.String),
        "log-normal": pl.Series(rng.lognormal(0, 3, N)),
        "half one value": pl.Series(half),
        "forty values at 0.05% each": pl.Series(rng.permutation(just)),
        "constant": pl.Series(np.full(N, 7)),
        "constant fraction": pl.Series(np.full(N, 0.1)),
        "all missing": pl.Series([None] * N, dtype=pl.Float64),
        "nearly all missing": pl.Series(np.where(np.arange(N) % 1000 == 3, rng.normal(size=N), np.nan)),
        "all different": pl.Series(rng.permutation(N) * 977),
        "uniform": pl.Series(rng.random(N)),
    }


def orders() -> dict[str, Any]:
    """Ways to lay a column's values out in rows."""
    shuffled = np.random.default_rng(1).permutation(N)
    return {
        "as they come": lambda column: column,
        "ascending": lambda column: column.sort(),
        "descending": lambda column: column.sort(descending=True),
        "frequent last": _by_frequency,
        "shuffled": lambda column: column[shuffled],
    }


def _by_frequency(column: pl.Series) -> pl.Series:
    counted = column.to_frame("c").with_columns(pl.len().over("c").alias("met"))
    return counted.sort("met", "c")["c"]


def profiled(column: pl.Series) -> Profile:
    frame = pl.DataFrame(
        {ROW: np.arange(len(column)), "c": column.fill_nan(None) if column.dtype.is_float() else column}
    )
    return profile_frame(frame, seed=11)


@pytest.mark.parametrize("order", orders())
@pytest.mark.parametrize("name", columns())
def test_estimates_keep_their_bounds(name: str, order: str) -> None:
    column = orders()[order](columns()[name])
    profile = profiled(column)
    found = profile.columns["c"]
    known = column.drop_nulls().drop_nans() if column.dtype.is_float() else column.drop_nulls()
    truth = Counter(known.to_list())
    assert (found.count, found.missing) == (len(known), N - len(known))
    assert abs(found.distinct - len(truth)) <= bounds.distinct_error(found) * len(truth)
    few, many = bounds.frequent_error(found)
    told = profile.top("c", 50)
    for value, rows in told:
        assert -few * len(known) <= rows - truth[value] <= many * len(known), (value, rows, truth[value])
    missed = [value for value, rows in truth.items() if rows >= 0.005 * N]
    assert set(missed) <= {value for value, _ in told}
    if found.kind == "number":
        off = bounds.rank_error(profile, "c")
        numbers = np.sort(known.cast(pl.Float64).to_numpy())
        for q in (0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999) if len(numbers) else ():
            value = profile.quantile("c", q)
            low = np.searchsorted(numbers, value, side="left") / len(numbers)
            high = np.searchsorted(numbers, value, side="right") / len(numbers)
            assert low - off <= q <= high + off
    if len(known) and found.kind == "number":
        assert found.mean == pytest.approx(float(known.mean()), rel=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["skewed texts", "half one value", "log-normal"])
def test_the_order_of_rows_changes_no_estimate(name: str) -> None:
    column = columns()[name]
    frame = pl.DataFrame({ROW: np.arange(N), "c": column})
    whole = profile_frame(frame, seed=2)
    for order in (frame.sort("c"), frame.sort("c", descending=True), frame.sample(fraction=1, shuffle=True, seed=5)):
        profile = profile_frame(order, seed=2)
        assert profile.top("c", 100) == whole.top("c", 100)
        assert profile.columns["c"].distinct == whole.columns["c"].distinct
        assert profile.sample.equals(whole.sample)
        np.testing.assert_array_equal(profile.columns["c"].values.sketch, whole.columns["c"].values.sketch)


def test_bounds_are_zero_where_all_is_known() -> None:
    profile = profiled(pl.Series(np.arange(1000) % 7))
    assert bounds.rank_error(profile, "c") == 0.0
    assert bounds.distinct_error(profile.columns["c"]) == 0.0
    assert bounds.frequent_error(profile.columns["c"]) == (0.0, 0.0)
    large = profiled(pl.Series(np.random.default_rng(0).random(N)))
    assert bounds.rank_error(large, "c") == pytest.approx(0.00636, abs=1e-4)
    assert bounds.distinct_error(large.columns["c"]) == pytest.approx(0.0806, abs=1e-3)
    assert bounds.frequent_error(large.columns["c"]) == (pytest.approx(0.0005, rel=0.03), 0.002)


def test_the_rank_bound_is_kept_by_columns_that_are_seldom_known() -> None:
    sparse = profiled(columns()["nearly all missing"])
    assert bounds.rank_error(sparse, "c") > 0.1  # sixty values or so are in the sample
    assert bounds.rank_error(profiled(columns()["all missing"]), "c") == 1.0


def test_an_estimate_is_never_far_below_and_seldom_far_above() -> None:
    rng = np.random.default_rng(3)
    column = pl.Series(np.where(rng.random(N) < 0.3, rng.integers(0, 200, N), rng.integers(1000, 10**9, N)))
    counted = sketch.empty()
    sketch.add(counted, hash_values(column))
    truth = column.value_counts()
    values = truth.to_series(0)
    off = (sketch.estimate(counted, hash_values(values)) - truth["count"].to_numpy()) / N
    assert off.min() >= -sketch.TOO_FEW
    assert (off > sketch.TOO_MANY).mean() <= 0.001


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.lists(st.sampled_from([*"abcdefghijklmnop"] + [f"v{n}" for n in range(40)]), max_size=60),
        min_size=1,
        max_size=6,
    ),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_adds_the_same_counters(parts: list[list[str]], random: Any) -> None:
    kept = values_module.CAP
    values_module.CAP = 5
    try:
        everything = pl.Series(list(itertools.chain(*parts)), dtype=pl.String)
        whole = count_values(everything)
        heap = [count_values(pl.Series(part, dtype=pl.String)) for part in parts]
        while len(heap) > 1:
            random.shuffle(heap)
            heap.append(merge_values([heap.pop(), heap.pop()]))
        (merged,) = heap
        assert merged.as_dict() == whole.as_dict()
        assert (merged.sketch is None) == (whole.sketch is None) == (not whole.truncated)
        if whole.sketch is not None:
            np.testing.assert_array_equal(merged.sketch, whole.sketch)
            assert merged.top(3, everything) == whole.top(3, everything)
            assert int(whole.sketch[0].sum()) == len(everything)
    finally:
        values_module.CAP = kept


def test_profiles_of_parts_tell_the_same_frequent_values_as_the_whole() -> None:
    frame = pl.DataFrame({ROW: np.arange(N), "c": columns()["skewed texts"], "d": columns()["log-normal"]})
    whole = profile_frame(frame, seed=0)
    parts = [profile_frame(frame.slice(at, 30_011), seed=0) for at in range(0, N, 30_011)]
    merged = merge([merge(parts[3:]), merge(parts[:3][::-1])])
    for name in ("c", "d"):
        assert merged.top(name, 200) == whole.top(name, 200)
        assert merged.columns[name].distinct == whole.columns[name].distinct
