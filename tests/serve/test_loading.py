"""New versions load beside the old ones; one that fails leaves what answers as it was."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from serving_parts import RECORD, Doubling, Endpoint, wait_for

from rayline.core.errors import InputError, PackageError, RunError, SignatureError
from rayline.serve import loader

ONE = {"adult": {"versions": {"1": "/pkg/1"}, "aliases": {"champion": "1"}}}
TWO = {"adult": {"versions": {"1": "/pkg/1", "2": "/pkg/2"}, "aliases": {"champion": "2"}}}


@pytest.fixture
def one(bare: Endpoint) -> Endpoint:
    bare.packages = {"/pkg/1": Doubling()}
    bare.serve(ONE)
    return bare


def version_of(endpoint: Endpoint) -> str:
    answer = endpoint.predict(RECORD)
    assert answer.status == 200, answer.body
    return str(answer.json["version"])


def test_a_good_version_takes_over(one: Endpoint) -> None:
    one.packages["/pkg/2"] = Doubling(factor=0.02)
    one.serve(TWO)
    assert version_of(one) == "2"
    assert one.reports[-1].models["adult"]["versions"] == {"1": "/pkg/1", "2": "/pkg/2"}
    loaded = one.meters.made["rayline_model_loaded"]
    assert (1.0, {"model": "adult", "version": "2"}) in loaded.seen


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (PackageError("model.safetensors was altered"), "model.safetensors was altered"),
        (Doubling(golden="the golden rows differ"), "the golden rows differ"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_version_that_fails_leaves_the_old_one(one: Endpoint, package: Any, reason: str) -> None:
    one.packages["/pkg/2"] = package
    one.serve(TWO)
    assert version_of(one) == "1"
    failure = one.reports[-1].models["adult"]["failures"]["2"]
    assert reason in failure["reason"]
    assert one.meters.made["rayline_model_load_failures_total"].total(model="adult", version="2") == 1
    named = one.post("/models/adult/versions/2/predict", {"records": [RECORD]})
    assert named.status == 503
    assert named.headers["retry-after"] == "1"
    assert reason not in named.json["error"]
    index = one.request("POST", "/v2/repository/index").json
    assert index[1]["state"] == "UNAVAILABLE"
    assert reason in index[1]["reason"]


def test_a_slow_version_stalls_nobody(one: Endpoint) -> None:
    def slow() -> Doubling:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:  # busy, not asleep: it takes the interpreter whenever it can
            sum(range(1000))
        return Doubling(factor=0.02)

    one.packages["/pkg/2"] = slow
    one.serve(TWO, wait=False)
    slowest, answered = 0.0, 0
    while one.predict(RECORD).json["version"] == "1":
        started = time.perf_counter()
        assert one.predict(RECORD).status == 200
        slowest = max(slowest, time.perf_counter() - started)
        answered += 1
    assert answered > 50
    assert slowest < 0.2
    assert version_of(one) == "2"


def test_first_state_is_loaded_before_traffic_and_a_bad_one_is_refused(bare: Endpoint, tmp_path: Path) -> None:
    loading = threading.Event()

    def slow() -> Doubling:
        loading.set()
        time.sleep(0.2)
        return Doubling()

    bare.packages = {"/pkg/1": slow}
    asyncio.run(bare.replica.reconfigure({"models": ONE}))
    assert loading.is_set()
    assert version_of(bare) == "1"
    fresh = Endpoint(tmp_path / "fresh")
    with pytest.raises(InputError, match=r"user_config\.modles: unknown key 'modles'\. Did you mean 'models'"):
        asyncio.run(fresh.replica.reconfigure({"modles": ONE}))
    fresh.replica.close()


def test_a_later_state_that_is_none_is_reported_and_changes_nothing(one: Endpoint) -> None:
    known = len(one.reports)
    asyncio.run(one.replica.reconfigure({"models": {"adult": {"versions": {"1": "relative/path"}}}}))
    wait_for(lambda: len(one.reports) > known)
    assert "absolute" in str(one.reports[-1].problem)
    assert version_of(one) == "1"


def test_keys_are_required_beyond_loopback(tmp_path: Path) -> None:
    open_to_all = Endpoint(tmp_path, host="0.0.0.0")
    with pytest.raises(InputError, match="no API key is set"):
        asyncio.run(open_to_all.replica.reconfigure({"models": {}}))
    key = {"name": "k", "sha256": "0" * 64}
    open_to_all.serve({}, {"keys": [key]})
    asyncio.run(open_to_all.replica.reconfigure({"models": {}, "settings": {}}))
    wait_for(lambda: open_to_all.reports[-1].problem is not None)
    assert open_to_all.get("/v2").status == 401
    open_to_all.replica.close()


def test_what_failed_is_tried_again(one: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "FIRST_RETRY_S", 0.05)
    one.packages["/pkg/2"] = PackageError("storage is away")
    one.serve(TWO)
    assert version_of(one) == "1"
    one.packages["/pkg/2"] = Doubling(factor=0.02)
    wait_for(lambda: version_of(one) == "2")
    assert one.reports[-1].models["adult"]["failures"] == {}


def test_unchanged_versions_are_not_loaded_again(one: Endpoint) -> None:
    served = one.replica.plane.table.models["adult"].versions["1"]
    one.packages["/pkg/2"] = Doubling(factor=0.02)
    one.serve({"adult": {**TWO["adult"], "max_batch_rows": 7}})
    assert one.replica.plane.table.models["adult"].versions["1"] is served
    assert served.batcher.max_rows == 7
    one.serve({})
    assert one.predict(RECORD).status == 404
    assert (0.0, {"model": "adult", "version": "1"}) in one.meters.made["rayline_model_loaded"].seen


def test_a_report_that_cannot_be_given_is_given_later(bare: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "FIRST_RETRY_S", 0.05)
    fails = [True, True]
    keep = bare.reports.append

    def report(given: Any) -> None:
        if fails and fails.pop():
            raise ConnectionError("the control store is away")
        keep(given)

    bare.replica._loader._report = report
    bare.packages = {"/pkg/1": Doubling()}
    asyncio.run(bare.replica.reconfigure({"models": ONE}))
    assert version_of(bare) == "1"
    wait_for(lambda: bare.reports and not bare.reports[-1].working)


def test_a_replica_that_can_load_nothing_does_not_start(bare: Endpoint) -> None:
    with pytest.raises(RunError, match="none of its models.*/pkg/1 is not a model package"):
        asyncio.run(bare.replica.reconfigure({"models": ONE}))
    bare.packages["/pkg/1"] = Doubling()
    half = {**ONE, "other": {"versions": {"1": "/nowhere"}}}
    asyncio.run(bare.replica.reconfigure({"models": half}))
    assert version_of(bare) == "1"
    assert bare.get("/v2/health/ready").status == 503
    assert bare.get("/v2/models/other/ready").status == 503


def test_an_endpoint_is_not_ready_until_its_models_are_loaded(bare: Endpoint) -> None:
    assert bare.get("/v2/health/ready").status == 503
    early = bare.predict(RECORD)
    assert early.status == 503
    assert "loading its models" in early.json["error"]
    bare.packages = {"/pkg/1": Doubling()}
    bare.serve(ONE)
    assert bare.get("/v2/health/ready").json == {"ready": True}
    assert bare.post("/models/other/predict", {"records": [RECORD]}).status == 404


def test_an_example_that_breaks_what_is_expected_of_corrected_columns_stops_no_version(one: Endpoint) -> None:
    class Expecting(Doubling):
        warm = False

        def clean(self, columns: Any) -> Any:
            if not self.warm:
                raise SignatureError("'ratio', row 1: a value is required; null was declared not to occur.")
            return columns

    one.packages["/pkg/2"] = made = Expecting(factor=0.02)
    one.serve(TWO)
    made.warm = True
    assert version_of(one) == "2"
