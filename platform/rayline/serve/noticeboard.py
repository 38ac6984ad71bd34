"""What processes of one cluster tell each other of its endpoint: replicas what they have loaded, and who changes it.

It is kept in the cluster's own key-value store (`cluster.key_values`). Nothing that answers requests reads it.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import orjson

from rayline.core.errors import ClusterError
from rayline.serve.loader import Report

log = logging.getLogger(__name__)
LEASE_S = 15.0
"""How long a deployment that died keeps others waiting."""
BEATS = 5
"""Signs of life in that time."""
_REPORTS = "serve/replicas/"
_LOCK = "serve/lock/"
_FREE = b"free"
_POLL_S = 0.1


class Store(Protocol):
    """Bytes by name, seen by every process of a cluster."""

    def put(self, key: str, value: bytes, *, overwrite: bool = True) -> bool:
        """Keep `value` unless there is one and `overwrite` is false; whether there was one."""
        ...

    def get(self, key: str) -> bytes | None: ...

    def delete(self, key: str) -> None: ...

    def keys(self, prefix: str) -> list[str]: ...


class Noticeboard:
    """Reports and the lock of one cluster's endpoint."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put_report(self, replica: str, report: Report) -> None:
        self._store.put(_REPORTS + replica, orjson.dumps(report.to_json()))

    def reports(self) -> dict[str, Any]:
        """What each replica reported last, as JSON has it."""
        found = {key.removeprefix(_REPORTS): self._store.get(key) for key in self._store.keys(_REPORTS)}
        return {replica: orjson.loads(value) for replica, value in found.items() if value is not None}

    def forget(self, *, all_but: Collection[str] = ()) -> None:
        """Take down the reports of replicas that are gone."""
        for replica in set(self.reports()) - set(all_but):
            self._store.delete(_REPORTS + replica)

    @contextmanager
    def only_one(self, timeout_s: float) -> Iterator[None]:
        """One change of the endpoint at a time, cluster-wide: each reads what is deployed before it writes.

        Whoever holds the lock shows signs of life until the block ends; one that shows none for `LEASE_S`, by the clock
        of who waits, is dead.

        Raises:
            ClusterError: another one goes on for longer than `timeout_s`.
        """
        mine = uuid.uuid4().hex
        limit = time.monotonic() + timeout_s
        seen, since = b"", time.monotonic()
        while True:
            highest = max(self._tickets(), default=0)
            held = self._store.get(_ticket(highest)) or _FREE
            if held != seen:
                seen, since = held, time.monotonic()
            if held == _FREE or time.monotonic() - since > LEASE_S:
                with self._ticket_made(highest + 1, mine) as alone:
                    if alone:
                        yield
                        return
            if time.monotonic() > limit:
                raise ClusterError("another deployment goes on on this cluster. Try again when it has ended.")
            time.sleep(_POLL_S)

    @contextmanager
    def _ticket_made(self, number: int, mine: str) -> Iterator[bool]:
        """Make the ticket of that number, and show signs of life as long as the block goes on; whether it has the lock.

        Tickets are numbered, and who made the highest has the lock. A ticket is made only where there is none of its
        number, in which one process alone succeeds, and the highest is never deleted: a process that was slow, and made
        one of a number that had come and gone, then sees a higher one and knows that it has nothing.
        """
        ticket = _ticket(number)
        if self._store.put(ticket, _sign(mine, 0), overwrite=False):
            yield False
            return
        try:
            with _repeated(lambda beat: self._store.put(ticket, _sign(mine, beat)), LEASE_S / BEATS):
                others = self._tickets() - {number}
                alone = max(others, default=0) < number
                for lower in others if alone else ():
                    self._store.delete(_ticket(lower))
                yield alone
        finally:
            with suppress(ClusterError):  # the lock is gone with the cluster; the block's own error is the one to tell
                self._store.put(ticket, _FREE)

    def _tickets(self) -> set[int]:
        return {int(key.removeprefix(_LOCK)) for key in self._store.keys(_LOCK)}


def _ticket(number: int) -> str:
    return f"{_LOCK}{number}"


def _sign(mine: str, beat: int) -> bytes:
    """What the holder writes on its ticket: others look whether it changes."""
    return orjson.dumps({"by": mine, "beat": beat})


@contextmanager
def _repeated(call: Callable[[int], object], every_s: float) -> Iterator[None]:
    """`call(1)`, `call(2)`, … in a thread, as long as the block goes on."""
    ended = threading.Event()

    def work() -> None:
        for beat in itertools.count(1):
            if ended.wait(every_s):
                return
            try:
                call(beat)
            except ClusterError as error:  # the block finds out by itself, or the head answers again
                log.warning("the lock of this deployment could not be renewed: %s", error)

    thread = threading.Thread(target=work, name="rayline-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
