"""What is done for many columns at once says what is done for each alone."""

from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.profile import few, moments, travel, wide
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.values import Values, count_values, merge_values

TYPES = [pl.Float64, pl.Float32, pl.Int64, pl.Int8, pl.UInt64, pl.UInt8]


def columns(rows: int, seed: int) -> pl.DataFrame:
    """Numbers of every type, with zeros of both signs, ends of their types, repeats, and some with holes."""
    rng = np.random.default_rng(seed)
    made: list[pl.Series] = []
    for dtype in TYPES:
        ends = [] if dtype.is_float() else [dtype.min(), dtype.max()]  # type: ignore[attr-defined]
        for place, span in enumerate((2, 9, 100)):
            values = pl.Series(rng.integers(0, span, rows)).cast(dtype)
            if dtype.is_float():
                values = pl.Series(rng.choice([-0.0, 0.0, -1.5, *rng.normal(size=span)], rows)).cast(dtype)
            name = f"{dtype} {place}"
            frame = pl.DataFrame({name: values, "hole": rng.random(rows) < place / 3, "end": rng.random(rows) < 0.2})
            for end in ends:
                frame = frame.with_columns(pl.when("end").then(end).otherwise(pl.col(name)).alias(name))
            made.append(frame.select(pl.when(~pl.col("hole")).then(pl.col(name)).alias(name)).to_series())
    return pl.DataFrame(made)


def exactly(values: Values) -> tuple[object, ...]:
    sketch = None if values.sketch is None else values.sketch.tobytes()
    counted = (values.values.name, values.values.dtype, values.values.to_numpy().tobytes())
    return (*counted, values.rows.tobytes(), values.rows.dtype, values.truncated, sketch)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(0, 50), seed=st.integers(0, 10_000), block=st.sampled_from([1, 70, 1 << 18]))
def test_columns_are_counted_as_each_alone(rows: int, seed: int, block: int) -> None:
    frame = columns(rows, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "BLOCK_VALUES", block)
        counted = wide.count_together(frame, frame.columns)
    whole = {name for name in frame.columns if frame[name].dtype.is_float() or not frame[name].null_count()}
    assert counted.keys() == (whole if rows else set())
    for name, values in counted.items():
        assert exactly(values) == exactly(count_values(frame[name]))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(0, 40), min_size=2, max_size=4), seed=st.integers(0, 10_000),
    block=st.sampled_from([1, 100, 1 << 18]),
)  # fmt: skip
def test_columns_are_added_up_as_each_alone(rows: list[int], seed: int, block: int) -> None:
    frames = [columns(height, seed + place) for place, height in enumerate(rows)]
    parts = {name: [count_values(frame[name]) for frame in frames] for name in frames[0].columns}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "BLOCK_VALUES", block)
        added = wide.add_together(parts)
    assert added.keys() == {name for name, each in parts.items() if sum(len(part.rows) for part in each)}
    for name, values in added.items():
        assert exactly(values) == exactly(merge_values(parts[name]))


def test_more_values_than_are_kept_are_counted_and_added_alike() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=3000), "n": rng.integers(0, 10**9, 3000), "y": rng.normal(size=3000)})
    counted = wide.count_together(frame, frame.columns)
    assert counted["x"].truncated
    assert not counted["n"].truncated
    for name in frame.columns:
        assert exactly(counted[name]) == exactly(count_values(frame[name]))
    parts = {name: [count_values(frame[name][:900]), count_values(frame[name][900:1900])] for name in frame.columns}
    added = wide.add_together(parts)
    assert added["x"].truncated
    for name in frame.columns:
        assert exactly(added[name]) == exactly(merge_values(parts[name]))
    assert "x" not in wide.add_together({"x": [added["x"], parts["x"][0]]})  # truncated already


def test_counters_of_few_rows_take_a_byte_each() -> None:
    """A wide table has one sketch a column and part: of eight bytes a counter they would outweigh the rows."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({ROW: np.arange(6000), "x": rng.normal(size=6000)})
    whole = profile_frame(frame, seed=0).columns["x"].values
    halves = [profile_frame(frame[at : at + 3000], seed=0) for at in (0, 3000)]
    merged = merge(halves).columns["x"].values
    for values in (whole, merged, pickle.loads(pickle.dumps(halves[0])).columns["x"].values):
        assert values.sketch is not None
        assert values.sketch.dtype == np.uint8
    often = count_values(pl.Series(np.concatenate([np.zeros(5000), rng.normal(size=2000)])))
    assert often.sketch is not None
    assert often.sketch.dtype == np.uint16
    assert int(often.sketch[0].sum(dtype=np.int64)) == 7000
    assert exactly(merged) == exactly(whole)
    both = merge_values([often, whole])
    assert both.sketch is not None
    assert both.sketch.sum(axis=1, dtype=np.int64).tolist() == [13_000] * 5


@pytest.mark.parametrize("scale", [1.0, 1e140, 1e200, 1e307])
def test_numbers_joined_to_no_rows_stay_what_they_are(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"a": rng.normal(size=40) * scale, "b": [0.0, -0.0] * 20, "c": [None, 1.0] * 20, "d": [scale] * 40}
    )
    quick = moments.measure(frame, frame.columns)
    monkeypatch.setattr(moments, "SMALL", 0.0)
    slow = moments.measure(frame, frame.columns)
    for name in ("count_FF", "mean_FF", "square_FF", "comoment_FF"):
        assert getattr(quick, name).tobytes() == getattr(slow, name).tobytes()


def test_long_columns_and_texts_are_left_to_others() -> None:
    long = pl.DataFrame({"x": np.arange(few.FEW + 1.0)})
    assert wide.count_together(long, ["x"]) == {}
    assert wide.count_together(pl.DataFrame({"s": ["a"], "b": [True]}), ["s", "b"]) == {}


def same(one: Profile, other: Profile) -> None:
    assert list(one.columns) == list(other.columns)
    for a, b in zip(one.columns.values(), other.columns.values(), strict=True):
        assert exactly(a.values) == exactly(b.values)
        assert {**vars(a), "values": None} == {**vars(b), "values": None}
    assert one.sample.equals(other.sample)
    assert one.sample.schema == other.sample.schema
    for name in ("count_FF", "mean_FF", "square_FF", "comoment_FF"):
        assert getattr(one.gram, name).tobytes() == getattr(other.gram, name).tobytes()


def mixed(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    others = pl.DataFrame(
        {
            ROW: np.arange(rows) + seed * 10**6,
            "word": pl.Series(rng.choice(["a", "b", None], rows).tolist(), dtype=pl.String),
            "open": rng.random(rows) < 0.5,
            "day": np.datetime64("2024-01-01") + rng.integers(0, 9, rows).astype("timedelta64[D]"),
            "list": pl.Series([[float(n)] * 3 for n in rng.integers(0, 5, rows)], dtype=pl.List(pl.Float64)),
        }
    )
    return pl.concat([others, columns(rows, seed)], how="horizontal")


@pytest.mark.parametrize("rows", [0, 1, 60, 1500])
def test_what_travels_arrives_as_it_was(rows: int) -> None:
    profile = profile_frame(mixed(rows, 1), seed=0, private=["word"], repeats=True)
    arrived = pickle.loads(pickle.dumps(profile))
    same(arrived, profile)
    assert (arrived.rows, arrived.seed, arrived.private) == (rows, 0, ("word",))
    more = profile_frame(mixed(40, 2), seed=0, private=["word"], repeats=True)
    same(merge([arrived, pickle.loads(pickle.dumps(more))]), merge([profile, more]))


def test_a_sample_in_pieces_arrives_as_one_that_is_whole() -> None:
    pieces = pl.concat([mixed(3, seed) for seed in range(5)], rechunk=False)
    assert travel.from_stream(travel.to_stream(pieces)).equals(pieces)
    assert travel.from_stream(travel.to_stream(pieces.clear())).schema == pieces.schema
