"""Where the first of several workers puts what it tells, until the driver looks. Needs no torch: it starts at once."""

from __future__ import annotations

from collections import deque

from rayline.train.record import Epoch, Progress


class Board:
    """Events in the order they were put; of many that nobody took, the oldest are forgotten."""

    def __init__(self) -> None:
        self._told: deque[Epoch | Progress] = deque(maxlen=10_000)

    def put(self, event: Epoch | Progress) -> None:
        self._told.append(event)

    def drain(self) -> list[Epoch | Progress]:
        """What was put since the last call; of progress the latest only, for it says where training is now."""
        told = list(self._told)
        self._told.clear()
        latest = next((i for i in reversed(range(len(told))) if isinstance(told[i], Progress)), -1)
        return [event for i, event in enumerate(told) if isinstance(event, Epoch) or i == latest]
