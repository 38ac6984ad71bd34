"""History agrees with a loop over all rows, for any order of rows and files, and refuses what it cannot make."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _guessed
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.spec import document

START = dt.datetime(2024, 1, 1)
HOUR = 3600
STATISTICS = ["count", "sum", "mean", "std", "min", "max", "median", "first", "last"]
WINDOWS: list[dict[str, Any]] = [
    {"last": 3, "of": STATISTICS},
    {"last": "9h", "of": STATISTICS, "min_samples": 2},
    {"last": 5, "of": STATISTICS, "include_current": True},
    {"last": "12h", "of": STATISTICS, "include_current": True},
]
OPTIONS: dict[str, Any] = {
    "by": ["site", "machine"],
    "time": "measured",
    "lags": {"load": [1, 4], "state": 2, "number": 1},
    "diffs": {"load": [1, 2]},
    "windows": {"load": WINDOWS, "state": {"last": "7h", "of": ["count", "first", "last"]}},
    "elapsed": True,
}


def readings(rows: int = 400, *, ties: bool = True) -> pl.DataFrame:
    """Three machines at two sites, some times shared, some of everything missing."""
    rng = np.random.default_rng(5)
    hours = rng.integers(0, 90, rows) if ties else rng.permutation(rows)
    frame = pl.DataFrame(
        {
            "number": np.arange(rows),
            "site": rng.choice(["north", "south"], rows),
            "machine": rng.integers(1, 4, rows),
            "measured": [START + dt.timedelta(hours=int(h)) for h in hours],
            "load": np.round(rng.normal(50, 20, rows), 3),
            "state": rng.choice(["on", "off", "idle"], rows),
        }
    )
    for place, name in enumerate(["site", "machine", "measured", "load", "state"]):
        share = 0.25 if name in ("load", "state") else 0.02
        lost = pl.Series(np.random.default_rng(place).random(rows) < share)
        frame = frame.with_columns(pl.when(lost).then(None).otherwise(name).alias(name))
    return frame


def build(path: Path, **options: Any) -> Source:
    given = {"name": "history", "source": str(path), **OPTIONS, **options}
    return catalog.resolve("source", given).build()  # type: ignore[attr-defined, no-any-return]


def whole(source: Source) -> pl.DataFrame:
    return pl.concat(scan(source, lambda frame, _: frame))


def naive(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """What OPTIONS make, row by row, from all rows that are earlier."""
    rows = frame.to_dicts()
    seconds = [None if row["measured"] is None else (row["measured"] - START).total_seconds() for row in rows]
    keys = [(row["site"], row["machine"]) for row in rows]
    lost = [None in key or time is None for key, time in zip(keys, seconds, strict=True)]
    made = []
    for place, row in enumerate(rows):
        if lost[place]:
            made.append(dict.fromkeys(whole_names(), None))
            continue
        now = seconds[place]
        earlier = [j for j in range(len(rows)) if not lost[j] and keys[j] == keys[place] and seconds[j] < now]
        # number is unique, and the first of the columns that ties are ordered by
        earlier.sort(key=lambda j: (seconds[j], rows[j]["load"] is not None, rows[j]["load"] or 0, rows[j]["number"]))
        found: dict[str, Any] = {}
        for name, backs in {"load": [1, 4], "state": [2], "number": [1]}.items():
            found |= {f"{name}_lag_{n}": rows[earlier[-n]][name] if n <= len(earlier) else None for n in backs}
        for n in (1, 2):
            before = rows[earlier[-n]]["load"] if n <= len(earlier) else None
            there = None not in (before, row["load"])
            found[f"load_diff_{n}"] = row["load"] - before if there else None
        for window in WINDOWS:
            last, own = window["last"], window.get("include_current", False)
            if isinstance(last, int):
                inside = earlier[max(len(earlier) - last + own, 0) :]
            else:
                since = now - int(last[:-1]) * HOUR
                inside = [j for j in earlier if seconds[j] > since or (seconds[j] == since and not own)]
            values = [rows[j]["load"] for j in [*inside, *([place] if own else [])]]
            found |= {f"load_{of}_{last}": value for of, value in told(values, window).items()}
        states = [rows[j]["state"] for j in earlier if seconds[j] >= now - 7 * HOUR]
        there_ = [state for state in states if state is not None]
        found |= {"state_count_7h": len(there_), "state_first_7h": there_[0] if there_ else None}
        found["state_last_7h"] = there_[-1] if there_ else None
        found["measured_elapsed"] = now - seconds[earlier[-1]] if earlier else None
        made.append(found)
    return made


def whole_names() -> list[str]:
    config: Any = catalog.resolve("source", {"name": "history", "source": "a.csv", **OPTIONS})
    return [made.name for made in config.made]


def told(values: Iterable[float | None], window: dict[str, Any]) -> dict[str, Any]:
    there = [value for value in values if value is not None]
    if len(there) < window.get("min_samples", 1):
        return {"count": len(there), **dict.fromkeys(STATISTICS[1:], None)}
    return {
        "count": len(there),
        "sum": sum(there),
        "mean": np.mean(there),
        "std": np.std(there, ddof=1) if len(there) > 1 else None,
        "min": min(there),
        "max": max(there),
        "median": np.median(there),
        "first": there[0],
        "last": there[-1],
    }


def agree(found: pl.DataFrame, expected: list[dict[str, Any]]) -> None:
    compared = 0
    for row, wanted in zip(found.to_dicts(), expected, strict=True):
        for name, value in wanted.items():
            if isinstance(value, float):
                assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (row["number"], name)
            else:
                assert row[name] == value, (row["number"], name)
            compared += value is not None
    assert compared > 10 * len(expected)


@pytest.mark.parametrize("ties", [False, True])
def test_history_is_what_a_loop_over_all_rows_finds(tmp_path: Path, ties: bool) -> None:
    frame = readings(ties=ties)
    frame.write_parquet(tmp_path / "readings.parquet")
    source = build(tmp_path / "readings.parquet", lags=by_load_first())
    found = whole(source)
    assert found.select(frame.columns).equals(frame)
    agree(found, naive(frame))


def by_load_first() -> dict[str, Any]:
    """Ties are ordered by the columns as they are named: `load`, then `number`, both of which the loop knows."""
    return {"load": [1, 4], "number": 1, "state": 2}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_order_of_rows_and_files_changes_nothing(tmp_path: Path, kind: str) -> None:
    frame = readings()
    frame.write_parquet(tmp_path / "whole.parquet")
    expected = whole(build(tmp_path / "whole.parquet")).drop(ROW).sort("number")
    for turn, pieces in enumerate((1, 3, 7)):
        folder = tmp_path / f"{kind}{turn}"
        folder.mkdir()
        order = frame.sample(fraction=1, shuffle=True, seed=turn)
        for place, part in enumerate(order.iter_slices(-(-frame.height // pieces))):
            if kind == "csv":
                part.write_csv(folder / f"{place}.csv")
            else:
                part.write_parquet(folder / f"{place}.parquet", row_group_size=30)
        source = build(folder)
        assert len(source.fragments()) == pieces
        found = whole(source).sort("number")
        assert found.drop(ROW).equals(expected)  # to the last bit


def test_rows_keep_their_keys_and_fragments(tmp_path: Path) -> None:
    for place, part in enumerate(readings().iter_slices(150)):
        part.write_parquet(tmp_path / f"{place}.parquet")
    inner: Source = catalog.resolve("source", {"name": "parquet", "path": str(tmp_path)}).build()  # type: ignore[attr-defined]
    source = build(tmp_path)
    assert [fragment.label for fragment in source.fragments()] == [fragment.label for fragment in inner.fragments()]
    for fragment, plain in zip(source.fragments(), inner.fragments(), strict=True):
        assert source.read(fragment, inner.schema().names).equals(inner.read(plain))
        assert source.read(fragment, ["load_lag_1"]).column(ROW).equals(inner.read(plain).column(ROW))
    assert len(pickle.dumps(source)) < 20_000, "what was made travels with the fragments"


def test_rows_of_one_instant_do_not_see_each_other(tmp_path: Path) -> None:
    frame = pl.DataFrame({"day": [1, 1, 1, 2, 2], "sold": [3, 1, 2, 10, 20]})
    frame.write_csv(tmp_path / "sold.csv")
    options = {"lags": {"sold": [1, 2, 3]}, "windows": {"sold": {"last": 2, "of": ["sum", "max"]}}}
    config = {"name": "history", "source": str(tmp_path / "sold.csv"), "time": "day", **options}
    source: Source = catalog.resolve("source", config).build()  # type: ignore[attr-defined]
    found = whole(source)
    assert found["sold_lag_1"].to_list() == [None, None, None, 3, 3], "of one instant the greatest value is the last"
    assert found["sold_lag_3"].to_list() == [None, None, None, 1, 1]
    assert found["sold_sum_2"].to_list() == [None, None, None, 5, 5]
    assert source.notes == {-1: f"{source.name}: history: rows whose day another has too: 5; rows of one instant do "
                                "not see each other."}  # fmt: skip


def test_rows_without_entity_or_time_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame = readings(ties=False)
    frame.write_parquet(tmp_path / "a.parquet")
    source = build(tmp_path / "a.parquet")
    found = whole(source)
    lost = frame.select(pl.any_horizontal(pl.col("site", "machine", "measured").is_null())).to_series()
    assert lost.sum() > 5
    assert found.filter(lost).select(whole_names()).null_count().row(0) == (lost.sum(),) * len(whole_names())
    said = f"rows without a value of site, machine, measured: {lost.sum()}, which have no history"
    assert said in source.notes[-1]
    assert said in caplog.text


def test_a_date_in_several_columns_becomes_a_time(tmp_path: Path) -> None:
    frame = readings(ties=False)
    parts = {part: getattr(pl.col("measured").dt, part)() for part in ("year", "month", "day", "hour")}
    frame.with_columns(**parts).drop("measured").write_parquet(tmp_path / "parts.parquet")
    frame.write_parquet(tmp_path / "one.parquet")
    joined = whole(build(tmp_path / "parts.parquet", time=list(parts)))
    assert joined["time"].equals(frame["measured"])
    names = [name for name in whole_names() if not name.endswith("elapsed")]
    assert joined.select(names).equals(whole(build(tmp_path / "one.parquet")).select(names))


@pytest.mark.parametrize("kind", ["text", "date", "s", "ms", "float"])
def test_times_are_dates_texts_or_numbers_with_a_unit(tmp_path: Path, kind: str) -> None:
    frame = readings(60, ties=False).with_columns(
        pl.col("measured").dt.truncate("1d") if kind == "date" else "measured"
    )
    frame.write_parquet(tmp_path / "one.parquet")
    time = pl.col("measured")
    seconds = (time - START).dt.total_seconds()
    as_given = {
        "text": time.dt.strftime("%Y-%m-%dT%H:%M:%S"),
        "date": time.dt.date(),
        "s": seconds,
        "ms": seconds * 1000,
        "float": seconds + 0.5,
    }
    frame.with_columns(as_given[kind].alias("measured")).write_parquet(tmp_path / "other.parquet")
    unit = {"s": "s", "ms": "ms", "float": "s"}.get(kind)
    found = whole(build(tmp_path / "other.parquet", unit=unit)).select(whole_names())
    assert found.equals(whole(build(tmp_path / "one.parquet")).select(whole_names()))


def test_histories_of_several_kinds_of_entities(tmp_path: Path) -> None:
    frame = readings()
    frame.write_parquet(tmp_path / "a.parquet")
    plain = {"name": "history", "time": "measured"}
    inner = {**plain, "source": str(tmp_path / "a.parquet"), "by": "site", "lags": {"load": 1}}
    outer = {**plain, "source": inner, "by": "machine", "windows": {"load_lag_1": {"last": 2, "of": "mean"}}}
    source: Source = catalog.resolve("source", outer).build()  # type: ignore[attr-defined]
    assert {"load_lag_1", "load_lag_1_mean_2"} <= set(whole(source).columns)
    assert source.made_of == {"load_lag_1": ("load",), "load_lag_1_mean_2": ("load_lag_1",)}
    assert sorted(source.notes) == [-2, -1]


def test_a_large_value_spoils_no_later_window(tmp_path: Path) -> None:
    values = [1e18, *([0.1] * 40), float("inf"), *([0.1] * 40)]
    pl.DataFrame({"t": range(len(values)), "x": values}).write_parquet(tmp_path / "a.parquet")
    windows = {"x": {"last": 10, "of": ["mean", "std", "sum", "median", "min"]}}
    found = whole(build(tmp_path / "a.parquet", by=None, time="t", lags={}, diffs={}, elapsed=False, windows=windows))
    for last in (found.row(30, named=True), found.row(81, named=True)):
        assert (last["x_mean_10"], last["x_std_10"], last["x_median_10"], last["x_min_10"]) == (0.1, 0.0, 0.1, 0.1)
        assert last["x_sum_10"] == pytest.approx(1)
    assert found["x_mean_10"].is_nan().sum() == 0


def test_a_column_whose_type_widens_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 100)
    monkeypatch.setattr(_guessed, "HEAD_BYTES", 2000)
    rows = "".join(f"{n},{n},{n}\n" for n in range(2000)) + "2000,0.5,0.25\n2001,1,1\n"
    (tmp_path / "late.csv").write_text("t,x,other\n" + rows)
    options: dict[str, Any] = {"by": None, "time": "t", "diffs": {}, "windows": {}, "elapsed": False}
    source = build(tmp_path / "late.csv", lags={"x": 1}, **options)
    assert not source.settled or source.schema().field("x").type == pa.float64()
    found = whole(source)
    assert found["x_lag_1"].to_list()[-2:] == [1999.0, 0.5]
    assert found.schema["other"] == pl.Float64
    assert source.schema().field("x_lag_1").type == pa.float64()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"by": "machin"}, "has no column 'machin'. Did you mean 'machine'"),
    ({"windows": {"state": {"last": 2, "of": "mean"}}}, "'state' holds string, and 'state_mean_2' is made of numbers"),
    ({"time": "running"}, "'running' holds true and false"),
    ({"time": "number"}, "'number' holds numbers, and a window is 9h long. Say what they count"),
    ({"unit": "s"}, "'measured' holds times. Leave data.source.unit out"),
    ({"lags": {"bytes": 1}}, "'bytes' holds binary"),
    ({"lags": {"load": 9}}, "has a column 'load_lag_9' already"),
    ({"time": ["number", "machine", "load"]}, "are not all whole numbers"),
    ({"time": ["number", "machine", "day"], "windows": {}}, "row 5: columns 'number', 'machine', 'day' hold no time"),
    ({"time": "state"}, "row 1: column 'state' holds no time"),
    ({"by": "empty"}, "no row has empty, measured"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_history_cannot_be_made_of_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    frame = readings(20, ties=False).fill_null(strategy="backward").fill_null(strategy="forward")
    frame.with_columns(
        number=pl.col("number") + 1,
        running=pl.lit(value=True),
        day=pl.when(pl.col("number") == 4).then(32).otherwise(1),
        bytes=pl.lit(b"x"),
        load_lag_9=0,
        empty=pl.lit(None, pl.String),
    ).write_parquet(tmp_path / "a.parquet")
    source = build(tmp_path / "a.parquet", **options)
    with pytest.raises(DataError, match="a.parquet|history") as error:
        scan(source, lambda frame, _: frame)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lags": {}, "diffs": {}, "windows": {}, "elapsed": False}, "nothing is to be made"),
        ({"lags": {"a": [1, 1]}}, "'a_lag_1' would be made twice"),
        ({"lags": {"a": 0}}, "lags.a"),
        ({"windows": {"a": {"last": "7 days", "of": "mean"}}}, "such as 7d"),
        ({"windows": {"a": {"last": "0h", "of": "mean"}}}, "such as 7d"),
        ({"windows": {"a": {"last": "99999999999999w", "of": "mean"}}}, "no more than 100,000 years"),
        ({"windows": {"a": {"last": 2**70, "of": "mean"}}}, "windows.a"),
        ({"lags": {"a": 2**70}}, "lags.a"),
        ({"windows": {"a": {"last": 3, "of": "average"}}}, "mean"),
        ({"lags": {"a": []}}, "give at least one"),
        ({"time": ["year", "month"]}, "year, month, day"),
        ({"by": ["a", "a"]}, "names 'a' twice"),
        ({"source": "nothing.xyz"}, "cannot tell what kind of source"),
        ({"time": ["year", "month", "day"], "unit": "s"}, "unit is that of one column"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as error:
        catalog.resolve("source", {"name": "history", "source": "a.csv", **OPTIONS, **options}, "data.source")
    assert said in str(error.value)


@pytest.mark.parametrize("by", ["machine", None, ["site", "machine"]])
def test_short_spellings_are_those_of_the_json_schema_too(by: Any) -> None:
    windows = {"load": {"last": "7d", "of": "mean"}, "state": [{"last": 2, "of": ["count"]}]}
    source = {"name": "history", "source": "a.csv", "by": by, "time": "t", "lags": {"load": 1}, "windows": windows}
    given = {"name": "demo", "data": {"source": source, "target": "load"}}
    validator = jsonschema.Draft202012Validator(document.schema())
    validator.validate(given)
    spec = document.load(given)
    validator.validate(document.to_dict(spec))
    assert document.load(document.to_dict(spec)) == spec
    assert list(validator.iter_errors({**given, "data": {**given["data"], "source": {**source, "lag": 1}}}))  # type: ignore[dict-item]
