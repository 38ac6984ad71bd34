"""Real serving watched by a real monitor and a real Prometheus: every panel has data, drift is seen, a replica's
metrics are lint-clean."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from served_packages import make, people

from prometheus_server import Prometheus, free_port, panels, running, wait_until
from rayline.core.errors import PackageError
from rayline.monitor import service
from rayline.monitor.export import export
from rayline.monitor.service import Monitor
from rayline.spec.sections import Expectation

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

RAY_LABELS = ("Component", "NodeAddress", "SessionName", "Version", "WorkerId", "otel_scope_name",
              "otel_scope_schema_url", "otel_scope_version")  # fmt: skip


@dataclass(frozen=True)
class Watched:
    url: str
    agent: str
    monitor: Monitor
    prometheus: Prometheus
    folder: Path

    def predict(self, records: list[dict[str, Any]]) -> int:
        request = urllib.request.Request(
            f"{self.url}/models/people/predict",
            orjson.dumps({"records": records}),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def watched(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """An endpoint with one good version and one that failed to load, its monitor, and Prometheus over both."""
    import ray

    from rayline.serve import on_ray
    from rayline.serve.state import Desired, Entry

    root = tmp_path_factory.mktemp("watching")
    monitor = service.start(port=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYLINE_HOME", str(root / "home"))
        try:
            url = on_ray.start(port=free_port(), monitor=monitor.url, desired=Desired())
            package = make(root / "package", expect={"age": Expectation(max=80, on="warn")})
            on_ray.deploy([Entry(model="people", version="1", package=package)])
            with pytest.raises(PackageError):
                on_ray.deploy([Entry(model="people", version="2", package=str(root / "nothing"))])
            agent = f"127.0.0.1:{ray.nodes()[0]['MetricsExportPort']}"
            address = f"{monitor.host}:{monitor.port}"
            folder = export(root / "export", ray_metrics=agent, monitor=address, scrape_interval_s=1).folder
            with running(folder / "prometheus.yml", root / "data") as prometheus:
                yield Watched(url, agent, monitor, prometheus, folder)
        finally:
            on_ray.stop()
            monitor.stop()


def test_every_panel_has_data_and_drift_is_seen(watched: Watched) -> None:
    older = people(400, seed=7).drop("rich").to_dicts()
    for record in older:
        record["age"] = 89.0
    expressions = panels(watched.folder)
    empty = dict(expressions)
    until = time.monotonic() + 90
    while empty and time.monotonic() < until:
        assert {watched.predict(older[at : at + 20]) for at in range(0, len(older), 20)} == {200}
        assert watched.predict([{}]) == 422
        time.sleep(0.5)
        empty = {name: text for name, text in empty.items() if not watched.prometheus.panel(text, "1m")}
    assert empty == {}

    prometheus = watched.prometheus
    assert prometheus.value('rayline_drift_alarm{model="people", feature="age"}') == 1
    assert prometheus.value('rayline_drift_alarm{model="people", feature="job"}') == 0
    assert prometheus.value('sum(ray_rayline_model_load_failures_total{version="2"})') == 1
    warned, answered = "ray_rayline_expectation_warnings_total", "ray_rayline_predictions_total"
    wait_until(lambda: prometheus.value(f'sum({warned}{{feature="age"}}) / sum({answered})') == 1)
    assert prometheus.value('sum(ray_rayline_requests_refused_total{reason!="field"})') is None
    refused = 'ray_rayline_requests_total{outcome="refused"}'
    wait_until(lambda: prometheus.value(f"sum(ray_rayline_requests_refused_total) / sum({refused})") == 1)
    wait_until(lambda: bool(prometheus.query('ALERTS{alertname="RaylineLoadFailed", version="2"}')))
    wait_until(lambda: bool(prometheus.query('ALERTS{alertname="RaylineDrift", feature="age"}')))
    assert prometheus.query('ALERTS{alertname=~"RaylineErrorBudget.*|RaylineReplicaDown|RayNodeDown"}') == []


def test_what_replicas_export_is_lint_clean_without_the_labels_of_ray(watched: Watched) -> None:
    def exported() -> str:
        with urllib.request.urlopen(f"http://{watched.agent}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    assert watched.predict(people(5).drop("rich").to_dicts()) == 200
    wait_until(lambda: "ray_rayline_requests_total{" in exported())
    ours = [line for line in exported().splitlines() if "ray_rayline_" in line]
    # replicas that differ in nothing but Ray's labels would look like repeats
    plain = dict.fromkeys(re.sub(rf'\b(?:{"|".join(RAY_LABELS)})="[^"]*",?', "", line) for line in ours)
    text = "\n".join(line.replace("ray_rayline_", "rayline_").replace(",}", "}") for line in plain) + "\n"
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", ""), text
