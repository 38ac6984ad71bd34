"""Statistics over many windows of one column, each as if its window were alone.

N rows in order, and of each a window `[starts, ends)` of rows before it, which may be empty; `own` adds the row itself.
Neither starts nor ends go back from row to row.

A window is folded from blocks of 1, 2, 4, … rows, so that N windows of L rows cost N log L steps, nothing is added and
taken away again, and a result has the same bits wherever in a table its window lies. Reference: Bentley and Saxe,
"Decomposable searching problems", Journal of Algorithms 1980; merging of moments: Chan, Golub and LeVeque, "Algorithms
for computing the sample variance", The American Statistician 1983.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Number = Literal["sum", "mean", "std", "min", "max", "median"]
Merge = Callable[[Floats, Floats], Floats]
CHUNK = 1 << 15
"""Windows worked on together, as many as stay near the processor."""


def counts(valid_N: Bools, starts: Ints, ends: Ints, *, own: bool) -> Ints:
    """How many values there are in each window [N]."""
    before = np.concatenate([[0], np.cumsum(valid_N, dtype=np.int64)])
    found: Ints = before[ends] - before[starts] + (valid_N if own else 0)
    return found


def first(valid_N: Bools, starts: Ints, ends: Ints, *, own: bool) -> Ints:
    """The row of each window's first value, -1 where it has none [N]."""
    rows = np.arange(len(valid_N), dtype=np.int64)
    none = len(valid_N)
    after = np.append(np.where(valid_N, rows, none), none)
    after = np.minimum.accumulate(after[::-1])[::-1][starts]
    return np.where(after < ends, after, np.where(valid_N & own, rows, -1))


def last(valid_N: Bools, starts: Ints, ends: Ints, *, own: bool) -> Ints:
    """The row of each window's last value, -1 where it has none [N]."""
    rows = np.arange(len(valid_N), dtype=np.int64)
    until = np.maximum.accumulate(np.concatenate([[-1], np.where(valid_N, rows, -1)]))[ends]
    return np.where(valid_N & own, rows, np.where(until >= starts, until, -1))


def number(of: Number, values_N: Floats, starts: Ints, ends: Ints, *, own: bool) -> Floats:
    """A statistic of each window's values (NaN is none), NaN where there are too few [N].

    `std` is of a sample: it takes two values, and divides by one less than their number.
    """
    if of == "median":
        return _median(values_N, starts, ends, own=own)
    found = np.full(len(values_N), np.nan)
    size = max(CHUNK, int((ends - starts).max(initial=0)))
    with np.errstate(all="ignore"):
        for begin in range(0, len(values_N), size):
            rows = slice(begin, begin + size)
            low, high = int(starts[begin]), min(begin + size, len(values_N))  # no window ends after its row
            places = np.arange(begin - low, high - low) if own else None
            found[rows] = _chunk(of, values_N[low:high], starts[rows] - low, ends[rows] - low, places)
    return found


def _chunk(of: Number, values: Floats, starts: Ints, ends: Ints, own: Ints | None) -> Floats:
    """A statistic of some windows: `own` are the places of their own rows, if they are in."""
    if of in ("mean", "std"):
        count, mean, squares = _folded(_moments(values), starts, ends, own, _merged)
        enough = count > (0 if of == "mean" else 1)
        return np.where(enough, mean if of == "mean" else np.sqrt(squares / (count - 1)), np.nan)
    if of == "sum":  # with how many there are, for those of none are missing
        there = ~np.isnan(values)
        total, count = _folded(np.stack([np.where(there, values, 0.0), there]), starts, ends, own, np.add)
        return np.where(count > 0, total, np.nan)
    return _folded(values, starts, ends, own, np.fmin if of == "min" else np.fmax, empty=np.nan)


def _folded(blocks: Floats, starts: Ints, ends: Ints, own: Ints | None, merge: Merge, empty: float = 0.0) -> Floats:
    """`blocks` [..., N] merged over each of W windows, their own rows last [..., W]."""
    rows, lengths, places = blocks, ends - starts, starts.copy()
    found = np.full((*rows.shape[:-1], len(starts)), empty)
    width, longest = 1, int(lengths.max(initial=0))
    while width <= longest:
        taking = np.flatnonzero(lengths & width)
        found[..., taking] = merge(found[..., taking], blocks[..., places[taking]])
        places[taking] += width
        blocks = merge(blocks[..., :-width], blocks[..., width:])
        width *= 2
    return found if own is None else merge(found, rows[..., own])


def _moments(values_N: Floats) -> Floats:
    """Of each value: how many it is, their mean, and the sum of squared distances from it [3, N]."""
    there = ~np.isnan(values_N)
    return np.stack([there.astype(np.float64), np.where(there, values_N, 0.0), np.zeros(len(values_N))])


def _merged(one: Floats, other: Floats) -> Floats:
    count = one[0] + other[0]
    share = other[0] / np.maximum(count, 1.0)
    apart = other[1] - one[1]
    # the first of two of which one is empty: a mean of none is 0, and may not pull the other's
    mean = np.where(one[0] == 0, other[1], np.where(other[0] == 0, one[1], one[1] + apart * share))
    squares = one[2] + other[2] + np.where((one[0] == 0) | (other[0] == 0), 0.0, apart * apart * one[0] * share)
    return np.stack([count, mean, squares])


def _median(values_N: Floats, starts: Ints, ends: Ints, *, own: bool) -> Floats:
    """By a sorted list that values enter and leave."""
    held: list[float] = []
    values = values_N.tolist()
    found = np.full(len(values), np.nan)
    low = high = 0
    for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if start >= high:
            held.clear()
            low = high = start
        for value in values[low:start]:
            if value == value:  # noqa: PLR0124 (not NaN)
                del held[bisect_left(held, value)]
        for value in values[high:end]:
            if value == value:  # noqa: PLR0124
                insort(held, value)
        low, high = start, max(end, high)
        mine = values[row]
        if own and mine == mine:  # noqa: PLR0124
            insort(held, mine)
        if held:
            found[row] = (held[(len(held) - 1) // 2] + held[len(held) // 2]) / 2
        if own and mine == mine:  # noqa: PLR0124
            del held[bisect_left(held, mine)]
    return found
