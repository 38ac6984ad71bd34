"""Requests over a few kept connections in a thread, each answer counted."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

ROW = {"age": 40, "hours": 38.5, "job": "pilot", "city": "city 3"}
PATIENCE_S = 20.0


@dataclass
class Traffic:
    """Asks `path` over and over, from `begin()` to `end()`."""

    port: int
    path: str = "/models/people/predict"
    connections: int = 4
    versions: Counter[str] = field(default_factory=Counter)
    """Answers by the version they came from."""
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0

    def begin(self) -> Traffic:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(self.connections)]
        for thread in self._threads:
            thread.start()
        return self

    def end(self) -> Traffic:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self

    @property
    def answered(self) -> int:
        return sum(self.versions.values())

    def __enter__(self) -> Traffic:
        return self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def _ask_on(self) -> None:
        body = orjson.dumps({"records": [ROW]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        while not self._stop.is_set():
            started = time.perf_counter()
            try:
                connection.request("POST", self.path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                told = answer.read()
                failed = "" if answer.status == 200 else f"{answer.status} {told[:200]!r}"
                version = "" if failed else orjson.loads(told)["version"]
            except (OSError, http.client.HTTPException) as error:
                failed, version = repr(error), ""
                connection.close()
            with self._lock:
                self.slowest_s = max(self.slowest_s, time.perf_counter() - started)
                if failed:
                    self.failures.append(failed)
                else:
                    self.versions[version] += 1
            time.sleep(0.002)  # the endpoint and its replicas share two cores with us


def call(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    is_json = (answer.headers["Content-Type"] or "").startswith("application/json")
    return answer.status, orjson.loads(told) if is_json else told.decode()
