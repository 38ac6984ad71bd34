"""A real Prometheus for tests, and the panels of the dashboards it is asked for."""

from __future__ import annotations

import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson


class Prometheus:
    """Asks a running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
            return orjson.loads(answer.read())["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Samples now: `[{"metric": labels, "value": [time, text]}]`."""
        result: list[dict[str, Any]] = self.get("/api/v1/query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The value of an expression of one sample, `None` where it has none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def panel(self, expression: str, rate_interval: str = "20s") -> list[dict[str, Any]]:
        """Samples of a panel's query, with every model and version chosen."""
        filled = expression.replace("$__rate_interval", rate_interval)
        filled = re.sub(r"\$(model|version)\b", ".*", filled)
        assert "$" not in filled, filled
        return self.query(filled)


@contextmanager
def running(configuration: Path, data: Path) -> Iterator[Prometheus]:
    """Prometheus with this configuration, until the block ends."""
    port = free_port()
    log = (data.parent / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        server = Prometheus(f"http://127.0.0.1:{port}")
        wait_until(lambda: urllib.request.urlopen(f"{server.url}/-/ready", timeout=5).status == 200)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def panels(folder: Path) -> dict[str, str]:
    """`dashboard / panel / query` to the expression, of every dashboard in an exported folder."""
    found = {}
    for path in sorted((folder / "grafana" / "dashboards").glob("*.json")):
        for panel in orjson.loads(path.read_bytes())["panels"]:
            for target in panel["targets"]:
                found[f"{path.stem} / {panel['title']} / {target['refId']}"] = target["expr"]
    return found


def wait_until(ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Wait for something that may fail to answer at first."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            if ready():
                return
        except OSError:
            pass
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
