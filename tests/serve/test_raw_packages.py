"""An endpoint of a package whose model reads corrected and derived columns: drift, its example, order, privacy."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from raw_people import package, people
from serving_parts import Endpoint, wait_for

from rayline.core.columns import ROW
from rayline.core.errors import PackageError
from rayline.core.records import WindowRecord
from rayline.monitor.watch import Outcome, Watch
from rayline.prepare.recipe import Recipe
from rayline.registry.predictor import Predictor, load

SOURCE = ["weight", "height", "town", "born", "salary"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    return package(tmp_path_factory.mktemp("people"))


class Monitor:
    """Takes what replicas post, as the monitor's process does."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.records: list[WindowRecord] = []

    def __call__(self, url: str, body: bytes) -> None:
        posted = [WindowRecord.model_validate(item) for item in orjson.loads(body)]
        assert self.watch.accept(posted) == {Outcome.ACCEPTED: len(posted)}
        self.records += posted

    def drifts(self) -> dict[str, Any]:
        (report,) = self.watch.report()
        return {feature.name: feature.drift for feature in report.features}


@pytest.fixture
def monitor() -> Monitor:
    return Monitor()


@pytest.fixture
def served(tmp_path: Path, monitor: Monitor, made: str) -> Iterator[Endpoint]:
    endpoint = Endpoint(tmp_path, post=monitor)
    start(endpoint, made)
    yield endpoint
    endpoint.replica.close()


def start(endpoint: Endpoint, folder: str) -> Predictor:
    predictor = load(folder)
    endpoint.packages = {folder: predictor}
    endpoint.serve({"people": {"versions": {"1": folder}}}, {"monitor": "http://monitor:1", "report_s": 0.1})
    return predictor


def records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.drop("answer").to_dicts()


def send(served: Endpoint, monitor: Monitor, rows: list[dict[str, Any]], *, at_once: int) -> None:
    for start in range(0, len(rows), at_once):
        assert served.predict(*rows[start : start + at_once], model="people").status == 200
    wait_for(lambda: sum(record.rows for record in monitor.records) == len(rows))


def test_rows_like_those_of_training_do_not_drift(served: Endpoint, monitor: Monitor) -> None:
    send(served, monitor, records(people(500, seed=5)), at_once=100)
    drifts = monitor.drifts()
    assert set(drifts) == {"weight", "height", "town", "salary", "born_year", "metres", "bmi", "after_bmi"}
    assert not [name for name, drift in drifts.items() if drift.alarm]


@pytest.mark.parametrize("at_once", [1, 300], ids=["a row a request", "many"])
def test_a_raw_column_that_shifts_moves_what_is_made_of_it_and_nothing_else(
    served: Endpoint, monitor: Monitor, at_once: int
) -> None:
    grown = [{**row, "height": f"{n % 40 + 200} cm"} for n, row in enumerate(records(people(300, seed=5)))]
    send(served, monitor, grown, at_once=at_once)
    alarmed = {name for name, drift in monitor.drifts().items() if drift.alarm}
    assert alarmed == {"height", "metres", "bmi", "after_bmi"}


def test_live_counts_are_those_of_training_rows_in_the_same_bins(served: Endpoint, monitor: Monitor, made: str) -> None:
    """Stand-ins for missing, spellings and units are counted as the profile counted them, not as they come."""
    rows = people(200, seed=5)
    send(served, monitor, records(rows), at_once=200)
    predictor = served.packages[made]
    clean = predictor.preparation.recipe.apply(rows)
    expected = predictor.reference.count(clean)
    assert expected["weight"][-1] == (rows["weight"] == -999).sum() > 0
    totals = {name: np.sum([r.features[name] for r in monitor.records], axis=0).tolist() for name in expected}
    assert totals == expected


def test_private_columns_and_what_is_made_of_them_are_not_counted(bare: Endpoint, tmp_path: Path) -> None:
    rows = people(400)
    private = {"private": ["height"], "expect": {"bmi": {"nullable": False, "max": 60}}}
    folder = package(tmp_path / "private", rows, data=private)
    predictor = load(folder)
    assert predictor.check_golden() == 32  # although no row of it has a height, nor the bmi that is expected
    assert set(predictor.reference.features) == {"weight", "town", "salary", "born_year"}
    start(bare, folder)
    refused = bare.predict({**records(rows)[0], "weight": 123.0, "height": "51 cm"}, model="people")
    assert refused.status == 422
    assert refused.json == {"error": "'bmi', row 1: the value is not allowed; give at most 60."}
    shown = bare.get("/models/people").body.decode() + bare.get("/openapi.json").body.decode()
    assert not [height for height in rows["height"].unique() if height in shown]


def test_what_selection_left_out_is_neither_asked_for_nor_counted(tmp_path: Path, monitor: Monitor) -> None:
    folder = package(tmp_path / "selected", prepare={"select": [{"name": "pearson", "threshold": 0.15}]})
    endpoint = Endpoint(tmp_path, post=monitor)
    predictor = start(endpoint, folder)
    read = {feature.name for feature in predictor.preparation.features}
    assert not {"salary", "born_year"} & read
    assert set(predictor.reference.features) == read
    send(
        endpoint,
        monitor,
        [{k: row[k] for k in ("weight", "height", "town")} for row in records(people(50))],
        at_once=50,
    )
    endpoint.replica.close()


def test_the_example_of_the_page_works_when_pasted(served: Endpoint, made: str) -> None:
    for path in ("/models/people", "/models/people/versions/1"):
        page = served.get(path).body.decode()
        command = html.unescape(re.findall(r"<pre>(curl.*?)</pre>", page, re.DOTALL)[0])
        words = shlex.split(command.replace("\\\n", " "))
        body = words[words.index("-d") + 1].encode()
        assert f"http://HOST:PORT{path}/predict" in words
        assert served.request("POST", f"{path}/predict", body).status == 200
    (record,) = orjson.loads(body)["records"]
    assert list(record) == SOURCE
    assert record["height"].endswith(" cm")
    card = Path(made, "card.md").read_text()
    assert json.loads(re.findall(r"```json\n(.*?)\n```", card, re.DOTALL)[0]) == {"records": [record]}
    paths = served.get("/openapi.json").json["paths"]
    schema = paths["/models/people/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["records"]["items"]["examples"] == [record]


def test_the_example_keeps_to_what_is_expected_of_columns_together(bare: Endpoint, tmp_path: Path) -> None:
    """No row holds the middle of each column, so that the example is a row as it was."""
    rows = people(400).with_columns(low=pl.int_range(400) % 2 * 100, high=pl.int_range(400) % 2 * -100 + 300)
    expect = {"*": {"expressions": "low + high == 300"}}
    folder = package(tmp_path / "together", rows, data={"expect": expect})
    predictor = start(bare, folder)
    assert bare.predict(predictor.example(), model="people").status == 200


def test_columns_keep_the_order_of_the_source(served: Endpoint, made: str) -> None:
    predictor = served.packages[made]
    assert [column.name for column in predictor.signature.inputs] == SOURCE
    assert list(predictor.preparation.recipe.raw) == [*SOURCE, "answer"]
    page = served.get("/models/people").body.decode()
    assert re.findall(r'<(?:input|select)[^>]* name="(\w+)"', page) == SOURCE
    assert re.findall(r"^\| `(\w+)` \|", Path(made, "card.md").read_text(), re.MULTILINE) == SOURCE
    assert list(predictor.preparation.recipe.to_json()["derive"]) == ["metres", "bmi", "after_bmi"]


def test_a_stored_recipe_makes_the_same_bits_and_one_without_an_order_still_loads(made: str) -> None:
    stored = json.loads(Path(made, "prepare.json").read_text())["recipe"]
    frame = people(300, seed=9).with_columns(pl.int_range(300).alias(ROW))
    read = Recipe.from_json(stored)
    again = Recipe.from_json(read.to_json()).apply(frame)
    assert read.apply(frame).equals(again, null_equal=True)
    older = {key: said for key, said in stored.items() if key != "order"}
    with pytest.raises(
        PackageError, match="'bmi' is not a column"
    ):  # it was written in the alphabet's order, and cannot be made
        Recipe.from_json(older)
    older["derive"] = {"bmi": "weight / 2"}
    assert set(Recipe.from_json(older).raw) == {*SOURCE, "answer"}


def test_a_spec_that_asks_for_one_metric_is_judged_by_it(tmp_path: Path) -> None:
    folder = package(tmp_path, evaluate={"metrics": ["accuracy"]})
    assert set(json.loads(Path(folder, "metrics.json").read_bytes())["test"]["metrics"]) == {"accuracy"}
