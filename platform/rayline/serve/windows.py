"""Live windows: every answered row counted in its reference's bins, and posted to the monitor.

A record holds what was counted since the last, so a lost one loses its own interval only. While the monitor does not
answer, records wait, up to a number, and are sent again under the numbers they had; the monitor drops repeats.
"""

from __future__ import annotations

import http.client
import logging
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from rayline.core.records import WindowRecord
from rayline.profile.reference import Reference
from rayline.profile.windows import Window
from rayline.serve.answers import decided, joined
from rayline.serve.batcher import Pass
from rayline.serve.observe import Request, Seen, by_version
from rayline.serve.table import Served

log = logging.getLogger("rayline.serve")

MOST_RECORDS = 240
"""Records that wait for a monitor that does not answer; older ones are dropped."""
PATIENCE_S = 2.0

Post = Callable[[str, bytes], None]


@dataclass
class _Counted:
    served: Served
    window: Window
    started: float


class Windows:
    """The sink that counts rows and tells the monitor.

    Args:
        replica: this replica's name.
        post: sends a body to a URL, or raises `OSError`.
        clock: seconds since the epoch.
    """

    def __init__(self, replica: str, post: Post | None = None, clock: Callable[[], float] = time.time) -> None:
        self.monitor: str | None = None
        """URL of the monitor; may be changed while running."""
        self.report_s = 5.0
        self._replica = replica
        self._post = post or http_post
        self._clock = clock
        self._counted: dict[Served, _Counted] = {}
        # by name, not by what is loaded: a version that comes back goes on counting, else it would look repeated
        self._sequences: Counter[tuple[str, str]] = Counter()
        self._unsent: deque[dict[str, Any]] = deque(maxlen=MOST_RECORDS)
        self._reported = clock()
        self._told = False

    def take(self, requests: Sequence[Request], passes: Sequence[Seen]) -> None:  # noqa: ARG002 - a sink
        now = self._clock()
        if self.monitor is None:
            self._counted.clear()
            return
        for served, done in by_version(passes).items():
            if served.reference is not None:
                self._count(served, served.reference, done, now)
        if now - self._reported >= self.report_s:
            self._report(now)

    def close(self) -> None:
        if self.monitor is not None:
            self._report(self._clock())

    def _count(self, served: Served, reference: Reference, passes: Sequence[Pass], now: float) -> None:
        counted = self._counted.get(served)
        if counted is None:
            counted = self._counted[served] = _Counted(served, Window(reference), now - self.report_s)
        columns = {
            name: list(chain.from_iterable(done.columns[name] for done in passes))
            for name in reference.features
            if name in passes[0].columns
        }
        raw = joined([done.raw for done in passes])
        counted.window.add(columns, decided(served.signature, raw) if served.signature.classes else raw)

    def _report(self, now: float) -> None:
        self._reported = now
        for counted in self._counted.values():
            served = counted.served
            name = (served.model, served.version)
            record = WindowRecord(
                model=served.model,
                version=served.version,
                package=served.package,
                replica=self._replica,
                sequence=self._sequences[name],
                started=counted.started,
                ended=now,
                **counted.window.drain(),
            )
            self._sequences[name] += 1
            self._unsent.append(record.model_dump(mode="json"))
        self._counted.clear()
        self._send()

    def _send(self) -> None:
        if not self._unsent or self.monitor is None:
            return
        try:
            self._post(f"{self.monitor.rstrip('/')}/records", orjson.dumps(list(self._unsent)))
        except (OSError, http.client.HTTPException) as error:
            if not self._told:  # once, not every few seconds
                log.warning("the monitor at %s does not answer (%s); windows wait for it", self.monitor, error)
            self._told = True
        else:
            self._told = False
            self._unsent.clear()


def http_post(url: str, body: bytes, key: str | None = None) -> None:
    """Post JSON.

    Raises:
        OSError: nothing answers, or not with success.
    """
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S):
        pass
