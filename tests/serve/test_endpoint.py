"""The endpoint over its ASGI application: protocols, errors, keys, pages."""

from __future__ import annotations

import asyncio
import hashlib
import re

import orjson
import pytest
from serving_parts import MULTI, RECORD, REGRESSION, Doubling, Endpoint, wait_for


def test_predict_answers_each_record(endpoint: Endpoint) -> None:
    answer = endpoint.predict(RECORD, {**RECORD, "hours": 30, "age": None}, headers={"x-request-id": "abc"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "model": "adult",
        "version": "3",
        "id": "abc",
        "predictions": [
            {"label": "yes", "probabilities": {"no": 0.6, "yes": 0.4}},
            {"label": "no", "probabilities": {"no": 0.7, "yes": 0.3}},
        ],
    }


@pytest.mark.parametrize(("version", "probability"), [("3", 0.4), ("champion", 0.4), ("4", 0.8), ("challenger", 0.8)])
def test_version_is_a_number_or_an_alias(endpoint: Endpoint, version: str, probability: float) -> None:
    answer = endpoint.post(f"/models/adult/versions/{version}/predict", {"records": [RECORD]})
    assert answer.json["predictions"][0]["probabilities"]["yes"] == pytest.approx(probability)
    assert answer.json["version"] == {"champion": "3", "challenger": "4"}.get(version, version)


def test_regression_and_multiclass_answers(bare: Endpoint) -> None:
    bare.packages = {"/r": Doubling(REGRESSION), "/m": Doubling(MULTI)}
    bare.serve({"price": {"versions": {"1": "/r"}}, "kind": {"versions": {"1": "/m"}}})
    assert bare.predict(RECORD, model="price").json["predictions"] == [{"value": 0.4}]
    assert bare.predict(RECORD, model="kind").json["predictions"] == [
        {"label": "b", "probabilities": {"a": 0.4, "b": 0.6, "c": 0.0}}
    ]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "empty"),
        (b"{'records'", 400, "not JSON"),
        (b'{"records": [{"age": NaN}]}', 400, "send null"),
        (b"[]", 422, '"records"'),
        (b'{"records": []}', 422, "one object or more"),
        (b'{"records": [3]}', 422, r"row 1 of records must be an object, not int"),
        (b'{"records": [{"age": 1, "job": "clerk"}]}', 422, r"row 1 of records lacks hours"),
        (b'{"records": [{"age": 1, "job": "clerk", "hour": 1}]}', 422, "Did you mean 'hour'"),
        (b'{"records": [{"age": "39", "job": "clerk", "hours": 1}]}', 422, "'age'.*number.*'39'"),
        (b'{"records": [{"age": 390, "job": "clerk", "hours": 1}]}', 422, "'age'.*120"),
        (b'{"records": [{"age": 39, "job": "cleric", "hours": 1}]}', 422, "'job'.*clerk"),
        (b'{"records": [{"age": 39, "job": [], "hours": 1}]}', 422, "'job'.*list"),
        (b'{"records": [{"age": 39, "job": "clerk", "hours": null}]}', 422, "'hours'.*required"),
    ],
)
def test_wrong_bodies_are_told_what_is_wrong(endpoint: Endpoint, body: bytes, status: int, said: str) -> None:
    answer = endpoint.request("POST", "/models/adult/predict", body)
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert re.search(said, answer.json["error"])


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "/models/adlt/predict", 404, "'adlt'. Did you mean 'adult'"),
        ("POST", "/models/adult/versions/9/predict", 404, "'9'. There is: 3, 4, champion, challenger"),
        ("POST", "/models/adult/versions/champoin/predict", 404, "Did you mean 'champion'"),
        ("GET", "/v2/models/adlt", 404, "Did you mean 'adult'"),
        ("POST", "/models/adult/predictt", 404, "Did you mean '/models/adult/predict'"),
        ("GET", "/nowhere", 404, "/openapi.json"),
        ("GET", "/models/adult/predict", 405, "POST"),
        ("DELETE", "/v2/health/live", 405, "GET"),
    ],
)
def test_unknown_places_and_methods(endpoint: Endpoint, method: str, path: str, status: int, said: str) -> None:
    answer = endpoint.request(method, path)
    assert answer.status == status
    assert said in answer.json["error"]
    if status == 405:
        assert said in answer.headers["allow"]


def test_large_body_is_refused_without_being_kept(endpoint: Endpoint) -> None:
    answer = endpoint.request("POST", "/models/adult/predict", b" " * (50 << 20))
    assert answer.status == 413
    assert "at most 16,777,216" in answer.json["error"]
    declared = endpoint.request(
        "POST", "/models/adult/predict", b" " * (17 << 20), headers={"content-length": str(17 << 20)}
    )
    assert declared.status == 413


def test_many_rows_are_answered_in_passes(endpoint: Endpoint) -> None:
    records = [{**RECORD, "hours": n % 90 / 2 + 20} for n in range(5000)]
    answer = endpoint.predict(*records, headers={"x-request-id": "many"})
    assert [row["probabilities"]["yes"] for row in answer.json["predictions"]] == pytest.approx(
        [record["hours"] / 100 for record in records]
    )
    assert endpoint.packages["/pkg/3"].passes[-5:] == [1024] * 4 + [904]


def test_a_fault_of_ours_is_500_and_ends_nothing(endpoint: Endpoint) -> None:
    answer = endpoint.predict({**RECORD, "hours": 13}, headers={"x-request-id": "bad"})
    assert answer.status == 500
    assert "bad" in answer.json["error"]
    assert "thirteen" not in answer.json["error"]
    assert endpoint.predict(RECORD).status == 200


def test_v2_server_and_model_metadata(endpoint: Endpoint) -> None:
    assert endpoint.get("/v2").json["name"] == "rayline"
    assert endpoint.get("/v2/health/live").json == {"live": True}
    assert endpoint.get("/v2/health/ready").json == {"ready": True}
    assert endpoint.get("/v2/models/adult/versions/4/ready").status == 200
    metadata = endpoint.get("/v2/models/adult").json
    assert metadata["versions"] == ["3", "4"]
    assert metadata["inputs"][1] == {"name": "job", "datatype": "BYTES", "shape": [-1]}
    assert [output["name"] for output in metadata["outputs"]] == ["label", "probabilities"]
    assert endpoint.request("POST", "/v2/repository/index").json == [
        {"name": "adult", "version": "3", "state": "READY", "reason": ""},
        {"name": "adult", "version": "4", "state": "READY", "reason": ""},
    ]


def tensors(**changes: object) -> list[dict[str, object]]:
    columns: dict[str, tuple[str, list[object]]] = {
        "age": ("INT64", [39, 50]),
        "job": ("BYTES", ["clerk", "pilot"]),
        "hours": ("FP64", [40, 20.5]),
    }
    made = [{"name": n, "shape": [2], "datatype": t, "data": v} for n, (t, v) in columns.items()]
    return [tensor | changes.get(str(tensor["name"]), {}) for tensor in made]  # type: ignore[operator]


def test_v2_inference(endpoint: Endpoint) -> None:
    answer = endpoint.post("/v2/models/adult/infer", {"id": "q7", "inputs": tensors()})
    assert answer.json == {
        "model_name": "adult",
        "model_version": "3",
        "id": "q7",
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["yes", "no"]},
            {"name": "probabilities", "datatype": "FP64", "shape": [2, 2], "data": [0.6, 0.4, 0.795, 0.205]},
        ],
    }
    nested = tensors(age={"shape": [2, 1], "data": [[39], [None]]})
    asked = {"inputs": nested, "outputs": [{"name": "probabilities"}], "parameters": {"binary_data_output": True}}
    only = endpoint.post("/v2/models/adult/versions/challenger/infer", asked).json
    assert [output["name"] for output in only["outputs"]] == ["probabilities"]
    assert only["model_version"] == "4"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "inputs"),
        ({"inputs": [3]}, "name, shape, datatype"),
        ({"inputs": tensors()[:2]}, "missing feature: hours"),
        ({"inputs": tensors(age={"datatype": "BYTES"})}, "'age' is a number"),
        ({"inputs": tensors(age={"shape": [3]})}, "'age' has shape [3] and 2 values. Send"),
        ({"inputs": tensors(age={"data": [1], "shape": [1]})}, "'job' has 2 values"),
        ({"inputs": tensors(age={"data": None, "parameters": {"binary_data_size": 8}})}, "binary_data=False"),
        ({"inputs": tensors(), "outputs": [{"name": "lable"}]}, "Did you mean 'label'"),
    ],
)
def test_v2_refusals(endpoint: Endpoint, body: object, said: str) -> None:
    answer = endpoint.post("/v2/models/adult/infer", body)
    assert answer.status == 422
    assert said in answer.json["error"]


def test_statistics_count_what_was_answered(endpoint: Endpoint) -> None:
    for _ in range(3):
        endpoint.predict(RECORD, RECORD)
    endpoint.predict({})
    (stats,) = endpoint.get("/v2/models/adult/stats").json["model_stats"]
    assert (stats["inference_count"], stats["execution_count"]) == (6, 3)
    assert stats["inference_stats"]["success"]["count"] == 3
    assert stats["inference_stats"]["fail"]["count"] == 1
    assert len(endpoint.get("/v2/models/stats").json["model_stats"]) == 2


def test_pages_and_openapi(endpoint: Endpoint) -> None:
    assert b'href="/models/adult"' in endpoint.get("/").body
    page = endpoint.get("/models/adult/versions/champion")
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert '<form action="/models/adult/versions/champion/predict">' in text
    assert "<option>pilot</option>" in text
    paths = endpoint.get("/openapi.json").json["paths"]
    schema = paths["/models/adult/versions/4/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    record = schema["properties"]["records"]["items"]
    assert record["required"] == ["age", "job", "hours"]
    assert endpoint.predict(record["examples"][0]).status == 200


def test_keys_are_asked_for_where_there_are_any(endpoint: Endpoint) -> None:
    digest = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("caller-secret", "reader-secret")}
    keys = [
        {"name": "caller", "sha256": digest["caller-secret"], "scopes": ["predict"]},
        {"name": "reader", "sha256": digest["reader-secret"], "scopes": ["read"]},
    ]
    endpoint.serve({"adult": {"versions": {"3": "/pkg/3"}}}, {"keys": keys})
    caller = {"authorization": "Bearer caller-secret"}
    assert endpoint.predict(RECORD).status == 401
    assert endpoint.predict(RECORD, headers={"x-api-key": "wrong"}).status == 401
    assert endpoint.predict(RECORD, headers={"x-api-key": "reader-secret"}).status == 403
    assert endpoint.predict(RECORD, headers=caller).status == 200
    assert endpoint.get("/v2/models/adult", headers=caller).status == 403
    assert endpoint.get("/v2/health/live").status == 200
    refused = endpoint.get("/models/adult")
    assert refused.headers["www-authenticate"].startswith("Basic")
    basic = {"authorization": "Basic OnJlYWRlci1zZWNyZXQ="}  # :reader-secret
    assert endpoint.get("/models/adult", headers=basic).status == 200
    assert endpoint.get("/models/nothing").status == 401


def test_access_log_tells_who_asked_what_and_no_value(endpoint: Endpoint) -> None:
    endpoint.predict({**RECORD, "age": 61.5}, headers={"x-request-id": "first"})
    endpoint.predict({**RECORD, "age": "sixty-one"})
    endpoint.get("/v2/health/live")
    wait_for(endpoint.log.exists)
    wait_for(lambda: len(endpoint.log.read_bytes().splitlines()) == 2)
    text = endpoint.log.read_text()
    first, second = map(orjson.loads, text.splitlines())
    assert first["id"] == "first"
    assert (first["status"], first["model"], first["version"], first["rows"]) == (200, "adult", "3", 1)
    assert (second["status"], second["error"]) == (422, "SignatureError")
    assert "61.5" not in text
    assert "sixty-one" not in text


def test_a_client_that_hangs_up_is_sent_nothing_and_leaves_nothing_behind(endpoint: Endpoint) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/models/adult/predict", "headers": [], "client": None}
    asyncio.run(endpoint.replica.app(scope, receive, send))
    assert sent == []
    assert endpoint.predict(RECORD).status == 200
    (stats,) = endpoint.get("/v2/models/adult/stats").json["model_stats"]
    counted = {outcome: told["count"] for outcome, told in stats["inference_stats"].items()}
    assert (counted["success"], counted["fail"]) == (1, 0)
