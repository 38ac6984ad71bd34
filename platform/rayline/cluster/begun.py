"""Which items of a pass are begun and not ended: a process that is killed cannot tell what it worked on.

Every task notes an item in the cluster's control store before it begins it, and takes the note away at its end: three
calls of less than a millisecond. What is left of a pass that failed is what it failed on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from ray.experimental import internal_kv  # what every process of a cluster can write, and outlives it

NAMESPACE = "rayline"


class Begun:
    """The notes of one pass; travels to its tasks."""

    def __init__(self) -> None:
        self._prefix = f"pass-{uuid.uuid4().hex}-"

    @contextmanager
    def item(self, index: int) -> Iterator[None]:
        """In a task: note that the block works on an item, and how many times it was begun before without an end."""
        key = f"{self._prefix}{index}"
        before = int(internal_kv._internal_kv_get(key, namespace=NAMESPACE) or b"0")
        internal_kv._internal_kv_put(key, str(before + 1), namespace=NAMESPACE)
        try:
            yield
        finally:  # also for an error, which tells of itself; not for a killed process
            internal_kv._internal_kv_del(key, namespace=NAMESPACE)

    def unfinished(self) -> list[int]:
        """In the driver, after a failure: the items that were begun most often without an end, in order. Takes the
        notes away.
        """
        times: dict[int, int] = {}
        for key in internal_kv._internal_kv_list(self._prefix, namespace=NAMESPACE):
            noted = internal_kv._internal_kv_get(key, namespace=NAMESPACE)
            if noted is not None:  # one that ended in the meantime
                times[int(key.decode().removeprefix(self._prefix))] = int(noted)
        internal_kv._internal_kv_del(self._prefix, del_by_prefix=True, namespace=NAMESPACE)
        most = max(times.values(), default=0)
        return sorted(index for index, count in times.items() if count == most)
