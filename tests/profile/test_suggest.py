"""Suggested expectations hold of the rows they come from, catch planted faults, and tell nothing private."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
import polars as pl
import pytest
import sklearn.datasets
import yaml

from rayline.core.columns import ROW
from rayline.prepare.expectations import Checker, Decision
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.shapes import pattern_of
from rayline.profile.suggest import suggest
from rayline.spec import load
from rayline.spec.sections import Expectation


def good(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    start = dt.datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "id": pl.Series(rng.permutation(n * 10)[:n]),
            "age": rng.integers(18, 90, n),
            "share": rng.random(n),
            "change": rng.normal(0, 3, n),
            "flag": rng.integers(0, 2, n),
            "town": rng.choice(["Ulm", "Bonn", "Jena "], n),
            "code": [f"{'ABC'[i % 3]}X-{i % 1000:04d}" for i in range(n)],
            "mail": [f"u{i}.{'x' * (i % 5)}@mail{i % 7}.example.org" for i in range(n)],
            "uuid": [str(uuid.UUID(int=int(v))) for v in rng.integers(1, 2**62, n)],
            "day": [(start + dt.timedelta(days=i // 2)).date().isoformat() for i in range(n)],
            "seen": [start + dt.timedelta(hours=i) for i in range(n)],
            "born": [start - dt.timedelta(days=int(v)) for v in rng.integers(1, 30000, n)],
            "ok": rng.random(n) < 0.3,
            "note": [f"the quick brown fox {i} jumped over it" for i in range(n)],
            "part": pl.Series(rng.normal(5, 1, n)).set(pl.Series(rng.random(n) < 0.1), None),
            "empty": pl.Series([None] * n, dtype=pl.String),
            "name": rng.choice(["Smith", "Jones", "Li", "Nguyen", "Garcia", "Lison"], n),
            "y": rng.choice(["yes", "no"], n),
            ROW: np.arange(n),
        }
    )


def profiled(frame: pl.DataFrame, private: tuple[str, ...] = ()) -> Profile:
    return profile_frame(frame, seed=0, private=private)


def held(said: dict[str, dict[str, Any]], frame: pl.DataFrame) -> Decision:
    """The decision of the suggestions as they come back from a spec."""
    document = yaml.safe_load(yaml.safe_dump({"name": "s", "data": {"source": "a.csv", "target": "y", "expect": said}}))
    expect = load(document).data.expect
    return Checker(expect).decide(Checker(expect).check(frame), history=[frame.height])


def test_what_is_suggested() -> None:
    said = suggest(profiled(good()), target="y")
    assert said["id"] == {"type": "integer", "nullable": False, "unique": True}
    assert said["age"] == {"type": "integer", "min": 0, "max": 107, "nullable": False}
    assert said["share"] == {"type": "number", "min": 0.0, "max": 1.0, "nullable": False}
    assert said["change"]["min"] < -8
    assert said["flag"] == {"type": "integer", "allowed": [0, 1], "nullable": False}
    assert said["town"] == {"type": "text", "allowed": ["Bonn", "Jena", "Ulm"], "nullable": False}
    assert said["code"]["pattern"] == "[A-Z]{2}-[0-9]{4}"
    assert said["mail"]["pattern"] == r"[^@\s]+@[^@\s]+\.[^@\s.]+"
    assert said["uuid"] == {"type": "text", "nullable": False, "pattern": said["uuid"]["pattern"], "unique": True}
    assert said["day"] == {"type": "date", "nullable": False, "increasing": True}
    assert said["seen"] == {"type": "date", "nullable": False, "increasing": True}
    assert said["born"] == {"type": "date", "nullable": False}
    assert said["ok"] == {"type": "boolean", "nullable": False}
    assert "pattern" not in said["note"]
    assert "nullable" not in said["part"]
    assert 0.1 < said["part"]["missing_share"] < 0.3
    assert "empty" not in said
    assert said["y"] == {"type": "text", "allowed": ["no", "yes"], "nullable": False}
    assert said["*"] == {"rows": {"change": 0.5}}
    for name, one in said.items():
        assert Expectation(**one).on == "stop", name


def test_suggestions_hold_of_the_rows_they_come_from() -> None:
    frame = good()
    said = suggest(profiled(frame), target="y")
    assert not held(said, frame).broken
    parts = merge([profiled(frame[:150]), profiled(frame[150:])])
    assert suggest(parts, target="y") == said


@pytest.mark.parametrize(
    ("column", "value", "key"),
    [
        ("id", None, "id.nullable"), ("age", 900, "age.max"), ("age", -3, "age.min"), ("share", 1.5, "share.max"),
        ("flag", 2, "flag.allowed"), ("town", "Atlantis", "town.allowed"), ("code", "AX-12", "code.pattern"),
        ("mail", "nobody", "mail.pattern"), ("day", "soon", "day.type"), ("y", "maybe", "y.allowed"),
        ("seen", dt.datetime(2020, 1, 1), "seen.increasing"), ("y", " ", "y.nullable"), ("change", 1e6, "change.max"),
    ],
)  # fmt: skip
def test_suggestions_catch_planted_faults(column: str, value: Any, key: str) -> None:
    frame = good()
    said = suggest(profiled(frame), target="y")
    values = frame[column].to_list()
    values[300] = value
    spoilt = frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))
    assert key in [one.check.name for one in held(said, spoilt).broken]


def test_repeated_ids_and_too_few_values_are_caught() -> None:
    frame = good()
    said = suggest(profiled(frame), target="y")
    assert "id.unique" in [b.check.name for b in held(said, frame.with_columns(id=pl.col("id").clip(100))).broken]
    gone = frame.with_columns(part=pl.when(pl.col(ROW) % 2 == 0).then("part"))
    assert [b.check.name for b in held(said, gone).broken] == ["part.missing_share"]
    assert [b.check.name for b in held(said, frame[:100]).broken] == []
    decision = Checker({"*": Expectation(**said["*"])})
    assert decision.decide(decision.check(frame[:100]), history=[400]).broken[0].check.name == "*.rows"


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
def test_real_data_holds_what_it_suggests(name: str) -> None:
    data = getattr(sklearn.datasets, f"load_{name}")(as_frame=True).frame.rename(columns={"target": "y"})
    frame = pl.from_pandas(data).with_row_index(ROW).cast({ROW: pl.Int64})
    said = suggest(profiled(frame), target="y")
    assert not held(said, frame).broken
    assert len(said) > 4
    classes = said["y"].get("allowed")
    assert classes == (None if name == "diabetes" else sorted(set(data["y"])))
    halves = [frame.sample(fraction=0.5, seed=seed).sort(ROW) for seed in range(5)]
    learnt = suggest(profiled(halves[0]), target="y")
    learnt.pop("*")
    broken = sum(one.rows for half in halves[1:] for one in held(learnt, half).broken)
    assert broken < 0.02 * sum(half.height * (half.width - 1) for half in halves[1:])  # a margin for what comes


def test_nothing_private_is_told() -> None:
    frame = good().with_columns(
        age=pl.col("age") + 77_000, town=pl.lit("Zanzibar") + pl.col("town"), code=pl.lit("QQQ") + pl.col("code")
    )
    hidden = suggest(profiled(frame, private=("age", "town", "code", "day")), target="y")
    assert hidden["age"] == {"type": "integer", "nullable": False}
    assert hidden["town"] == {"type": "text", "nullable": False}
    assert hidden["code"] == {"type": "text", "nullable": False, "unique": True}
    assert hidden["day"] == {"type": "date", "nullable": False, "increasing": True}
    assert "77" not in str(hidden["age"])
    shown = suggest(profiled(frame), target="y")
    assert shown["town"]["allowed"][0].startswith("Zanzibar")
    assert not held(hidden, frame).broken


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        ([f"{i:05d}" for i in range(50)], "[0-9]{5}"),
        ([str(i * i) for i in range(50)], "[0-9]+"),
        ([f"10.0.{i}.{i % 3}" for i in range(50)], r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"),
        ([f"https://x.org/{i}" for i in range(50)], r"https?://\S+"),
        ([f"{i}:{i % 60:02d}" for i in range(50)], "[0-9]+:[0-9]{2}"),
        ([f"({i:03d}) {i:03d}" for i in range(50)], r"\([0-9]{3}\) [0-9]{3}"),
        ([f"{'abc'[i % 3]}{'xyz'[i % 3]}{'klmnopqrstu'[i % 11]}" for i in range(50)], "[a-z]{3}"),
        ([f"{'word' * (1 + i % 3)}{'abcdefghijk'[i % 11]}" for i in range(50)], None),
        ([f"é{i:03d}" for i in range(50)], "é[0-9]{3}"),
        ([f"{i}" if i % 2 else f"a{i}" for i in range(50)], None),
        (["A1"] * 50, None),
    ],
)
def test_shapes(values: list[str], pattern: str | None) -> None:
    assert pattern_of(pl.Series(values)) == pattern


def test_odd_profiles() -> None:
    assert suggest(
        profiled(pl.DataFrame({"a": pl.Series([], dtype=pl.Int64), ROW: pl.Series([], dtype=pl.Int64)}))
    ) == {"*": {"rows": {"change": 0.5}}}
    one = suggest(profiled(pl.DataFrame({"a": [5.0], "b": ["x"], "c": [[1.0, 2.0]], ROW: [0]})))
    assert one["a"] == {"type": "integer", "min": 5.0, "max": 5.0, "nullable": False}
    assert one["c"] == {"nullable": False}
    wide = suggest(profiled(pl.DataFrame({"a": [-1.7e308, 1.7e308] * 30, "b": [-5, 0] * 30, ROW: range(60)})))
    assert wide["a"]["type"] == "integer"
    assert wide["b"]["allowed"] == [-5, 0]
