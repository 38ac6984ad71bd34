"""The endpoint on a real cluster, behind HAProxy: protocols, deployments under load, a killed replica, config files."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
from served_packages import make, people
from serving_host import CallError, Host, running_host
from slow_storage import slow_storage
from traffic import ROW, Traffic, call

from ray_head import BIN, Head, free_ports, running_head
from rayline.cluster.environment import serving
from rayline.core.records import WindowRecord
from rayline.registry import manifest, predictor

pytestmark = pytest.mark.ray

CONFIGS = Path(__file__).parents[2] / "serve_configs"


@dataclass(frozen=True)
class Served:
    host: Host
    head: Head
    port: int
    folder: Path
    """Packages `good` (seed 0), `better` (seed 1), `altered` (a byte), `broken` (raises when it is loaded)."""
    records: list[WindowRecord]
    """What the monitor was told."""

    def entry(self, package: str, version: str) -> dict[str, Any]:
        return {"model": "people", "version": version, "package": str(self.folder / package), "aliases": ["champion"]}

    def version(self) -> str:
        status, answer = call(self.port, "POST", "/models/people/predict", orjson.dumps({"records": [ROW]}))
        assert status == 200, answer
        return str(answer["version"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two replicas that serve version 1 of `people`."""
    folder = tmp_path_factory.mktemp("packages")
    for name, seed in (("good", 0), ("better", 1), ("altered", 2), ("broken", 3)):
        make(folder / name, seed=seed)
    weights = folder / "altered" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    (folder / "broken" / "prepare.json").write_bytes(b"[]")
    manifest.seal(str(folder / "broken"))
    port, stats, metrics, busy = free_ports(4)
    environment = serving() | {
        "RAYLINE_HOME": str(folder / "home"),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
    }
    records: list[WindowRecord] = []
    desired = {
        "models": {"people": {"versions": {"1": str(folder / "good")}, "aliases": {"champion": "1"}}},
        "settings": {"report_s": 0.5},
    }
    with (
        running_head(cpus=4, environment=environment) as head,
        Listening(records) as monitor,
        running_host(head.address, os.environ | head.environment) as host,
    ):
        with Occupied(busy), pytest.raises(CallError, match=f"something else listens at 127.0.0.1:{busy}") as taken:
            host.call("start", "127.0.0.1", busy, desired=desired)
        with pytest.raises(CallError, match="no API key is set") as unsafe:
            host.call("start", "0.0.0.0", port, desired=desired)
        assert (taken.value.exit_code, unsafe.value.exit_code) == (2, 2)
        assert host.call("status")["application"] == "NOT_STARTED"
        host.call("start", "127.0.0.1", port, replicas=2, monitor=monitor, desired=desired)
        yield Served(host, head, port, folder, records)


def test_triton_client_gets_an_inference(served: Served) -> None:
    from tritonclient import http as triton

    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("people")
    assert client.is_model_ready("people", "champion")
    assert client.get_server_metadata()["name"] == "rayline"
    metadata = client.get_model_metadata("people", "1")
    assert [item["name"] for item in metadata["inputs"]] == ["age", "hours", "job", "city"]
    assert client.get_model_repository_index()[0]["state"] == "READY"

    rows = people(5, seed=9).fill_null(33.0)
    inputs = []
    for item in metadata["inputs"]:
        number = item["datatype"] == "FP64"
        values = rows[item["name"]].to_numpy().astype(np.float64 if number else np.object_)
        tensor = triton.InferInput(item["name"], [5], item["datatype"])
        tensor.set_data_from_numpy(values, binary_data=False)
        inputs.append(tensor)
    asked = [triton.InferRequestedOutput(name, binary_data=False) for name in ("label", "probabilities")]
    result = client.infer("people", inputs, "champion", outputs=asked, request_id="r1")
    assert result.get_response()["id"] == "r1"
    expected = predictor.load(str(served.folder / "good")).predict(rows)
    assert [str(label) for label in result.as_numpy("label")] == expected["prediction"].to_list()
    assert result.as_numpy("probabilities")[:, 1] == pytest.approx(expected["probability_yes"].to_numpy(), abs=1e-6)
    with pytest.raises(triton.InferenceServerException, match="Did you mean 'people'"):
        client.infer("peopel", inputs)
    client.close()


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/models/people/predict", b"{", 400, "not JSON"),
        ("/models/people/predict", b'{"records": [{"age": 3}]}', 422, "lacks hours, job, city"),
        ("/models/people/predict", orjson.dumps({"records": [{**ROW, "age": "old"}]}), 422, "'age'"),
        ("/models/peeple/predict", b"{}", 404, "Did you mean 'people'"),
        ("/models/people/versions/9/predict", b"{}", 404, "There is: 1, champion"),
        ("/models/people/predict", b" " * (50 << 20), 413, "16,777,216"),
    ],
)
def test_wrong_requests(served: Served, path: str, body: bytes, status: int, said: str) -> None:
    got, answer = call(served.port, "POST", path, body)
    assert got == status
    assert list(answer) == ["error"]
    assert said in answer["error"]


def test_windows_are_posted_to_the_monitor(served: Served) -> None:
    before = sum(record.rows for record in served.records)
    for _ in range(20):
        assert served.version() == "1"
    limit = time.monotonic() + 15
    while sum(record.rows for record in served.records) < before + 20:
        assert time.monotonic() < limit
        time.sleep(0.1)
    assert {record.package for record in served.records} == {str(served.folder / "good")}
    assert all(sum(record.features["job"]) == record.rows for record in served.records)


def test_deployments_under_load_lose_no_request(served: Served) -> None:
    """A good version, an altered package, one that raises on load, one that takes ten seconds, in turn."""
    with Traffic(served.port) as traffic:
        shown = served.host.call("deploy", [served.entry("better", "2")])
        assert shown["models"]["people"]["versions"]["2"]["replicas"] == 2
        assert served.version() == "2"
        with pytest.raises(CallError, match="altered: model.safetensors") as altered:
            served.host.call("deploy", [served.entry("altered", "3")])
        assert (altered.value.kind, altered.value.exit_code) == ("PackageError", 2)
        with pytest.raises(CallError, match="what answered before still does"):
            served.host.call("deploy", [served.entry("broken", "4")])
        assert served.version() == "2"
        with (
            slow_storage(str(served.folder / "good")) as (uri, storage),
            running_host(served.head.address, os.environ | served.head.environment) as second,
        ):
            storage.pause_s = 0.7
            started = time.monotonic()
            served.host.begin("deploy", [{**served.entry("good", "5"), "package": uri}])
            while not storage.given:
                time.sleep(0.05)
            with pytest.raises(CallError, match="another deployment goes on"):
                second.call("deploy", [served.entry("good", "7")], timeout_s=0.5)
            served.host.answer()
            took = time.monotonic() - started
        assert served.version() == "5"
        served.host.call("deploy", [served.entry("good", "6")])  # a replica that starts later must find its package
    print(
        f"\n{traffic.answered} requests by version {dict(traffic.versions)}, {len(traffic.failures)} failed, "
        f"slowest {traffic.slowest_s * 1000:.0f} ms; the slow package took {took:.1f} s"
    )
    assert took > 9
    assert traffic.failures == []
    assert set(traffic.versions) == {"1", "2", "5", "6"}
    shown = served.host.call("status")
    assert list(shown["models"]["people"]["versions"]) == ["6"]
    assert shown["models"]["people"]["aliases"] == {"champion": "6"}


def test_a_killed_replica_is_replaced_while_service_continues(served: Served) -> None:
    before = {replica["id"]: replica["pid"] for replica in served.host.call("status")["replicas"]}
    assert len(before) == 2
    with Traffic(served.port) as traffic:
        time.sleep(1)
        os.kill(next(iter(before.values())), signal.SIGKILL)
        limit = time.monotonic() + 40
        while True:
            now = served.host.call("status")
            running = {replica["id"] for replica in now["replicas"] if replica["state"] == "RUNNING"}
            (version,) = now["models"]["people"]["versions"].values()
            if len(running) == 2 and running != set(before) and version["replicas"] == 2:
                break
            assert time.monotonic() < limit, now
            time.sleep(0.2)
        answered = traffic.answered
        time.sleep(1)
        assert traffic.answered > answered
    print(
        f"\nafter SIGKILL of one of two replicas: {traffic.answered} requests answered, {len(traffic.failures)} failed "
        f"({sorted(set(traffic.failures))[:3]}), slowest {traffic.slowest_s * 1000:.0f} ms"
    )
    assert len(traffic.failures) <= traffic.connections


def test_config_file_deploys_the_same(served: Served, tmp_path: Path) -> None:
    config = yaml.safe_load((CONFIGS / "example.yaml").read_text())
    config["http_options"]["port"] = served.port
    (application,) = config["applications"]
    (deployment,) = application["deployments"]
    (name,) = deployment["user_config"]["models"]
    deployment["user_config"]["models"] = {
        "people": {**deployment["user_config"]["models"][name], "versions": {"1": str(served.folder / "better")}}
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    with Traffic(served.port) as traffic:
        subprocess.run(
            [BIN / "serve", "deploy", str(file), "--address", served.head.dashboard],
            env=os.environ | served.head.environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        limit = time.monotonic() + 30
        while served.version() != "1":
            assert time.monotonic() < limit
            time.sleep(0.2)
    assert traffic.failures == []
    with pytest.raises(CallError, match="Did you mean 'people'"):
        served.host.call("undeploy", "peopel")


class Listening:
    """A monitor that keeps the records it is posted."""

    def __init__(self, records: list[WindowRecord]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                records.extend(WindowRecord.model_validate(item) for item in orjson.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


class Occupied:
    """Something listens on the port."""

    def __init__(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), BaseHTTPRequestHandler)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._server.server_close()
