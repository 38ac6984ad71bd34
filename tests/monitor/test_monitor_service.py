"""The monitor over HTTP: records in, metrics and drift out, refusals, keys, a port in use, a stop by signal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from census import draw_people, make_record

from rayline.core.errors import AddressInUseError, InputError
from rayline.monitor import service
from rayline.monitor.service import MOST_BYTES, Monitor

Package = Callable[..., str]


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    started = service.start(port=0)
    yield started
    started.stop()


def ask(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def send(monitor: Monitor, *records: Any) -> dict[str, int]:
    status, body = ask(f"{monitor.url}/records", orjson.dumps([record.model_dump() for record in records]))
    assert status == 200, body
    answer: dict[str, int] = orjson.loads(body)
    return answer


def samples(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def test_records_become_metrics_that_promtool_finds_nothing_wrong_with(monitor: Monitor, package: Package) -> None:
    uri = package()
    people = draw_people(1500, 1, older_by=12)
    assert send(monitor, make_record(uri, people, ended=time.time())) == {"accepted": 1}
    _, body = ask(f"{monitor.url}/metrics")
    found = samples(body.decode())
    age = '{feature="age",model="adult",version="1"}'
    assert found[f"rayline_drift_psi{age}"] > found[f"rayline_drift_threshold{age}"] > 0.1
    assert found[f"rayline_drift_alarm{age}"] == 1
    assert found['rayline_drift_alarm{feature="sex",model="adult",version="1"}'] == 0
    assert found['rayline_drift_rows{model="adult",version="1"}'] == 1500
    assert found['rayline_drift_alarm{feature="__prediction__",model="adult",version="1"}'] == 0
    assert found['rayline_prediction_share{label=">50K",model="adult",version="1"}'] == pytest.approx(0.2)
    assert found[f"rayline_feature_missing_share{age}"] == pytest.approx(people["age"].null_count() / 1500)
    assert found['rayline_monitor_records_total{outcome="accepted"}'] == 1
    lint = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")


def test_an_idle_monitor_is_scraped_and_linted_too(monitor: Monitor) -> None:
    _, body = ask(f"{monitor.url}/metrics")
    lint = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")
    assert samples(body.decode())['rayline_monitor_records_total{outcome="malformed"}'] == 0


def test_drift_as_json_shows_both_sides(monitor: Monitor, package: Package) -> None:
    send(monitor, make_record(package(), draw_people(300, 1), ended=time.time()))
    status, body = ask(f"{monitor.url}/drift")
    (version,) = orjson.loads(body)["versions"]
    assert status == 200
    age = version["features"][0]
    assert (version["model"], version["rows"], age["name"]) == ("adult", 300, "age")
    assert len(age["bins"]) == len(age["expected"]) == len(age["observed"])
    assert sum(age["observed"]) == 300
    assert age["limit"] > age["by_chance"] > 0


def test_healthy(monitor: Monitor) -> None:
    assert ask(f"{monitor.url}/-/healthy") == (200, b"ok\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "JSON"),
        (b"{}", "list"),
        (b"[{}]", "model"),
        (b'[{"model": 3}]', "0.model"),
        (b"\xff\xfe", "JSON"),
        (b"[" * 10_000, "JSON"),
    ],
)
def test_a_malformed_body_is_refused_whole_and_counted(monitor: Monitor, body: bytes, says: str) -> None:
    status, answer = ask(f"{monitor.url}/records", body)
    assert status == 400
    assert says in orjson.loads(answer)["error"]
    _, text = ask(f"{monitor.url}/metrics")
    assert samples(text.decode())['rayline_monitor_records_total{outcome="malformed"}'] == 1


def test_one_malformed_record_spoils_its_list(monitor: Monitor, package: Package) -> None:
    good = make_record(package(), draw_people(10, 1), ended=time.time()).model_dump()
    status, _ = ask(f"{monitor.url}/records", orjson.dumps([good, {**good, "surplus": 1}]))
    assert status == 400
    assert monitor.watch.report() == []


def test_a_body_too_large_is_refused_unread(monitor: Monitor) -> None:
    with socket.create_connection((monitor.host, monitor.port), timeout=10) as connection:
        connection.sendall(f"POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_other_paths_and_methods_are_answered_with_what_there_is(monitor: Monitor) -> None:
    assert ask(f"{monitor.url}/nothing")[0] == 404
    status, body = ask(f"{monitor.url}/metrics", b"{}")
    assert (status, "GET" in orjson.loads(body)["error"]) == (405, True)
    assert ask(f"{monitor.url}/records")[0] == 405


def test_a_client_that_hangs_up_harms_nobody(monitor: Monitor) -> None:
    for request in (b"", b"POST /rec", b"POST /records HTTP/1.1\r\nContent-Length: 100\r\n\r\n[", b"\x16\x03\x01" * 50):
        with socket.create_connection((monitor.host, monitor.port), timeout=10) as connection:
            connection.sendall(request)
    assert ask(f"{monitor.url}/-/healthy")[0] == 200


def test_beyond_loopback_it_wants_keys_and_then_asks_for_them(package: Package) -> None:
    with pytest.raises(InputError, match="key"):
        service.start(host="0.0.0.0", port=0)
    monitor = service.start(host="0.0.0.0", port=0, keys=("secret-one", "secret-two"))
    try:
        url = f"http://127.0.0.1:{monitor.port}"
        body = orjson.dumps([make_record(package(), draw_people(10, 1), ended=time.time()).model_dump()])
        assert ask(f"{url}/records", body)[0] == 401
        assert ask(f"{url}/records", body, Authorization="Bearer wrong")[0] == 401
        assert ask(f"{url}/drift", Authorization="Basic secret-two")[0] == 401
        assert ask(f"{url}/records", body, Authorization="Bearer secret-two")[0] == 200
        assert ask(f"{url}/metrics")[0] == 200
    finally:
        monitor.stop()


def test_a_port_in_use_is_named(monitor: Monitor) -> None:
    with pytest.raises(AddressInUseError, match=str(monitor.port)) as raised:
        service.start(port=monitor.port)
    assert raised.value.exit_code == 2


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InputError, match=r"203\.0\.113\.7"):
        service.start(host="203.0.113.7", port=0, keys=("k",))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_stopped_by_signal_saves_its_windows_and_takes_them_up_again(
    package: Package, rayline_home: Path, number: signal.Signals
) -> None:
    uri = package()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    code = f"from rayline.monitor.service import run_forever; run_forever(port={port}, on_start=print)"
    for round_ in range(2):
        environment = {**os.environ, "RAYLINE_HOME": str(rayline_home), "RAYLINE_MONITOR_KEY": "secret"}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: ask(f"{url}/-/healthy")[0] == 200)
            record = make_record(uri, draw_people(40, 1), ended=time.time(), sequence=round_)
            body, key = orjson.dumps([record.model_dump()]), "Bearer secret"
            assert ask(f"{url}/records", body)[0] == 401
            assert ask(f"{url}/records", body, Authorization=key)[0] == 200
            rows = orjson.loads(ask(f"{url}/drift", Authorization=key)[1])["versions"][0]["rows"]
        finally:
            process.send_signal(number)
            assert process.communicate(timeout=10)[0] == f"{url}\n"
        assert process.returncode == 0
        assert rows == 40 * (round_ + 1)
    assert [path.name for path in (rayline_home / "serve").iterdir()] == [f"monitor-{port}.json"]


def wait_for(ready: Callable[[], bool], timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        assert time.monotonic() < until, "it did not become ready"
        time.sleep(0.05)
