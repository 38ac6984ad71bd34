"""The rows that a profile keeps whole: those with the smallest seeded hashes of ROW, so that any order of merging keeps
the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array, derive, splitmix64
from rayline.profile import sequences
from rayline.profile.column import ColumnProfile
from rayline.profile.values import BLOCK


def row_hashes(rows: npt.NDArray[np.int64], seed: int) -> UInt64Array:
    """By which rows [n] are chosen: the same for a row wherever it is met."""
    mixed = derive(seed, "sample")
    blocks = [splitmix64(rows[at : at + BLOCK].view(np.uint64), mixed) for at in range(0, len(rows), BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.uint64)


def choose(frame: pl.DataFrame, hashes: UInt64Array, most: int) -> tuple[pl.DataFrame, UInt64Array]:
    """The rows, `most` at most, whose hashes [n] are smallest, in the order of ROW, and their hashes."""
    rows = frame[ROW].to_numpy()
    if frame.height > most:
        low = hashes <= np.partition(hashes, most - 1)[most - 1]  # no two rows have one hash
        frame, hashes, rows = frame.filter(pl.Series(low)), hashes[low], rows[low]
    if bool((rows[1:] > rows[:-1]).all()):
        return frame, hashes
    order = np.argsort(rows, kind="stable")
    return frame[order], hashes[order]


def trimmed(
    columns: dict[str, ColumnProfile], sample: pl.DataFrame, hashes: UInt64Array
) -> tuple[dict[str, ColumnProfile], pl.DataFrame]:
    """The sample with no more lists than it has room for, and the columns that know where they are cut."""
    cuts = {name: c.inner["cut"] for name, c in columns.items() if c.kind == "sequence" and c.inner is not None}
    if not cuts:
        return columns, sample
    sample, found = sequences.trim(sample, hashes, cuts)
    cut = {name: replace(columns[name], inner={**(columns[name].inner or {}), "cut": found[name]}) for name in cuts}
    return columns | cut, sample
