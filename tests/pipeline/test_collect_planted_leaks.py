"""Planted leaks of each kind stop a run; the clean twin of each passes, and so do sets without any."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.pipeline import collect as collecting
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.prepare.leakage import LeakageError
from rayline.prepare.split._parts import OUT, TEST, Parts
from rayline.profile.parts import profile_parts
from rayline.profile.profile import Profile
from rayline.sources.scan import scan
from rayline.spec import load

SECRET = 987654


def cancer() -> pl.DataFrame:
    found = load_breast_cancer(as_frame=True)
    frame = pl.DataFrame({name.replace(" ", "_"): found.data[name].to_numpy() for name in found.data.columns[:8]})
    rng = np.random.default_rng(0)
    return frame.with_columns(
        answer=pl.Series(np.where(found.target.to_numpy() == 1, "benign", "malign")),
        patient=pl.Series(SECRET + rng.integers(0, 150, frame.height)),
        visited=pl.Series([dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in rng.permutation(frame.height)]),
    )


def look(frame: pl.DataFrame, folder: Path, data: dict[str, Any] | None = None, **prepare: Any) -> Collected:
    path = folder / "data.parquet"
    frame.write_parquet(path, row_group_size=200)
    plain = {"features": {"patient": "id", "visited": "date"}} if "patient" in frame.columns else {}
    section = {"source": str(path), "target": "answer", **plain, **(data or {})}
    return collect(load({"name": "leak", "data": section, "prepare": prepare}), scan)


def refused(frame: pl.DataFrame, folder: Path, data: dict[str, Any] | None = None, **prepare: Any) -> str:
    with pytest.raises(LeakageError) as told:
        look(frame, folder, data, **prepare)
    message = str(told.value)
    assert str(SECRET)[:4] not in message, "values may be private"
    # the same is a warning where that is what was asked for, and nothing where it is to be ignored
    settings = prepare.pop("leakage", {})
    warned = look(frame, folder, data, leakage={**settings, "found": "warn"}, **prepare).warnings
    stopping = [w for w in warned if w.startswith("leakage") and "nearly tells" not in w]
    for line, advised in zip(stopping, message.splitlines(), strict=True):
        assert "leakage: warn" not in line, "it is set"
        assert advised.startswith(line)
        assert ("prepare.leakage: warn" in advised) == ("(statistics)" not in advised)
    ignored = look(frame, folder, data, leakage={**settings, "found": "ignore"}, **prepare).warnings
    assert not [line for line in ignored if line.startswith("leakage")]
    return message


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "wine", "diabetes", "digits"])
@pytest.mark.parametrize("duplicates", ["drop", "keep"])
def test_real_sets_pass(name: str, duplicates: str) -> None:
    spec = {"name": "real", "data": {"source": f"sklearn:{name}", "target": "target"}}
    found = collect(load({**spec, "prepare": {"duplicates": duplicates}}), scan)
    assert not [line for line in found.warnings if "leakage" in line]


def test_the_clean_twin_passes(tmp_path: Path) -> None:
    assert look(cancer(), tmp_path).warnings == ()


@pytest.mark.parametrize(
    ("leak", "how"),
    [
        (pl.col("answer"), "it equals it"),
        (pl.col("answer").replace_strict({"benign": 3, "malign": 8}), "each of its values goes with one"),
        (pl.when(pl.col("answer") == "benign").then("mean_radius"), "whether it has a value"),
        ((pl.col("answer") == "benign") * 5 + pl.col("mean_smoothness"), "thresholds of it part the classes"),
        (pl.when(pl.int_range(pl.len()) % 400 == 0).then(pl.lit("?")).otherwise("answer"), "each of its values"),
    ],
    ids=["equal", "mapped", "missing", "shifted", "nearly"],
)
def test_a_feature_that_tells_the_target(leak: pl.Expr, how: str, tmp_path: Path) -> None:
    frame = cancer().with_columns(told=leak)
    message = refused(frame, tmp_path)
    assert message.startswith("leakage (target): 'told' tells the target 'answer' by itself: ")
    assert how in message
    assert "data.features.told: drop" in message
    look(frame, tmp_path, {"features": {"patient": "id", "visited": "date", "told": "drop"}})


def test_a_feature_that_nearly_tells_the_target_is_warned_of(tmp_path: Path) -> None:
    wrong = pl.int_range(pl.len()) == 77
    other = pl.when(pl.col("answer") == "benign").then(pl.lit("malign")).otherwise(pl.lit("benign"))
    frame = cancer().with_columns(told=pl.when(wrong).then(other).otherwise("answer"))
    (line,) = look(frame, tmp_path).warnings
    assert line.startswith("leakage (target): 'told' nearly tells the target 'answer' by itself: each of its values")
    assert "data.features.told: drop" in line
    assert look(frame, tmp_path, leakage="ignore").warnings == ()


def test_copies_on_both_sides(tmp_path: Path) -> None:
    clean = cancer().drop("patient", "visited")
    copies = pl.concat([clean, clean[10:50]])
    entered = copies.with_columns(entry=pl.int_range(copies.height) * 3)
    assert look(copies, tmp_path).rows(-3) == 40, "copies in every column are dropped by default"
    for frame, duplicates in ((copies, "keep"), (entered, "drop"), (entered, "keep")):
        message = refused(frame, tmp_path, duplicates=duplicates)
        held = int(message.split()[2])
        assert 10 < held < 35
        assert message.startswith(f"leakage (duplicate): {held} held-out rows are equal to training rows")
        assert "row " in message
        assert look(clean, tmp_path, duplicates=duplicates).warnings == ()
    by_features = {"name": "exact", "columns": clean.columns}
    assert look(entered, tmp_path, duplicates=by_features).rows(-3) == 40


def test_rows_alike_by_nature_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({name: rng.integers(0, 4, 2000) for name in ("a", "b", "c")})
    frame = frame.with_columns(
        answer=pl.Series(np.where(rng.random(2000) < 0.2 + 0.2 * frame["a"].to_numpy(), "yes", "no"))
    )
    assert look(frame, tmp_path, duplicates="keep").warnings == ()


def test_as_many_alike_as_chance_has_are_no_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.integers(0, 60, 400), "b": rng.integers(0, 3, 400)})
    odd = pl.int_range(pl.len()) % 20 == 0
    frame = frame.with_columns(
        answer=pl.when((pl.col("a") * 7 % 13 > 6) ^ odd).then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    assert look(frame, tmp_path, duplicates="keep").warnings == ()
    finer = frame.with_columns(c=pl.Series(rng.normal(size=400)))
    assert look(finer, tmp_path, duplicates="keep").warnings == ()
    assert "leakage (duplicate)" in refused(pl.concat([finer, finer[:20]]), tmp_path, duplicates="keep")


def test_groups_on_both_sides(tmp_path: Path) -> None:
    declared = {"groups": "patient"}
    message = refused(cancer(), tmp_path, leakage=declared)
    assert "groups of 'patient' have rows on both sides" in message
    assert "data.split: {name: group, by: patient}" in message
    found = look(cancer(), tmp_path, {"split": {"name": "group", "by": "patient"}}, leakage=declared)
    assert found.warnings == ()
    assert "patient" not in [feature.name for feature in found.features]
    # a column somebody wrote, with one patient divided
    of_patient = pl.Series(np.random.default_rng(1).random(1000) < 0.7)[(cancer()["patient"] - SECRET).to_list()]
    given = cancer().with_columns(part=pl.when(of_patient).then(pl.lit("train")).otherwise(pl.lit("test")))
    split = {"split": {"name": "predefined", "column": "part"}}
    assert look(given, tmp_path, split, leakage=declared).warnings == ()
    first = given["patient"][0]
    row = given.with_row_index().filter(pl.col("patient") == first)["index"][1]
    other = {"train": "test", "test": "train"}[given["part"][0]]
    planted = given.with_columns(part=pl.when(pl.int_range(pl.len()) == row).then(pl.lit(other)).otherwise("part"))
    message = refused(planted, tmp_path, split, leakage=declared)
    assert message.startswith("leakage (group): 1 group of 'patient' has rows on both sides")


def test_a_column_that_looks_like_groups_is_told(tmp_path: Path) -> None:
    frame = cancer().rename({"patient": "patient_id"})
    types = {"features": {"patient_id": "id", "visited": "date"}}
    found = look(frame, tmp_path, types)
    assert len(found.warnings) == 1
    assert "patient_id looks like the name of groups: " in found.warnings[0]
    assert "set data.split: {name: group, by: patient_id}" in found.warnings[0]
    assert look(frame, tmp_path, {**types, "split": {"name": "group", "by": "patient_id"}}).warnings == ()
    many = pl.concat([frame.with_columns(pl.col("mean_radius") + n / 1000) for n in range(8)])
    found = look(many.with_columns(patient_id=pl.int_range(pl.len()) % 1100), tmp_path, types)
    assert re.search(r": 1,\d{3} values in 3,\d{3} training rows", found.warnings[0])
    each = frame.with_columns(patient_id=pl.int_range(pl.len()))
    assert look(each, tmp_path, types).warnings == ()


def test_time_that_runs_backwards(tmp_path: Path) -> None:
    declared = {"time": "visited"}
    message = refused(cancer(), tmp_path, leakage=declared)
    assert "training rows are later by 'visited' than the earliest held-out row" in message
    assert "data.split: {name: time, by: visited}" in message
    assert "2020" not in message
    found = look(cancer(), tmp_path, {"split": {"name": "time", "by": "visited", "gap": "3d"}}, leakage=declared)
    assert found.warnings == ()
    assert found.rows(OUT) == 6
    ordered = (
        cancer()
        .sort("visited")
        .with_columns(part=pl.when(pl.int_range(pl.len()) < 400).then(pl.lit("train")).otherwise(pl.lit("test")))
    )
    split = {"split": {"name": "predefined", "column": "part"}}
    assert look(ordered, tmp_path, split, leakage=declared).warnings == ()
    late = ordered.with_columns(
        part=pl.when(pl.int_range(pl.len()).is_in([500, 510])).then(pl.lit("train")).otherwise("part")
    )
    message = refused(late, tmp_path, split, leakage=declared)
    assert message.startswith("leakage (time): 2 training rows are later by 'visited'")
    assert "row 401 is held out, and row 501, row 511 are trained on" in message


def test_statistics_moved_by_held_out_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaky(frame: pl.DataFrame, parts: Parts, **options: Any) -> dict[int, Profile]:
        return profile_parts(frame, np.where(parts == TEST, 0, parts), **options)

    monkeypatch.setattr(collecting, "profile_parts", leaky)
    message = refused(cancer(), tmp_path)
    held = look(cancer(), tmp_path, leakage="ignore").assign.assignment.parts(
        cancer().with_columns(pl.Series(ROW, np.arange(569)))
    )
    told = f"leakage (statistics): statistics of a part were learnt from {(held == TEST).sum()} rows that are not of"
    assert message.startswith(told)


def test_every_leak_is_told_at_once(tmp_path: Path) -> None:
    frame = cancer().with_columns(told="answer")
    message = refused(frame, tmp_path, leakage={"groups": ["patient"], "time": "visited"})
    assert [line.split(":")[0] for line in message.splitlines()] == [
        "leakage (group)",
        "leakage (time)",
        "leakage (target)",
    ]


def test_rows_set_aside_are_in_no_part_and_no_statistics(tmp_path: Path) -> None:
    frame = cancer()
    path = tmp_path / "data.parquet"
    frame.write_parquet(path, row_group_size=200)
    spec = load({"name": "aside", "data": {"source": str(path), "target": "answer", "split": "stratified"}})
    aside = np.arange(0, frame.height, 7)
    found = collect(spec, scan, set_aside=aside)
    assert found.everything.rows == frame.height - len(aside)
    assert found.rows(-3) == 0
    assert not set(aside.tolist()) & set(found.training.sample[ROW].to_list())
    # a row that repeats one set aside is not there twice, and stays
    twice = pl.concat([frame, frame[:1]])
    twice.write_parquet(path, row_group_size=200)
    assert collect(spec, scan).rows(-3) == 1
    assert collect(spec, scan, set_aside=np.array([0])).rows(-3) == 0


def numbers() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    return pl.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300), "answer": rng.integers(0, 2, 300)})


@pytest.mark.parametrize(
    "prepare",
    [
        {"derive": {"told": "a + answer"}},
        {"derive": {"told": "if(answer == 1, a, b)", "twice": "told * 2"}},
        {"clean": [{"name": "cross", "columns": ["answer", "b"], "into": "told"}]},
    ],
)
def test_a_column_made_of_the_target_is_refused_unless_it_is_set_aside(prepare: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is made of the target 'answer'"):
        look(numbers(), tmp_path, **prepare)
    aside = dict.fromkeys(("told", *list(prepare.get("derive", {}))[1:]), "drop")
    found = look(numbers(), tmp_path, {"features": aside}, **prepare)
    assert [feature.name for feature in found.features] == ["a", "b"]


def test_a_target_made_of_features_alone_is_found(tmp_path: Path) -> None:
    frame = numbers().rename({"answer": "other"})
    derive = {"answer": "a + b * 0.5 > 0"}
    assert "is made of 'a', 'b', which are learnt from" in refused(frame, tmp_path, derive=derive)
    # one of the two is not learnt from: the other is no more than a hint
    assert not look(frame, tmp_path, {"features": {"b": "drop"}}, derive=derive).warnings
    # a target that is corrected in place is made of itself
    clean = [{"name": "cast", "columns": ["answer"], "to": "text"}]
    assert not look(numbers(), tmp_path, clean=clean).warnings
