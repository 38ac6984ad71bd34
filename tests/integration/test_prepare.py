"""From raw rows to arrays: what `rayline prepare` writes, and that a model's endpoint makes the same of a raw row."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import rayline
from messy_people import people, spec, tree, with_rows, write
from rayline.core import files
from rayline.core.columns import ROW
from rayline.core.errors import DataError, InputError, RunError, SignatureError, StorageError
from rayline.core.prepared import Layout, Rows, read_shards
from rayline.pipeline import preparing
from rayline.pipeline.batch import predict
from rayline.pipeline.preparing import PrepareResult, prepare
from rayline.prepare.preparation import Preparation
from rayline.registry import on_ray
from rayline.registry.predictor import Predictor

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
PARTS = ("train", "validation", "test")
DROPPING = {
    "numbers": {"impute": "median"},
    "columns": {
        "job": {"encode": "target"},
        "hours": {"outliers": {"name": "iqr", "factor": 3, "action": "drop"}},
        "income": {"impute": {"name": "mean", "indicator": True}},
    },
    "select": [{"name": "mutual_info", "keep": 6}],
    "reduce": "none",
}
"""`outliers: drop` beside imputers that read one column: the others need every row."""


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return people()


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, frame: pl.DataFrame) -> str:
    return str(write(tmp_path_factory.mktemp("raw") / "people", frame))


def prepared(folder: Path, part: str) -> Rows:
    return read_shards(str(folder / part))


def rows_of(frame: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """The raw rows of a part, in its order."""
    wanted = pl.DataFrame({ROW: rows.row})
    found = wanted.join(with_rows(frame), on=ROW, how="left", maintain_order="left")
    assert found["answer"].null_count() == 0
    return found


def kept(frame: pl.DataFrame) -> pl.DataFrame:
    """What neither goes into quarantine nor is there twice, without a line of Rayline."""
    age = pl.when(pl.col("age") != -999).then(pl.col("age"))
    wrong = (age < 18).fill_null(False) | (pl.col("debt") / pl.col("income") > 8).fill_null(False)
    return with_rows(frame).filter(~wrong).unique(frame.columns, keep="first", maintain_order=True)


@pytest.mark.parametrize("more", [{}, DROPPING], ids=["iterative, select, pca", "outliers dropped"])
def test_what_is_written_is_what_the_preparation_makes_of_the_raw_rows(
    tmp_path: Path, frame: pl.DataFrame, raw: str, more: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    result = prepare(spec(raw, prepare=more), str(out))
    learnt = Preparation.load(str(out))
    assert learnt.layout == Layout.from_json(files.read_json(str(out / "layout.json"))) == result.layout
    parts = {part: prepared(out, part) for part in PARTS}
    assert {part: len(rows) for part, rows in parts.items()} == {part: result.rows[part] for part in PARTS}
    for part, rows in parts.items():
        found = rows_of(frame, rows)
        assert rows.target.tolist() == [1.0 if answer == "yes" else 0.0 for answer in found["answer"]]
        assert learnt.recipe is not None
        inputs = learnt.apply(learnt.recipe.apply(found), training=part == "train")
        assert rows.inputs.numbers.tobytes() == inputs.numbers.tobytes()
        assert rows.inputs.categories.tobytes() == inputs.categories.tobytes()
        assert np.isfinite(rows.inputs.numbers).all()
        answered = learnt.from_raw(found)
        # a training row's encoding must not have seen its own target; one that is held out is encoded as a request is
        assert (rows.inputs.numbers.tobytes() == answered.numbers.tobytes()) is (part != "train")
    everyone = kept(frame)
    stays = everyone
    if more:
        found = {step["name"]: step["learnt"] for step in _account(result, "hours")["steps"]}
        far = (everyone["hours"] < found["iqr"]["low"]) | (everyone["hours"] > found["iqr"]["high"])
        held_out = pl.Series(np.isin(everyone[ROW], np.concatenate([parts["validation"].row, parts["test"].row])))
        assert (far & held_out).any()
        assert (far & ~held_out).any()
        stays = everyone.filter(~far | held_out)
        assert prepare(spec(raw, prepare=more)).rows == result.rows, "told without writing as with it"
    assert result.rows["outliers"] == everyone.height - stays.height
    assert sum(result.rows.values()) == frame.height
    assert sorted(np.concatenate([rows.row for rows in parts.values()])) == sorted(stays[ROW])
    assert result.rows["quarantined"] + result.rows["duplicates"] == frame.height - everyone.height
    assert min(result.rows["quarantined"], result.rows["duplicates"]) > 0


def _account(result: PrepareResult, column: str) -> dict[str, Any]:
    return next(account for account in result.learnt if account["column"] == column)


def test_parquet_holds_the_same_numbers_under_the_names_of_the_inputs(tmp_path: Path, raw: str) -> None:
    more = {"select": "none", "reduce": "none"}
    first = prepare(spec(raw, prepare=more), str(tmp_path / "arrow"))
    second = prepare(spec(raw, prepare=more), str(tmp_path / "parquet"), form="parquet")
    assert first.layout == second.layout
    assert {"city=New York", "city=berlin", "job", "ratio"} <= set(first.layout.numbers)
    for part in PARTS:
        rows = prepared(tmp_path / "arrow", part)
        table = pq.read_table(tmp_path / "parquet" / part)
        assert table.column_names == [*first.layout.numbers, *first.layout.categories, "answer", ROW]
        for place, name in enumerate(first.layout.numbers):
            assert table[name].to_numpy().tobytes() == rows.inputs.numbers[:, place].tobytes(), name
        assert table["answer"].to_numpy().tobytes() == rows.target.tobytes()
        assert table[ROW].to_numpy().tobytes() == rows.row.tobytes()


@pytest.mark.parametrize("form", ["arrow", pytest.param("parquet", marks=pytest.mark.slow)])
def test_the_same_spec_twice_is_the_same_bytes(tmp_path: Path, raw: str, form: Any) -> None:
    for name in ("first", "second"):
        prepare(spec(raw), str(tmp_path / name), form=form)
    first, second = tree(tmp_path / "first"), tree(tmp_path / "second")
    assert len(first) == 3 + 3 * 7
    assert first == second


def test_quarantined_rows_are_kept_as_they_came_with_the_reason(
    tmp_path: Path, frame: pl.DataFrame, raw: str, rayline_home: Path
) -> None:
    prepare(spec(raw), str(tmp_path / "out"))
    (folder,) = rayline_home.glob("runs/people/*/quarantine")
    aside = pl.read_parquet(folder / "*.parquet")
    young = frame.filter(pl.col("age").is_between(0, 17.5))
    assert aside.filter(pl.col("age") < 18).height == young.height > 0
    assert aside.height > young.height
    assert files.read_json(str(folder.parent / "run.json"))["status"] == "done"


def test_only_runs_that_ended_well_are_in_the_history_of_rows(
    tmp_path: Path, rayline_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "some", people()[:400])
    write(tmp_path / "few", people()[:100])
    section = {"target": "answer", "features": {"job": "drop"}, "expect": {"*": {"rows": {"change": 0.5}}}}
    some, few = ({"name": "history", "data": {"source": str(tmp_path / name), **section}} for name in ("some", "few"))
    history = rayline_home / "runs" / "history" / "rows.json"

    def full(*_: Any, **__: Any) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(preparing, "_fit", full)
        for _ in range(2):
            with pytest.raises(StorageError):
                prepare(few)
    assert not history.exists()
    prepare(some)
    (first,) = files.read_json(str(history))["runs"]
    assert first["rows"] == 400
    with pytest.raises(DataError, match="100 rows, where the last run had 400"):
        prepare(few)
    assert files.read_json(str(history))["runs"] == [first]


# a model that answers raw rows


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, raw: str, ray_cluster: None) -> Iterator[tuple[str, Predictor]]:
    """A model trained on the messy rows, from its package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYLINE_HOME", str(tmp_path_factory.mktemp("home")))
        train = {"epochs": 8, "batch_size": 64, "optimizer": {"lr": 0.01}}
        done = rayline.run(spec(raw, train=train, explain={"importance_repeats": 1}))
        assert done.metrics["roc_auc"]["value"] > 0.8
        yield done.package, rayline.load("people")


def asked(frame: pl.DataFrame, predictor: Predictor) -> pl.DataFrame:
    """Rows that a request may hold, with missing and unseen values among them."""
    rows = kept(frame).drop(ROW, "answer")
    rows = rows.with_columns(
        job=pl.when(pl.int_range(pl.len()) % 50 == 0).then(pl.lit("astronaut")).otherwise("job"),
        city=pl.when(pl.int_range(pl.len()) % 20 == 0).then(None).otherwise("city"),
        hours=pl.when(pl.int_range(pl.len()) % 30 == 0).then(None).otherwise("hours"),
    )
    return rows.select(column.name for column in predictor.signature.inputs)


def test_the_model_asks_for_raw_columns_and_answers_them(frame: pl.DataFrame, model: tuple[str, Predictor]) -> None:
    _, predictor = model
    names = [column.name for column in predictor.signature.inputs]
    recipe = predictor.preparation.recipe
    assert recipe is not None
    read = [feature.name for feature in predictor.preparation.features]
    assert set(names) == set(recipe.needs(read))  # what selection left out is asked of nobody
    assert {"age", "debt", "hours", "income"} <= set(names) <= {*frame.columns} - {ROW, "answer"}
    rows = kept(frame)
    answers = predictor.predict(rows)
    assert (answers["prediction"] == rows["answer"]).mean() > 0.75
    assert predictor.check_golden() == 32


def test_one_by_one_is_bit_for_bit_what_a_batch_is(frame: pl.DataFrame, model: tuple[str, Predictor]) -> None:
    _, predictor = model
    rows = asked(frame, predictor).sample(1_000, seed=1)
    whole = predictor.preparation.from_raw(rows)
    compiled = predictor.preparation.compile()
    single = [compiled.columns({name: [value] for name, value in row.items()}) for row in rows.iter_rows(named=True)]
    assert np.concatenate([one.numbers for one in single]).tobytes() == whole.numbers.tobytes()
    assert np.concatenate([one.categories for one in single]).tobytes() == whole.categories.tobytes()
    answers = [
        predictor.columns({name: [value] for name, value in row.items()}) for row in rows[:200].iter_rows(named=True)
    ]
    # what the network makes of equal inputs may differ in the last bit between one row and many
    np.testing.assert_allclose(np.concatenate(answers), predictor.raw(rows[:200]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("age", 17.0, "'age', row 1"), ("debt", 1e9, "'ratio', row 1"), ("height", "two metres", "height")],
)
def test_a_request_that_breaks_what_is_expected_of_clean_columns_is_refused(
    frame: pl.DataFrame, model: tuple[str, Predictor], column: str, value: Any, words: str
) -> None:
    _, predictor = model
    row = asked(frame.filter(pl.col("income").is_not_null()), predictor)[1:2]
    good = {name: [given] for name, given in row.row(0, named=True).items()}
    assert len(predictor.columns(good)) == 1
    with pytest.raises(SignatureError, match=words):
        predictor.columns({**good, column: [value]})
    with pytest.raises(SignatureError, match=words):
        predictor.predict(row.with_columns(pl.lit(value).alias(column)))


@pytest.mark.parametrize("output", ["answers.parquet", "answers"])
def test_a_batch_of_raw_rows_is_answered_as_in_python(
    tmp_path: Path, frame: pl.DataFrame, model: tuple[str, Predictor], output: str
) -> None:
    package, predictor = model
    rows = kept(frame).drop(ROW)
    source = write(tmp_path / "new", rows)
    assert predict(package, str(source), str(tmp_path / output)) == rows.height
    answers = pl.read_parquet(tmp_path / "answers" / "*.parquet" if output == "answers" else tmp_path / output)
    assert answers.drop("prediction", "probability_no", "probability_yes").equals(rows)
    assert answers["prediction"].to_list() == predictor.predict(rows)["prediction"].to_list()


def test_a_batch_with_a_row_that_is_not_allowed_leaves_nothing(
    tmp_path: Path, frame: pl.DataFrame, model: tuple[str, Predictor]
) -> None:
    package, _ = model
    rows = kept(frame).drop(ROW).with_columns(age=pl.when(pl.int_range(pl.len()) == 700).then(17.0).otherwise("age"))
    source = write(tmp_path / "new", rows)
    for output in ("answers.parquet", "answers"):
        with pytest.raises(InputError, match="'age', row"):
            predict(package, str(source), str(tmp_path / output))
    assert [path.name for path in tmp_path.iterdir() if path.name != "rayline-home"] == ["new"]


@pytest.mark.parametrize("output", ["answers.parquet", pytest.param("answers", marks=pytest.mark.slow)])
def test_rows_that_kill_every_worker_end_a_batch(
    tmp_path: Path, frame: pl.DataFrame, model: tuple[str, Predictor], monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    def dies(*_: Any, **__: Any) -> None:  # a local function travels to the workers whole
        os.kill(os.getpid(), signal.SIGKILL)

    for name in ("_answer", "_write_part"):
        monkeypatch.setattr(on_ray, name, dies)
    package, _ = model
    source = write(tmp_path / "new", kept(frame).drop(ROW)[:300])
    with pytest.raises(RunError, match="a process that worked on part-00.parquet died"):
        predict(package, str(source), str(tmp_path / output))
    assert [path.name for path in tmp_path.iterdir() if path.name != "rayline-home"] == ["new"]
