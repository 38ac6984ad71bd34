"""Smallest, largest and mean of whole numbers (lengths, sizes, microseconds), exact and the same in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Tally = dict[str, Any]
"""`count`, `total` (whole numbers of any size), `minimum`, `maximum` and `mean` (`None` of nothing)."""


def tally(values: npt.NDArray[np.int64], times: npt.NDArray[np.int64] | None = None) -> Tally:
    """Of whole numbers [n], each met once or as often as `times` [n] says, at least once."""
    if not len(values):
        return _made(0, 0, None, None)
    count = len(values) if times is None else int(times.sum())
    largest = int(np.abs(values).max()) + 1
    if largest * count < 2**62:
        total = int(values.sum() if times is None else (values * times).sum())
    else:
        total = (
            sum(values.tolist())
            if times is None
            else sum(v * t for v, t in zip(values.tolist(), times.tolist(), strict=True))
        )
    return _made(count, total, int(values.min()), int(values.max()))


def merge_tallies(parts: Sequence[Tally]) -> Tally:
    """Of all the numbers together."""
    return _made(
        sum(part["count"] for part in parts),
        sum(part["total"] for part in parts),
        min((part["minimum"] for part in parts if part["count"]), default=None),
        max((part["maximum"] for part in parts if part["count"]), default=None),
    )


def merge_counts(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Name to how often, in the order of names; numbers in their own."""
    total: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items(), key=lambda item: (item[0].isdigit() * len(item[0]), item[0])))


def _made(count: int, total: int, minimum: int | None, maximum: int | None) -> Tally:
    mean = total / count if count else None
    return {"count": count, "total": total, "minimum": minimum, "maximum": maximum, "mean": mean}
