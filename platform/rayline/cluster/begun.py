"""Which items of a pass are begun and not ended: a process that is killed cannot tell what it worked on.

Every task notes an item in the cluster's control store before it begins it, and takes the note away at its end: three
calls of less than a millisecond. What is left of a pass that failed is what it failed on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from rayline.cluster.key_values import KeyValues


class Begun:
    """The notes of one pass; travels to its tasks."""

    def __init__(self) -> None:
        self._notes = KeyValues()
        self._prefix = f"pass-{uuid.uuid4().hex}-"

    @contextmanager
    def item(self, index: int) -> Iterator[None]:
        """In a task: note that the block works on an item, and how many times it was begun before without an end."""
        key = f"{self._prefix}{index}"
        before = int(self._notes.get(key) or b"0")
        self._notes.put(key, str(before + 1).encode())
        try:
            yield
        finally:  # also for an error, which tells of itself; not for a killed process
            self._notes.delete(key)

    def unfinished(self) -> list[int]:
        """In the driver, after a failure: the items that were begun most often without an end, in order. Takes the
        notes away.
        """
        times: dict[int, int] = {}
        for key in self._notes.keys(self._prefix):
            noted = self._notes.get(key)
            if noted is not None:  # one that ended in the meantime
                times[int(key.removeprefix(self._prefix))] = int(noted)
        self._notes.delete_all(self._prefix)
        most = max(times.values(), default=0)
        return sorted(index for index, count in times.items() if count == most)
