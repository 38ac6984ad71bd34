"""What processes of one cluster tell each other of its endpoint: replicas what they have loaded, and who changes it.

It is kept in the cluster's own key-value store (`cluster.key_values`). Nothing that answers requests reads it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import orjson

from rayline.core.errors import ClusterError
from rayline.serve.loader import Report

LOCK_GRACE_S = 60.0
"""How much longer than its own time-out a deployment that died keeps others waiting."""
_REPORTS = "serve/replicas/"
_LOCK = "serve/lock"
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

        Raises:
            ClusterError: another one goes on for longer than `timeout_s`.
        """
        mine = orjson.dumps({"by": uuid.uuid4().hex, "until": time.time() + timeout_s + LOCK_GRACE_S})
        limit = time.monotonic() + timeout_s
        while self._store.put(_LOCK, mine, overwrite=False):
            held = self._store.get(_LOCK)
            if held is not None and orjson.loads(held)["until"] < time.time():  # its holder died
                self._store.delete(_LOCK)
            elif time.monotonic() > limit:
                raise ClusterError("another deployment goes on on this cluster. Try again when it has ended.")
            else:
                time.sleep(_POLL_S)
        try:
            yield
        finally:
            if self._store.get(_LOCK) == mine:
                self._store.delete(_LOCK)
