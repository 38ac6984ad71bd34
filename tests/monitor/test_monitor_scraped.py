"""A real Prometheus scrapes a real monitor as exported: drift seen, alert raised, panels filled, its stop noticed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from census import draw_people, make_record

from prometheus_server import Prometheus, panels, running, wait_until
from rayline.monitor import service
from rayline.monitor.export import export
from rayline.monitor.service import Monitor


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    started = service.start(port=0)
    yield started
    started.stop()


@pytest.fixture
def prometheus(monitor: Monitor, tmp_path: Path) -> Iterator[Prometheus]:
    folder = export(
        tmp_path / "watching",
        ray_metrics="127.0.0.1:1",
        monitor=f"{monitor.host}:{monitor.port}",
        scrape_interval_s=0.5,
    ).folder
    with running(folder / "prometheus.yml", tmp_path / "data") as server:
        yield server


def test_drift_reaches_prometheus_and_its_panels(
    monitor: Monitor, prometheus: Prometheus, package: Callable[..., str], tmp_path: Path
) -> None:
    uri = package()
    monitor.watch.accept([make_record(uri, draw_people(1000, 1, older_by=15), ended=time.time())])
    alarm = 'rayline_drift_alarm{feature="age"}'
    wait_until(lambda: prometheus.value(alarm) == 1 and len(prometheus.query("rayline_drift_psi")) == 7)
    assert prometheus.value('rayline_drift_alarm{feature="sex"}') == 0
    assert prometheus.value('up{job="rayline-monitor"}') == 1
    wait_until(lambda: prometheus.value('up{job="ray"}') == 0)

    expressions = {
        name: text for name, text in panels(tmp_path / "watching").items() if name.startswith("rayline-drift")
    }
    assert len(expressions) >= 11
    # a rate needs two scrapes
    wait_until(
        lambda: bool(prometheus.panel("sum by (outcome) (rate(rayline_monitor_records_total[$__rate_interval]))"))
    )
    empty = [name for name, text in expressions.items() if not prometheus.panel(text)]
    assert empty == []

    def alerts() -> dict[tuple[str, str | None], dict[str, Any]]:
        raised = prometheus.get("/api/v1/alerts")["alerts"]
        return {(alert["labels"]["alertname"], alert["labels"].get("feature")): alert for alert in raised}

    wait_until(lambda: {("RaylineDrift", "age"), ("RayNodeDown", None)} <= set(alerts()))
    assert {alert["state"] for alert in alerts().values()} == {"pending"}
    assert "age has drifted" in alerts()["RaylineDrift", "age"]["annotations"]["summary"]

    # a Prometheus keeps its connection, which must not outlive the monitor
    monitor.stop()
    wait_until(lambda: prometheus.value('up{job="rayline-monitor"}') == 0)
