"""Which columns are missing together: rows counted by their pattern of missing values.

Patterns are sets of columns. Up to 1,024 are counted exactly; of more, those whose hashes are smallest stay, with exact
counts (as `values.py` does), so that any order and tree of merging gives the same. Rows without a missing value are
counted apart and always known.

    n rows · P patterns · a pattern is a row of bits, one a column, eight to a byte
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.seeds import UInt64Array, splitmix64
from rayline.profile.values import Rows

CAP = 1024
NARROW = 16
"""Columns with missing values up to which every possible pattern has a counter."""


@dataclass(frozen=True)
class Patterns:
    """Rows by which of `columns` they lack."""

    columns: tuple[str, ...]
    """Those that are looked at: private ones are not."""
    complete: int
    """Rows that lack none."""
    bits: npt.NDArray[np.uint8]
    """[P, bytes], in ascending order of their hashes."""
    rows: Rows
    """[P]: rows that lack just these columns."""
    truncated: bool = False
    """Whether there were more patterns than are kept."""

    @property
    def incomplete(self) -> int:
        """Rows that lack something and whose pattern is kept."""
        return int(self.rows.sum())

    @cached_property
    def lacking(self) -> npt.NDArray[np.bool_]:
        """[P, columns]: whether a pattern lacks a column."""
        return np.unpackbits(self.bits, axis=1, count=len(self.columns), bitorder="little").astype(np.bool_)

    def top(self, most: int = 20) -> list[tuple[tuple[str, ...], int]]:
        """The most frequent patterns that are kept, with their rows; ties in the order of the columns."""
        found = [
            (tuple(self.columns[place] for place in np.flatnonzero(lacking)), rows)
            for lacking, rows in zip(self.lacking, self.rows.tolist(), strict=True)
        ]
        place = {name: at for at, name in enumerate(self.columns)}
        return sorted(found, key=lambda one: (-one[1], [place[name] for name in one[0]]))[:most]


def none(columns: Sequence[str]) -> Patterns:
    """The patterns of no rows."""
    return Patterns(tuple(columns), 0, np.zeros((0, -(-len(columns) // 8)), np.uint8), np.zeros(0, np.int64))


def measure(frame: pl.DataFrame, columns: Sequence[str], *, most: int | None = None) -> Patterns:
    """The patterns of a frame's rows over `columns`; null is missing. `most`: how many to keep, 1,024."""
    most = CAP if most is None else most
    places = [place for place, name in enumerate(columns) if frame[name].null_count()]
    if not places:
        whole = none(columns)
        return Patterns(whole.columns, frame.height, whole.bits, whole.rows)
    if len(places) <= NARROW:
        lacking, rows = _count_narrow(frame, [columns[place] for place in places])
    else:
        lacking, rows = _count_wide(frame, columns, places, most)
    complete = int(rows[~lacking.any(axis=1)].sum())
    some = lacking.any(axis=1)
    every = np.zeros((int(some.sum()), len(columns)), np.uint8)
    every[:, places] = lacking[some]
    kept = _keep(columns, np.packbits(every, axis=1, bitorder="little"), rows[some], truncated=False, most=most)
    truncated = frame.height > complete + kept.incomplete
    return Patterns(kept.columns, complete, kept.bits, kept.rows, truncated)


def merge(parts: Sequence[Patterns]) -> Patterns:
    """The patterns of all rows together."""
    bits = np.concatenate([part.bits for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    columns = parts[0].columns
    if len(bits):
        hashes, first, inverse = np.unique(_hashes(bits), return_index=True, return_inverse=True)
        total = np.zeros(len(hashes), np.int64)
        np.add.at(total, inverse, rows)
        bits, rows = bits[first], total
    kept = _keep(columns, bits, rows, truncated=any(part.truncated for part in parts), most=CAP)
    return Patterns(columns, sum(part.complete for part in parts), kept.bits, kept.rows, kept.truncated)


def _count_narrow(frame: pl.DataFrame, names: Sequence[str]) -> tuple[npt.NDArray[np.bool_], Rows]:
    if len(names) == 1:
        lacking = frame[names[0]].null_count()
        rows = np.array([frame.height - lacking, lacking])
    elif len(names) <= 8:
        # two rows to a code: half as many to count, in a table of pairs
        byte = _lacking_bytes([frame[name] for name in names])
        pairs = np.bincount(byte[: len(byte) // 2 * 2].view("<u2"), minlength=1 << 16).reshape(256, 256)
        rows = pairs.sum(axis=0) + pairs.sum(axis=1) + np.bincount(byte[len(byte) // 2 * 2 :], minlength=256)
    else:
        codes = np.zeros((frame.height, 2), np.uint8)
        for start in range(0, len(names), 8):
            codes[:, start // 8] = _lacking_bytes([frame[name] for name in names[start : start + 8]])
        rows = np.bincount(codes.view("<u2")[:, 0])
    met = np.flatnonzero(rows)
    return (met[:, None] >> np.arange(len(names)) & 1).astype(np.bool_), rows[met].astype(np.int64)


def _count_wide(
    frame: pl.DataFrame, columns: Sequence[str], places: Sequence[int], most: int
) -> tuple[npt.NDArray[np.bool_], Rows]:
    """Patterns told apart by their hashes, of which those with the smallest are looked at again."""
    hashes = np.zeros(frame.height, np.uint64)
    for word in sorted({place // 64 for place in places}):
        bits = np.zeros((frame.height, 8), np.uint8)
        for byte in sorted({place // 8 for place in places if place // 64 == word}):
            bits[:, byte % 8] = _lacking_bytes([frame[name] for name in columns[8 * byte : 8 * byte + 8]])
        hashes ^= _mix(bits.view(np.uint64)[:, 0], word)
    counted = (
        pl.DataFrame({"hash": hashes, "row": np.arange(frame.height)})
        .group_by("hash")
        .agg(pl.len().alias("rows"), pl.col("row").min())
        .sort("hash")
    )
    complete = counted.filter(pl.col("hash") == 0)
    counted = pl.concat([complete, counted.filter(pl.col("hash") != 0).head(most)])
    rows = counted["row"].to_numpy()
    lacking = frame[rows].select(pl.col(columns[place]).is_null() for place in places).to_numpy()
    return lacking.astype(np.bool_), counted["rows"].to_numpy().astype(np.int64)


def _lacking_bytes(columns: Sequence[pl.Series]) -> npt.NDArray[np.uint8]:
    """A byte for each row [n] whose bits say which of up to eight columns it lacks.

    Columns come as eight rows to a byte: eight such bytes are one 8 x 8 bit matrix, which is transposed in three steps
    (Warren, "Hacker's Delight", 2002, section 7-3).
    """
    height = len(columns[0])
    bits = np.zeros((-(-height // 8), 8), np.uint8)
    for place, column in enumerate(columns):
        if column.null_count():
            array = column.is_null().to_arrow()
            if array.offset % 8 == 0:
                bits[:, place] = np.frombuffer(array.buffers()[1], np.uint8)[array.offset // 8 :][: len(bits)]
            else:
                bits[:, place] = np.packbits(column.is_null().to_numpy(), bitorder="little")
    x = bits.view("<u8")[:, 0]
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        t = (x ^ (x >> np.uint64(shift))) & np.uint64(mask)
        x = x ^ t ^ (t << np.uint64(shift))
    return np.ascontiguousarray(x).view(np.uint8)[:height]


def _keep(columns: Sequence[str], bits: npt.NDArray[np.uint8], rows: Rows, *, truncated: bool, most: int) -> Patterns:
    order = np.argsort(_hashes(bits), kind="stable")[:most]
    return Patterns(tuple(columns), 0, bits[order], rows[order], truncated or len(rows) > most)


def _hashes(bits: npt.NDArray[np.uint8]) -> UInt64Array:
    """A hash of each pattern [P], 0 of that without a column."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    hashes = np.zeros(len(bits), np.uint64)
    for word, values in enumerate(padded.view("<u8").T):
        hashes ^= _mix(np.ascontiguousarray(values), word)
    return hashes


def _mix(words: UInt64Array, place: int) -> UInt64Array:
    """Words without a bit do not count, so that columns without missing values cost nothing."""
    return np.where(words == 0, np.uint64(0), splitmix64(words, place))
