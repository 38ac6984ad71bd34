"""What is seen of requests and passes: noted on the hot path, worked through once a second in a thread.

    request ──┐ append                    ┌─> metrics
              ├────────> Observer ──1 s──>├─> access log
    pass ─────┘                           └─> windows ──5 s──> monitor

An append costs well under a microsecond. What the thread cannot keep up with is dropped and counted, never waited for.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rayline.serve.batcher import Pass
from rayline.serve.table import Served

log = logging.getLogger("rayline.serve")

INTERVAL_S = 1.0
MOST_REQUESTS = 100_000
"""Requests kept for one interval; older ones are dropped."""
MOST_ROWS = 1_000_000
"""Rows kept for one interval; passes beyond them are not counted in windows."""
EARLY = 10_000
"""Requests or passes that wake the thread before its interval is over."""


class Request(NamedTuple):
    """One request that was answered, with whatever status."""

    time: float
    """Its end, seconds since the epoch."""
    seconds: float
    method: str
    path: str
    status: int
    model: str | None
    """Model that was asked, if the path named one that is here."""
    version: str | None
    """Version that answered."""
    rows: int
    request_id: str
    client: str
    key: str | None
    """Name of the API key."""
    error: str | None
    reason: str | None = None
    """Why it was refused, as one of a few words (`serve/README.md`), never a value of it."""


class Seen(NamedTuple):
    """One pass of a model."""

    served: Served
    done: Pass


class Sink(Protocol):
    """Takes what happened in an interval. Called by one thread, never by two at once."""

    def take(self, requests: Sequence[Request], passes: Sequence[Seen]) -> None: ...

    def close(self) -> None: ...


class Observer:
    """Collects on the event loop, hands over in its own thread."""

    def __init__(self, sinks: Sequence[Sink], interval_s: float = INTERVAL_S) -> None:
        self.dropped = 0
        """Requests and passes that no sink got to see."""
        self._sinks = sinks
        self._interval_s = interval_s
        self._requests: deque[Request] = deque(maxlen=MOST_REQUESTS)
        self._passes: deque[Seen] = deque()
        self._rows = 0
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="rayline-observer", daemon=True)
        self._thread.start()

    def request(self, request: Request) -> None:
        if len(self._requests) == MOST_REQUESTS:
            self.dropped += 1
        self._requests.append(request)
        if len(self._requests) == EARLY:
            self._wake.set()

    def passed(self, served: Served, done: Pass) -> None:
        rows = len(done.raw)
        tally = served.tally
        tally.passes += 1
        tally.rows += rows
        tally.model_s += done.seconds
        if self._rows + rows > MOST_ROWS:
            self.dropped += 1
            return
        self._rows += rows
        self._passes.append(Seen(served, done))
        if len(self._passes) == EARLY:
            self._wake.set()

    def close(self) -> None:
        """Hand over what is left and stop."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            self._hand_over()
        self._hand_over()
        for sink in self._sinks:
            sink.close()

    def _hand_over(self) -> None:
        requests = [self._requests.popleft() for _ in range(len(self._requests))]
        passes = [self._passes.popleft() for _ in range(len(self._passes))]
        self._rows -= sum(len(seen.done.raw) for seen in passes)
        for sink in self._sinks:
            try:
                sink.take(requests, passes)
            except Exception:  # observing must never end because one look failed
                log.exception("%s could not take what was observed", type(sink).__name__)


def by_version(passes: Sequence[Seen]) -> dict[Served, list[Pass]]:
    """Passes of each version, in order."""
    parts: dict[Served, list[Pass]] = {}
    for served, done in passes:
        parts.setdefault(served, []).append(done)
    return parts
