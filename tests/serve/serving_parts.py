"""A replica in this process, and a client that calls its ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from rayline.core.columns import FeatureType, InputColumn, Signature, Task
from rayline.core.errors import PackageError
from rayline.profile.bins import CategoryBins, NumberBins
from rayline.profile.reference import Reference
from rayline.registry.validate import Validator
from rayline.serve.loader import Report
from rayline.serve.replica import Replica

INPUTS = (
    InputColumn(name="age", type=FeatureType.NUMBER, minimum=0, maximum=120),
    InputColumn(name="job", type=FeatureType.CATEGORY, allowed=("clerk", "nurse", "pilot")),
    InputColumn(name="hours", type=FeatureType.NUMBER, nullable=False),
)
BINARY = Signature(inputs=INPUTS, target="rich", task=Task.BINARY, classes=("no", "yes"), positive="yes", threshold=0.4)
MULTI = Signature(inputs=INPUTS, target="kind", task=Task.MULTICLASS, classes=("a", "b", "c"))
REGRESSION = Signature(inputs=INPUTS, target="price", task=Task.REGRESSION)
RECORD = {"age": 39, "job": "clerk", "hours": 40.0}


class Doubling:
    """Stands where a package's predictor would: answers with a simple function of `hours`, and remembers its passes."""

    def __init__(
        self, signature: Signature = BINARY, *, factor: float = 0.01, golden: str = "", pass_s: float = 0
    ) -> None:
        self.signature = signature
        self.validator = Validator(signature)
        self.factor = factor
        self.golden = golden
        self.pass_s = pass_s
        self.passes: list[int] = []
        self.threads: list[str] = []

    def clean(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        return columns

    def example(self) -> dict[str, Any]:
        return RECORD

    def answer(self, columns: Mapping[str, Any]) -> Any:
        import threading

        hours = np.array(columns["hours"], dtype=np.float64)
        if (hours == 13).any():
            raise RuntimeError("thirteen")
        self.passes.append(len(hours))
        self.threads.append(threading.current_thread().name)
        if self.pass_s:
            time.sleep(self.pass_s)
        first = (hours * self.factor).astype(np.float32)
        if self.signature.task is Task.MULTICLASS:
            return np.stack([first, 1 - first, np.zeros_like(first)], axis=1)
        return first

    def check_golden(self) -> int:
        if self.golden:
            raise PackageError(self.golden)
        return 0


REFERENCE = Reference(
    {"age": NumberBins((30.0, 50.0), (5, 5, 5, 0)), "job": CategoryBins(("clerk", "nurse"), (8, 7, 0, 0))},
    CategoryBins(("no", "yes"), (10, 5)),
)


@dataclass
class Meter:
    """Keeps what it was told."""

    seen: list[tuple[float, dict[str, str]]] = field(default_factory=list)

    def inc(self, value: float, tags: dict[str, str]) -> None:
        self.seen.append((value, tags))

    observe = set = inc

    def total(self, **tags: str) -> float:
        return sum(value for value, given in self.seen if tags.items() <= given.items())


@dataclass
class Meters:
    """Makes meters that keep what they were told."""

    made: dict[str, Meter] = field(default_factory=dict)

    def counter(self, name: str, description: str, tags: tuple[str, ...]) -> Meter:
        return self.made.setdefault(name, Meter())

    gauge = counter

    def histogram(self, name: str, description: str, boundaries: Any, tags: tuple[str, ...]) -> Meter:
        return self.made.setdefault(name, Meter())


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Endpoint:
    """A replica that loads its packages from `packages`, and the client of its application."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", post: Any = None) -> None:
        self.packages: dict[str, Any] = {}
        self.meters = Meters()
        self.reports: list[Report] = []
        self.log = folder / "access.log"
        self.replica = Replica(
            "replica-1",
            host=host,
            meters=self.meters,
            report=self.reports.append,
            access_log=self.log,
            open_package=self._open,
            post=post,
        )

    def _open(self, uri: str) -> Any:
        found = self.packages.get(uri)
        if found is None:
            raise PackageError(f"{uri} is not a model package")
        if isinstance(found, Exception):
            raise found
        if callable(found):
            found = found()
        return found, getattr(found, "reference", REFERENCE)

    def serve(self, models: dict[str, Any], settings: dict[str, Any] | None = None, wait: bool = True) -> None:
        document = {"models": models, "settings": settings or {}}
        known = len(self.reports)
        asyncio.run(self.replica.reconfigure(document))
        if wait:
            wait_for(lambda: any(not report.working for report in self.reports[known:]))

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, value: Any, **more: Any) -> Answer:
        return self.request("POST", path, orjson.dumps(value), **more)

    def predict(self, *records: Any, model: str = "adult", **more: Any) -> Answer:
        return self.post(f"/models/{model}/predict", {"records": list(records)}, **more)

    def request(self, *call: Any, **more: Any) -> Answer:
        return asyncio.run(self.ask(*call, **more))

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, chunk: int = 1 << 20
    ) -> Answer:
        """One request, its body sent in chunks."""
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
            "client": ("10.1.1.1", 5000),
        }
        chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
        incoming = [
            {"type": "http.request", "body": part, "more_body": n < len(chunks) - 1} for n, part in enumerate(chunks)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(0)
            return incoming.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await self.replica.app(scope, receive, send)
        start, *parts = sent
        head = {k.decode(): v.decode() for k, v in start["headers"]}
        return Answer(start["status"], head, b"".join(part["body"] for part in parts))


def wait_for(condition: Callable[[], Any], timeout_s: float = 5.0) -> None:
    limit = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.01)
