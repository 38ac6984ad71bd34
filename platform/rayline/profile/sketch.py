"""How often a value occurs among more values than are kept: a count sketch that adds up.

Every row adds one to one counter in each of five lines, chosen by its value's hash (Cormode and Muthukrishnan, "An
improved data stream summary: the count-min sketch", 2005). Sketches of parts add up to the sketch of the whole, so the
order of rows and the tree of merges change nothing, which counters that evict (Misra-Gries, Space-Saving) cannot say.

    bound: 0.05% of the rows too few at worst; more than 0.2% of the rows too many for one value in a thousand.

A line's counter is too large by the rows of other values that share it, 1/2048 of them on average; that mean is taken
off (Deng and Rafiei, "New estimation algorithms for streaming data: count-min can do more", 2007), which is the most
that can be lacking. The smallest counter bounds the count from above, and all five exceed it by 0.2% of the rows with
a chance below (0.05% / 0.2%)⁵, by Markov's inequality.

    D lines · W counters a line
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.seeds import UInt64Array

LINES = 5
BITS = 11
WIDTH = 1 << BITS
TOO_FEW = 1 / (WIDTH - 1)
"""Share of the rows by which an estimate may be too small, always."""
TOO_MANY = 0.002
"""Share of the rows by which it may be too large, but for one value in a thousand."""

Sketch = npt.NDArray[np.integer[Any]]


def empty() -> Sketch:
    """Counters [D, W] of no rows."""
    return np.zeros((LINES, WIDTH), np.int64)


def add(sketch: Sketch, hashes: UInt64Array, rows: npt.NDArray[np.int64] | None = None) -> None:
    """Count values by their hashes [n], each once or as often as `rows` [n] says, in place."""
    for line in range(LINES):
        counted = np.bincount(_places(hashes, line), weights=rows, minlength=WIDTH)
        sketch[line] += counted.astype(np.int64)  # weighted counts are floats, exact below 2**53


def narrow(sketch: Sketch) -> Sketch:
    """The same counters in the smallest type that holds them: of few rows, a byte each where eight would be zeros."""
    return sketch.astype(np.min_scalar_type(int(sketch.max())))


def total(sketches: Sequence[Sketch]) -> Sketch:
    """The counters of all rows together."""
    every: Sketch = np.sum(sketches, axis=0, dtype=np.int64)
    return every


def estimate(sketch: Sketch, hashes: UInt64Array) -> npt.NDArray[np.int64]:
    """Rows [n] of the values with these hashes [n], within the bound above."""
    sketch = sketch.astype(np.int64)
    rows = int(sketch[0].sum())
    met_Dn = np.stack([sketch[line][_places(hashes, line)] for line in range(LINES)])
    fair = np.rint(np.median(met_Dn - (rows - met_Dn) / (WIDTH - 1), axis=0)).astype(np.int64)
    return np.clip(fair, 0, met_Dn.min(axis=0))


def _places(hashes: UInt64Array, line: int) -> npt.NDArray[np.int64]:
    # the highest bits choose which values are kept: the counters use the others
    return ((hashes >> np.uint64(line * BITS)) & np.uint64(WIDTH - 1)).view(np.int64)
