"""Requests to a model behind corrections: what is wrong is a 4xx in words, and counted; `on:` says what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from raw_people import package, people
from serving_parts import Answer, Endpoint, wait_for

from rayline.registry.predictor import load
from rayline.serve.observe import Request

GOOD = {"weight": 80.0, "height": "1.8 m", "town": "BN", "born": "1980-03-01", "salary": 2000, "age": 44}


NOTED: list[Request] = []
"""What was seen of requests to `asked`."""


def endpoint_of(folder: str, place: Path) -> Endpoint:
    endpoint = Endpoint(place)
    endpoint.packages = {folder: load(folder)}
    endpoint.serve({"people": {"versions": {"1": folder}}})
    return endpoint


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    rows = people(400).with_columns(age=pl.int_range(400) % 60 + 20)
    expect = {"age": {"type": "integer"}, "town": {"pattern": ".{2,40}"}, "*": {"expressions": "age < 120"}}
    place = tmp_path_factory.mktemp("asked")
    endpoint = endpoint_of(package(place / "made", rows, data={"expect": expect, "private": ["salary"]}), place)
    with pytest.MonkeyPatch.context() as patch:
        plane = endpoint.replica.plane
        patch.setattr(plane, "note", lambda request, served: NOTED.append(request))
        yield endpoint
    endpoint.replica.close()


def predict(asked: Endpoint, *records: Any) -> Answer:
    return asked.predict(*records, model="people")


def test_a_good_record_is_answered_and_so_are_extra_columns_and_missing_values(asked: Endpoint) -> None:
    for record in (GOOD, {**GOOD, "bmi": 3, "nöt a cølumn": {"x": [1]}}, dict.fromkeys(GOOD)):
        assert predict(asked, record).status == 200
    assert len(predict(asked, *[GOOD] * 10_000).json["predictions"]) == 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"town": "Zürich 🏔"},
        {"town": "東京都"},
        {"town": "e\u0301\u0000x"},
        {"town": "x" * 40},
        {"weight": -999},
        {"weight": 1e308},
        {"weight": -5e-324},
        {"height": "180cm"},
        {"height": "1e300 m"},
        {"born": "1980-03-01T23:30:00+14:00"},
        {"salary": 2000.0},
    ],
    ids=str,
)
def test_odd_values_that_say_something_are_answered(asked: Endpoint, changes: dict[str, Any]) -> None:
    answer = predict(asked, GOOD | changes)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("changes", "said", "reason"),
    [
        ({"weight": "80"}, "'weight', row 1: give a number or null, not text '80'", "type"),
        ({"weight": True}, "'weight', row 1: give a number or null", "type"),
        ({"weight": [80]}, "'weight', row 1: give a number or null, not a list", "type"),
        ({"town": {"a": 1}}, "'town', row 1: give text, a number, true or false or null, not an object", "type"),
        ({"town": [["Ulm"]]}, "'town', row 1", "type"),
        ({"height": "tall"}, "'height' holds what is no number with a unit of cm, m, row 1", "type"),
        ({"height": "180 furlongs"}, "'height' holds what is no number", "type"),
        ({"height": 180}, "'height' holds what is no number", "type"),
        ({"born": "last spring"}, "'born'", "type"),
        ({"born": "1980-02-30"}, "'born'", "type"),
        ({"born": "03/01/1980"}, "'born'", "type"),
        ({"salary": "a secret"}, "'salary', row 1: give a number or null, not text.", "type"),
        ({"age": 44.5}, "'age', row 1: 44.5 is not allowed", "value"),
        ({"age": 500}, "row 1: 'age < 120' was declared, and it does not hold", "condition"),
        ({"town": "x" * 60}, "'town', row 1", "value"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_wrong_values_are_told_with_their_column_and_row(
    asked: Endpoint, changes: dict[str, Any], said: str, reason: str
) -> None:
    answer = predict(asked, GOOD | changes)
    assert answer.status == 422
    assert said in answer.json["error"]
    assert "secret" not in answer.json["error"]
    many = predict(asked, *[GOOD] * 3000, GOOD | changes, GOOD)
    assert many.status == 422
    assert said.replace("row 1", "row 3001") in many.json["error"]
    assert [request.reason for request in NOTED[-2:]] == [reason, reason]


def as_body(**changes: str) -> bytes:
    """A request of one record, some of whose values are given as JSON has (or has not) them."""
    texts = {name: orjson.dumps(value).decode() for name, value in GOOD.items()} | changes
    return f'{{"records": [{{{", ".join(f"{orjson.dumps(k).decode()}: {v}" for k, v in texts.items())}}}]}}'.encode()


@pytest.mark.parametrize(
    ("body", "status", "said", "reason"),
    [
        (b"", 400, "the body is empty", "malformed"),
        (b"\xff\xfe", 400, "not JSON", "malformed"),
        (b"[" * 100_000, 400, "not JSON", "malformed"),
        (as_body(town='"\\ud800"'), 400, "not JSON", "malformed"),
        (as_body(weight="NaN"), 400, "send null", "malformed"),
        (as_body(weight="-Infinity"), 400, "send null", "malformed"),
        (as_body(weight="1e400"), 400, "not JSON", "malformed"),
        (b"null", 422, 'send {"records"', "shape"),
        (b'{"records": {}}', 422, "a list of one object or more", "shape"),
        (b'{"records": []}', 422, "a list of one object or more", "shape"),
        (b'{"records": [null]}', 422, "row 1 of records must be an object, not NoneType", "shape"),
        (b'{"records": [[]]}', 422, "row 1 of records must be an object, not list", "shape"),
        (b'{"records": [{}]}', 422, "row 1 of records lacks weight, height, town, born, salary, age.", "field"),
        (as_body().replace(b"height", b"heigth"), 422, "lacks height. Did you mean 'heigth'?", "field"),
        (as_body().replace(b"height", b"metres"), 422, "lacks height.", "field"),
        (as_body(town='"' + "x" * (17 << 20) + '"'), 413, "16,777,216", "too_large"),
        (as_body(weight="1" * 400), 400, "not JSON", "malformed"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_wrong_bodies_are_told_what_is_wrong(asked: Endpoint, body: bytes, status: int, said: str, reason: str) -> None:
    answer = asked.request("POST", "/models/people/predict", body)
    assert answer.status == status, answer.body
    assert said in answer.json["error"]
    assert NOTED[-1].reason == reason


def tensors(**changes: list[Any]) -> dict[str, Any]:
    columns = {name: [value] for name, value in GOOD.items()} | changes
    numbers = ("weight", "salary", "age")
    return {
        "inputs": [
            {"name": n, "shape": [len(v)], "datatype": "FP64" if n in numbers else "BYTES", "data": v}
            for n, v in columns.items()
        ]
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"height": ["tall"]}, "'height' holds what is no number"),
        ({"town": [{"a": 1}]}, "'town', row 1"),
        ({"weight": []}, "'height' has 1 values where columns before it have 0"),
        ({name: [] for name in GOOD}, "no rows"),
        ({"born": [["1980-03-01"], ["1981-03-01"]]}, "'born' has 2 values where columns before it have 1"),
    ],
    ids=str,
)
def test_the_other_protocol_refuses_alike(asked: Endpoint, changes: dict[str, Any], said: str) -> None:
    assert asked.post("/v2/models/people/infer", tensors()).status == 200
    answer = asked.post("/v2/models/people/infer", tensors(**changes))
    assert answer.status == 422, answer.body
    assert said in answer.json["error"]


def test_a_wrong_request_fails_none_that_are_answered_with_it(asked: Endpoint) -> None:
    async def together() -> list[Answer]:
        bodies = [orjson.dumps({"records": [GOOD | {"height": "tall"} if n % 3 == 0 else GOOD]}) for n in range(12)]
        return await asyncio.gather(*(asked.ask("POST", "/models/people/predict", body) for body in bodies))

    answers = asyncio.run(together())
    assert [answer.status for answer in answers] == [422 if n % 3 == 0 else 200 for n in range(12)]
    assert all("row 1" in answer.json["error"] for answer in answers[::3])


@pytest.mark.parametrize("on", ["stop", "quarantine", "warn"])
def test_what_stops_or_sets_aside_in_training_refuses_and_what_warns_is_answered_and_counted(
    on: str, tmp_path: Path
) -> None:
    """Of a column as it comes, a corrected one, a derived one, and an expression."""
    rows = people(400).with_columns(age=pl.int_range(400) % 60 + 20)
    declared: dict[str, Any] = {
        "age": {"max": 60},
        "town": {"allowed": ["Bonn", "Ulm", "Oslo"]},
        "bmi": {"max": 35, "nullable": False},
        "*": {"expressions": ["bmi < 30 or age < 50"]},
    }
    expect = {name: {**said, "on": on} for name, said in declared.items()}
    # rows that break it are among the golden ones, which stop no version from being loaded
    endpoint = endpoint_of(package(tmp_path, rows, data={"expect": expect}), tmp_path)
    old, foreign, heavy = GOOD | {"age": 61}, GOOD | {"town": "Rome"}, GOOD | {"weight": 120}
    both = GOOD | {"age": 55, "weight": 105}
    asked = [
        (old, "'age', row 1: 61 is not allowed; give at most 60", "value", "age"),
        (foreign, "'town', row 1: 'Rome' is not allowed; give one of Bonn, Oslo, Ulm", "value", "town"),
        (heavy, "'bmi', row 1: 37.03", "value", "bmi"),
        (GOOD | {"weight": None}, "'bmi', row 1: a value is required", "missing", "bmi"),
        (both, "row 1: 'bmi < 30 or age < 50' was declared, and it does not hold", "condition", "*"),
    ]
    answers = [predict(endpoint, record) for record, *_ in asked]
    assert predict(endpoint, GOOD).status == 200
    warned, refused = (
        endpoint.meters.made[f"rayline_{name}_total"] for name in ("expectation_warnings", "requests_refused")
    )
    if on == "warn":
        assert [answer.status for answer in answers] == [200] * len(asked)
        assert predict(endpoint, *[old] * 30, *[GOOD] * 30).status == 200
        wait_for(lambda: warned.total(feature="age") >= 31)
        assert {f: warned.total(model="people", version="1", feature=f) for f in (*declared, "weight")} == {
            "age": 31, "town": 1, "bmi": 2, "*": 1, "weight": 0,
        }  # fmt: skip
        assert not refused.seen
    else:
        for answer, (_, said, *_) in zip(answers, asked, strict=True):
            assert answer.status == 422
            assert said in answer.json["error"]
        wait_for(lambda: refused.total() == len(asked))
        assert [refused.total(reason=why) for why in ("value", "missing", "condition")] == [3, 1, 1]
        assert all(tags.keys() == {"model", "version", "reason"} for _, tags in refused.seen)
        assert not warned.seen
    endpoint.replica.close()  # the last requests are written
    assert "Rome" not in endpoint.log.read_text()
