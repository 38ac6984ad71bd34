"""Profiles of rows: right, mergeable in any order, and blind to rows that are not theirs."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import pickle

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile import columns as columns_module
from rayline.profile import profile as profile_module
from rayline.profile.parts import lighten, merge_parts, profile_parts
from rayline.profile.profile import Profile, merge, profile_frame


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    """`n` rows of every kind of column, with holes."""
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            ROW: np.arange(n, dtype=np.int64) + (3 << 40),
            "x": rng.normal(50, 9, n),
            "y": rng.normal(0, 1, n),
            "n": rng.integers(0, 12, n),
            "big": rng.integers(0, 10**9, n),
            "word": rng.choice(["a", "b", "c", "dd"], n),
            "open": rng.random(n) < 0.4,
            "day": np.datetime64("2024-01-01") + rng.integers(0, 400, n).astype("timedelta64[D]"),
            "when": np.datetime64("2024-01-01T00:00:00", "us") + rng.integers(0, 10**9, n).astype("timedelta64[us]"),
        }
    )
    for name in frame.columns[1:]:
        hole = pl.Series(rng.random(n) < 0.1)
        frame = frame.with_columns(pl.when(hole).then(None).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(pl.when(pl.col(ROW) % 97 == 5).then(math.inf).otherwise(pl.col("y")).alias("y"))


PLAIN = (
    "name",
    "dtype",
    "kind",
    "count",
    "missing",
    "infinite",
    "minimum",
    "maximum",
    "distinct",
    "truncated",
    "counts",
)


def differences(one: Profile, other: Profile, rel: float = 1e-12) -> list[str]:
    """What is not equal, sums of floats not within `rel`."""
    assert one.patterns is not None
    assert other.patterns is not None
    equal = {
        "rows": one.rows == other.rows,
        "sample": one.sample.equals(other.sample),
        "complete rows": one.patterns.complete == other.patterns.complete,
        "missing together": one.missing_together() == other.missing_together(),
    }
    for a, b in zip(one.columns.values(), other.columns.values(), strict=True):
        equal |= {f"{a.name} {field}": getattr(a, field) == getattr(b, field) for field in PLAIN}
        for field in ("mean", "variance"):
            left, right = getattr(a, field), getattr(b, field)
            equal[f"{a.name} {field}"] = left == right or left == pytest.approx(right, rel=rel, abs=rel)
    for name in ("count_FF", "square_FF"):
        equal[name] = np.allclose(getattr(one.gram, name), getattr(other.gram, name), rtol=rel, atol=0)
    # a mean near zero is a sum whose terms cancel: its error is relative to them
    size = np.abs(other.gram.mean_FF) + np.sqrt(other.gram.square_FF / np.maximum(other.gram.count_FF, 1))
    equal["mean_FF"] = (np.abs(one.gram.mean_FF - other.gram.mean_FF) <= rel * size).all()
    correlations = one.correlations().matrix_FF, other.correlations().matrix_FF
    equal["correlations"] = np.allclose(*correlations, rtol=0, atol=rel, equal_nan=True)
    return [name for name, is_equal in equal.items() if not is_equal]


def bits(profile: Profile) -> bytes:
    """Everything a profile knows, exactly."""
    matrices = [getattr(profile.gram, n).tobytes() for n in ("count_FF", "mean_FF", "square_FF", "comoment_FF")]
    columns = [
        (c.name, c.kind, c.count, c.missing, c.infinite, c.minimum, c.maximum, _hex(c.mean), _hex(c.variance),
         list(c.counts.items()), c.distinct)
        for c in profile.columns.values()
    ]  # fmt: skip
    return pickle.dumps((profile.rows, columns, matrices, profile.sample.to_dict(as_series=False)))


def _hex(value: float | None) -> str | None:
    return None if value is None else value.hex()


def test_statistics_are_those_of_polars() -> None:
    frame = rows(2000)
    profile = profile_frame(frame, seed=0)
    assert ROW not in profile.columns
    x, y = profile.columns["x"], profile.columns["y"]
    assert (x.count, x.missing) == (2000 - frame["x"].null_count(), frame["x"].null_count())
    assert x.mean == pytest.approx(frame["x"].mean(), rel=1e-13)
    assert x.variance == pytest.approx(frame["x"].var(ddof=0), rel=1e-12)
    assert (x.minimum, x.maximum) == (frame["x"].min(), frame["x"].max())
    finite = frame["y"].filter(frame["y"].is_finite().fill_null(value=False))
    assert y.infinite == int(frame["y"].is_infinite().sum())
    assert (y.count, y.missing) == (len(finite), 2000 - len(finite))
    assert (y.mean, y.maximum) == (pytest.approx(finite.mean(), rel=1e-12), finite.max())
    assert profile.columns["n"].counts == dict(frame["n"].drop_nulls().value_counts().iter_rows())
    assert list(profile.columns["n"].counts) == list(range(12))
    assert profile.columns["word"].kind == "text"
    assert profile.columns["open"].counts.keys() == {True, False}
    day = profile.columns["day"]
    assert (day.kind, day.minimum) == ("date", str(frame["day"].min()))
    assert day.minimum in day.counts
    assert isinstance(profile.columns["when"].minimum, str)


def test_kinds_and_ends_of_one_row() -> None:
    frame = pl.DataFrame({ROW: [0], "i": [1], "f": [0.5], "s": ["a"], "d": [dt.date(2024, 1, 2)], "e": [None]})
    columns = profile_frame(frame, seed=0).columns
    assert [c.kind for c in columns.values()] == ["number", "number", "text", "date", "text"]
    assert (columns["i"].minimum, columns["f"].variance, columns["d"].maximum) == (1, 0.0, "2024-01-02")
    assert (columns["e"].count, columns["e"].distinct, columns["e"].counts) == (0, 0, {})


def test_nan_is_missing() -> None:
    profile = profile_frame(pl.DataFrame({ROW: [0, 1], "x": [1.0, float("nan")]}), seed=0)
    column = profile.columns["x"]
    assert (column.count, column.missing, column.infinite, column.counts) == (1, 1, 0, {1.0: 1})
    assert profile.sample["x"].to_list() == [1.0, None]


def test_text_in_encodings_of_polars_is_text() -> None:
    frame = pl.DataFrame(
        {
            ROW: [0, 1],
            "c": pl.Series(["a", "b"], dtype=pl.Categorical),
            "e": pl.Series(["x", "x"], dtype=pl.Enum(["x", "y"])),
        }
    )
    columns = profile_frame(frame, seed=0).columns
    assert (columns["c"].counts, columns["e"].counts) == ({"a": 1, "b": 1}, {"x": 2})
    assert {c.dtype for c in columns.values()} == {"String"}


@pytest.mark.parametrize("encoded", list(itertools.product([True, False], repeat=3)))
def test_texts_that_some_parts_keep_once_each_are_texts_of_the_whole(encoded: tuple[bool, ...]) -> None:
    parts = [rows(60, seed).with_columns(pl.col(ROW) + seed * 60) for seed in range(3)]
    kept = [
        part.with_columns(pl.col("word").cast(pl.Categorical)) if one else part
        for part, one in zip(parts, encoded, strict=True)
    ]
    travelled = [pickle.loads(pickle.dumps(profile_frame(part, seed=0))) for part in kept]
    found = merge([merge(travelled[:2]), travelled[2]])
    assert found.sample["word"].dtype == pl.String
    assert bits(found) == bits(
        merge([merge([profile_frame(p, seed=0) for p in parts[:2]]), profile_frame(parts[2], seed=0)])
    )


def test_profiles_of_other_rows_differ_in_everything() -> None:
    found = differences(profile_frame(rows(100), seed=0), profile_frame(rows(99, seed=1), seed=0))
    assert {"rows", "sample", "complete rows", "missing together", "correlations"} <= set(found)
    assert {"x mean", "x variance", "n counts", "word count", "count_FF", "mean_FF", "square_FF"} <= set(found)


def test_no_rows_merge_into_nothing() -> None:
    frame = rows(100)
    empty, whole = profile_frame(frame.head(0), seed=0), profile_frame(frame, seed=0)
    assert (empty.rows, empty.columns["x"].mean, empty.columns["x"].minimum) == (0, None, None)
    for merged in (merge([empty, whole]), merge([whole, empty])):
        assert bits(merged) == bits(whole)


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 300), max_size=5).map(sorted),
    seed=st.integers(0, 1000),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_gives_the_profile_of_all_rows(cuts: list[int], seed: int, random: object) -> None:
    frame = rows(300, seed)
    whole = profile_frame(frame, seed=seed)
    ends = [0, *cuts, 300]
    heap = [profile_frame(frame.slice(a, b - a), seed=seed) for a, b in itertools.pairwise(ends)]
    while len(heap) > 1:
        random.shuffle(heap)  # type: ignore[attr-defined]
        heap.append(merge([heap.pop() for _ in range(min(len(heap), 3))]))
    assert differences(heap[0], whole) == []


def test_a_large_sample_is_chosen_by_hash_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_module, "SAMPLE_ROWS", 200)
    frame = rows(5000)
    whole = profile_frame(frame, seed=1)
    parts = [profile_frame(frame.slice(at, 700), seed=1) for at in range(0, 5000, 700)]
    assert whole.sample.height == 200
    assert whole.sample[ROW].is_sorted()
    assert merge(parts).sample.equals(whole.sample)
    assert merge([merge(parts[4:]), merge(parts[:4][::-1])]).sample.equals(whole.sample)
    assert profile_frame(frame.sample(fraction=1, shuffle=True, seed=0), seed=1).sample.equals(whole.sample)
    assert not profile_frame(frame, seed=2).sample.equals(whole.sample)


def test_quantiles_of_a_sample_are_near_those_of_all_rows() -> None:
    frame = pl.DataFrame({ROW: np.arange(200_000), "x": np.random.default_rng(0).normal(size=200_000)})
    profile = profile_frame(frame, seed=0)
    assert profile.sample.height == 65_536
    shares = [0.01, 0.25, 0.5, 0.75, 0.99]
    ranks = [float((frame["x"] <= value).mean()) for value in profile.quantile("x", shares)]  # type: ignore[arg-type]
    np.testing.assert_allclose(ranks, shares, atol=0.006)


def test_quantiles_are_exact_while_every_row_is_in_the_sample() -> None:
    frame = rows(1000)
    profile = profile_frame(frame, seed=0)
    assert profile.quantile("x", 0.25) == pytest.approx(float(np.quantile(frame["x"].drop_nulls().to_numpy(), 0.25)))
    assert isinstance(profile.quantile("x", 0.5), float)
    assert profile.quantile("x", (0.1, 0.9)).shape == (2,)
    assert math.isnan(profile_frame(frame.head(0), seed=0).quantile("x", 0.5))


def test_histograms_count_every_value_of_the_sample() -> None:
    profile = profile_frame(rows(1000), seed=0)
    counted, edges = profile.histogram("x", bins=10)
    assert (counted.sum(), len(edges)) == (profile.columns["x"].count, 11)
    assert [len(part) for part in profile_frame(rows(10).head(0), seed=0).histogram("x")] == [0, 0]


def test_top_values_of_a_truncated_column_come_from_the_sample() -> None:
    frame = pl.DataFrame({ROW: np.arange(100_000), "word": [f"rare {n}" if n % 2 else "often" for n in range(100_000)]})
    profile = profile_frame(frame, seed=0)
    assert profile.columns["word"].truncated
    (value, count), *_ = profile.top("word", 3)
    assert value == "often"
    assert count == pytest.approx(50_000, rel=0.02)
    assert profile.columns["word"].distinct == pytest.approx(50_001, rel=0.03)


@pytest.mark.parametrize(
    ("column", "message"), [("xx", "no column 'xx' was profiled. Did you mean 'x'"), ("word", "holds text")]
)
def test_what_has_no_quantiles(column: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        profile_frame(rows(20), seed=0).quantile(column, 0.5)


def test_wide_data_keep_moments_of_every_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "GRAM_COLUMNS", 3)
    matrix = np.random.default_rng(0).normal(size=(50, 8))
    frame = pl.DataFrame(matrix, schema=[f"c{n}" for n in range(8)]).with_columns(pl.Series(ROW, np.arange(50)))
    profile = merge([profile_frame(frame.head(20), seed=0), profile_frame(frame.tail(30), seed=0)])
    assert profile.gram.columns == ("c0", "c1", "c2")
    means = [column.mean for column in profile.columns.values()]
    np.testing.assert_allclose(means, matrix.mean(axis=0), rtol=1e-12)


# parts of a split


def test_parts_are_the_profiles_of_their_rows() -> None:
    frame = rows(1000)
    parts = np.random.default_rng(0).integers(-2, 3, 1000).astype(np.int8)
    found = profile_parts(frame, parts, seed=0)
    assert sorted(found) == [-2, -1, 0, 1, 2]
    for part, profile in found.items():
        assert bits(profile) == bits(profile_frame(frame.filter(pl.Series(parts == part)), seed=0))
    together = merge([found[part] for part in sorted(found)])
    assert differences(together, profile_frame(frame, seed=0)) == []


def test_fragments_of_parts_merge_part_by_part() -> None:
    frame = rows(600)
    parts = np.random.default_rng(0).integers(-1, 2, 600).astype(np.int8)
    parts[:200] = 1
    pieces = [profile_parts(frame.slice(at, 200), parts[at : at + 200], seed=0) for at in (0, 200, 400)]
    assert sorted(pieces[0]) == [1]
    merged, whole = merge_parts(pieces), profile_parts(frame, parts, seed=0)
    assert sorted(merged) == sorted(whole) == [-1, 0, 1]
    for part in whole:
        assert differences(merged[part], whole[part]) == []


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 8), max_size=4).map(sorted))
def test_results_made_light_by_any_tasks_merge_to_the_same_bits(seed: int, cuts: list[int]) -> None:
    frame = rows(900, seed)
    parts = np.random.default_rng(seed).integers(-1, 2, 900).astype(np.int8)
    parts[:200] = 1  # not every part is in every fragment
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_module, "SAMPLE_ROWS", 60)
        pieces = [profile_parts(frame.slice(at, 100), parts[at : at + 100], seed=0) for at in range(0, 900, 100)]
        tasks = [pieces[a:b] for a, b in itertools.pairwise([0, *cuts, 9])]
        light = [piece for task in tasks for piece in pickle.loads(pickle.dumps(lighten(task)))]
        kept = sum(profile.sample.height for piece in light for profile in piece.values())
        assert kept <= 60 * 3 * len(tasks)
        merged, whole = merge_parts(light), merge_parts(pieces)
    assert [bits(merged[part]) for part in (-1, 0, 1)] == [bits(whole[part]) for part in (-1, 0, 1)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), held=st.integers(-2, 2))
def test_not_one_bit_of_a_part_depends_on_rows_of_another(seed: int, held: int) -> None:
    frame = rows(400, seed)
    parts = np.random.default_rng(seed).integers(-2, 3, 400).astype(np.int8)
    out = pl.Series(parts == held)
    number = pl.selectors.numeric() - pl.selectors.by_name(ROW)
    changed = frame.with_columns(
        pl.when(out).then(number + 1_000_000).otherwise(number),
        pl.when(out).then(pl.lit("found only there")).otherwise(pl.col("word")).alias("word"),
        pl.when(out).then(None).otherwise(pl.col("open")).alias("open"),
        pl.when(out).then(pl.lit(dt.date(1900, 1, 1))).otherwise(pl.col("day")).alias("day"),
    )
    before, after = profile_parts(frame, parts, seed=seed), profile_parts(changed, parts, seed=seed)
    for part in set(before) - {held}:
        assert bits(before[part]) == bits(after[part])
    training = sorted(part for part in before if part >= 0 and part != held)
    assert bits(merge([before[p] for p in training])) == bits(merge([after[p] for p in training]))
    if held in before:
        assert bits(before[held]) != bits(after[held])


def test_a_pickled_profile_is_the_same() -> None:
    profile = profile_frame(rows(2000), seed=0)
    assert bits(pickle.loads(pickle.dumps(profile))) == bits(profile)


def test_the_same_rows_twice_give_the_same_bits() -> None:
    assert bits(profile_frame(rows(3000), seed=0)) == bits(profile_frame(rows(3000), seed=0))
