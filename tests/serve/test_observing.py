"""What is seen of traffic: metrics, windows to the monitor, the log's roll-over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from serving_parts import RECORD, REGRESSION, Doubling, Endpoint, wait_for

from rayline.core.records import WindowRecord
from rayline.serve import access
from rayline.serve.access import AccessLog
from rayline.serve.observe import Observer, Request

MODELS = {"adult": {"versions": {"3": "/pkg/3"}}}


class Monitor:
    """Takes posts, or refuses them."""

    def __init__(self) -> None:
        self.away = False
        self.records: list[WindowRecord] = []
        self.tried = 0

    def __call__(self, url: str, body: bytes) -> None:
        self.tried += 1
        if self.away:
            raise ConnectionRefusedError("away")
        assert url == "http://monitor:8010/records"
        self.records += [WindowRecord.model_validate(item) for item in orjson.loads(body)]


@pytest.fixture
def monitor() -> Monitor:
    return Monitor()


@pytest.fixture
def watched(tmp_path: Path, monitor: Monitor) -> Any:
    endpoint = Endpoint(tmp_path, post=monitor)
    endpoint.packages = {"/pkg/3": Doubling()}
    endpoint.serve(MODELS, {"monitor": "http://monitor:8010/", "report_s": 0.1})
    yield endpoint
    endpoint.replica.close()


def test_metrics_by_model_version_and_outcome(endpoint: Endpoint) -> None:
    endpoint.predict(RECORD, {**RECORD, "hours": 10})
    endpoint.predict({})
    endpoint.predict({**RECORD, "hours": 13})
    endpoint.get("/v2/models/nothing")
    made = endpoint.meters.made
    wait_for(lambda: "rayline_predictions_total" in made and made["rayline_predictions_total"].total() == 2)
    wait_for(lambda: made["rayline_requests_total"].total() == 3, timeout_s=20)
    wait_for(lambda: len(made["rayline_request_duration_seconds"].seen) == 3)
    wait_for(lambda: made["rayline_batch_rows"].seen)
    requests = made["rayline_requests_total"]
    assert [requests.total(model="adult", version="3", outcome=o) for o in ("ok", "refused", "failed")] == [1, 1, 1]
    assert requests.total() == 3
    assert len(made["rayline_request_duration_seconds"].seen) == 3
    assert made["rayline_batch_rows"].seen == [(2, {"model": "adult", "version": "3"})]
    answered = made["rayline_predictions_total"]
    assert [answered.total(label=label) for label in ("no", "yes")] == [1, 1]


def test_regression_answers_are_counted_by_range(bare: Endpoint) -> None:
    bare.packages = {"/r": Doubling(REGRESSION)}
    bare.serve({"price": {"versions": {"1": "/r"}}})
    bare.predict(RECORD, model="price")
    made = bare.meters.made["rayline_predictions_total"]
    wait_for(lambda: made.seen)
    assert made.total(model="price") == 1


def test_windows_reach_the_monitor_as_counts(watched: Endpoint, monitor: Monitor) -> None:
    watched.predict(RECORD, {**RECORD, "age": None, "job": "nurse"})
    watched.predict({**RECORD, "age": 80, "hours": 10})
    wait_for(lambda: sum(record.rows for record in monitor.records) == 3)
    watched.predict({"age": "no number"})
    first = monitor.records[0]
    assert (first.model, first.version, first.package, first.replica) == ("adult", "3", "/pkg/3", "replica-1")
    assert [record.sequence for record in monitor.records] == list(range(len(monitor.records)))
    ages = [sum(counts) for counts in zip(*(record.features["age"] for record in monitor.records), strict=True)]
    assert ages == [0, 1, 1, 1]
    assert sum(record.predictions.get("yes", 0) for record in monitor.records) == 2
    assert all(record.started < record.ended for record in monitor.records)


def test_windows_wait_for_a_monitor_that_is_away(watched: Endpoint, monitor: Monitor) -> None:
    monitor.away = True
    assert watched.predict(RECORD).status == 200
    wait_for(lambda: monitor.tried >= 2)
    watched.predict(RECORD)
    monitor.away = False
    wait_for(lambda: sum(record.rows for record in monitor.records) == 2)
    assert [record.sequence for record in monitor.records] == list(range(len(monitor.records)))


def test_a_version_that_comes_back_goes_on_counting(watched: Endpoint, monitor: Monitor) -> None:
    watched.predict(RECORD)
    wait_for(lambda: monitor.records)
    settings = {"monitor": "http://monitor:8010", "report_s": 0.1}
    watched.serve({}, settings)
    watched.serve(MODELS, settings)
    watched.predict(RECORD)
    wait_for(lambda: len(monitor.records) == 2)
    assert [record.sequence for record in monitor.records] == [0, 1]


def test_a_sink_that_fails_stops_no_other(tmp_path: Path) -> None:
    class Broken:
        def take(self, requests: Any, passes: Any) -> None:
            raise RuntimeError("broken")

        def close(self) -> None:
            pass

    log = AccessLog(tmp_path / "log")
    observer = Observer((Broken(), log), interval_s=0.01)
    observer.request(request())
    wait_for((tmp_path / "log").exists)
    observer.request(request())
    observer.close()
    assert len((tmp_path / "log").read_bytes().splitlines()) == 2


def test_the_access_log_rolls_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_BYTES", 300)
    log = AccessLog(tmp_path / "log")
    for _ in range(40):
        log.take([request()], [])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["log", "log.1", "log.2", "log.3", "log.4"]
    assert all(path.stat().st_size <= 600 for path in tmp_path.iterdir())
    log.enabled = False
    before = (tmp_path / "log").read_bytes()
    log.take([request()], [])
    assert (tmp_path / "log").read_bytes() == before


def request() -> Request:
    return Request(1.0, 0.001, "GET", "/", 200, None, None, 0, "id", "10.1.1.1", None, None)
