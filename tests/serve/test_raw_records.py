"""An endpoint of a model that was trained on cleaned columns: raw records in, answers as in Python."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from serving_parts import Endpoint

import rayline
from messy_people import people, spec, write

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]
RAW = ("age", "hours", "job", "city", "height", "debt", "income")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> rayline.Predictor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYLINE_HOME", str(tmp_path_factory.mktemp("home")))
        source = write(tmp_path_factory.mktemp("data") / "people", people(600))
        train = {"epochs": 3, "batch_size": 64, "optimizer": {"lr": 0.01}}
        rayline.run(spec(str(source), train=train, explain={"importance_repeats": 0}))
        return rayline.load("people")


@pytest.fixture
def served(bare: Endpoint, predictor: rayline.Predictor) -> Endpoint:
    bare.packages = {"/pkg/1": predictor}
    bare.serve({"people": {"versions": {"1": "/pkg/1"}, "aliases": {"champion": "1"}}})
    return bare


def record(**changes: Any) -> dict[str, Any]:
    good = {"age": 44, "hours": 38, "job": "job 7", "city": "n.y.c.", "height": "1.8 m", "debt": 900, "income": 2000.0}
    return {**good, **changes}


@pytest.mark.parametrize(
    "changes",
    [{}, {"age": -999}, {"income": None}, {"job": "astronaut"}, {"city": None, "hours": None}],
    ids=["plain", "stand-in for missing", "no divisor", "unseen", "missing"],
)
def test_a_raw_record_is_answered_as_in_python(
    served: Endpoint, predictor: rayline.Predictor, changes: dict[str, Any]
) -> None:
    asked = record(**changes)
    answer = served.predict(asked, model="people")
    assert answer.status == 200, answer.body
    frame = pl.DataFrame([asked]).with_columns(
        pl.col("city").cast(pl.String), pl.col("income", "hours").cast(pl.Float64)
    )
    expected = predictor.predict(frame).row(0, named=True)
    (given,) = answer.json["predictions"]
    assert given["label"] == expected["prediction"]
    assert given["probabilities"]["yes"] == pytest.approx(expected["probability_yes"], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"age": 17}, "'age', row 1"), ({"debt": 1e6}, "'ratio', row 1"), ({"height": "tall"}, "height")],
)
def test_a_record_that_breaks_what_is_expected_of_clean_columns_is_refused(
    served: Endpoint, changes: dict[str, Any], words: str
) -> None:
    answer = served.predict(record(**changes), model="people")
    assert answer.status == 422
    assert words in answer.body.decode()
