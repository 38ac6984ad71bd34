"""Sequences of any lengths as one array, read at once, and worked on together where they are of one length.

A call of NumPy costs as much as hundreds of values: row by row, a million short sequences take minutes of nothing else.

n sequences · T steps of each in a block
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.prepare.smooth._smoother import FloatArray
from rayline.prepare.tensors import UnusableError, UnusableValueError

INPUT_LIMIT = 1e100
BLOCK_VALUES = 65_536
"""Values worked on at a time: small enough for the processor's cache, and a smoother may need many copies of them."""

IntArray = npt.NDArray[np.int64]
_READ_AT_ONCE = frozenset(
    (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64)
)


class Block(NamedTuple):
    """Sequences of one length."""

    places: IntArray
    """Which of the sequences they are [n]."""
    at: IntArray
    """Where their steps lie among those of all [n, T]."""


class Together(NamedTuple):
    """Sequences, the steps of one after those of the other."""

    values: FloatArray
    """Every step, NaN where it is missing or infinite."""
    lengths: IntArray
    """Steps of each sequence [n]; 0 for a missing one."""

    def blocks(self) -> Iterator[Block]:
        """All sequences that have steps, up to `BLOCK_VALUES` steps of one length at a time."""
        alike: dict[int, list[int]] = {}  # of few rows sooner than sorting by NumPy
        for place, length in enumerate(self.lengths.tolist()):
            if length:
                alike.setdefault(length, []).append(place)
        starts = self.lengths.cumsum() - self.lengths
        for length, every in alike.items():
            rows = max(1, BLOCK_VALUES // length)
            for start in range(0, len(every), rows):
                places = np.array(every[start : start + rows])
                yield Block(places, starts[places, None] + np.arange(length))


def of_values(values: Sequence[Any], column: str) -> Together:
    """Lists, tuples or arrays of numbers, `None` for a missing sequence or step.

    Raises:
        UnusableValueError: a value that is no list of numbers.
    """
    made = _at_once(values)
    return _one_by_one(values, column) if made is None else made


def of_column(column: pl.Series) -> Together:
    """A column of lists.

    Raises:
        UnusableValueError: it holds something else.
    """
    if isinstance(column.dtype, pl.Array):
        column = column.arr.to_list()
    inner = column.dtype.inner if isinstance(column.dtype, pl.List) else None
    if inner is None or inner.base_type() not in _READ_AT_ONCE:
        return of_values(column.to_list(), column.name)
    lengths = column.list.len().fill_null(0)
    steps = column.filter(lengths > 0).explode().cast(pl.Float64)
    return Together(_bounded(steps.to_numpy()), lengths.to_numpy().astype(np.int64))


def _at_once(values: Sequence[Any]) -> Together | None:
    """`None` where some value is not plainly a list of numbers."""
    if not all(value is None or type(value) in (list, tuple) for value in values):
        return None
    present = [value or () for value in values]
    try:
        steps = np.array(list(chain.from_iterable(present)), dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError, OverflowError):
        return None
    return Together(_bounded(steps), _counted(present)) if steps.ndim == 1 else None


def _one_by_one(values: Sequence[Any], column: str) -> Together:
    rows = []
    for place, value in enumerate(values):
        try:
            rows.append(np.zeros(0) if value is None else _steps(value))
        except UnusableError as error:
            raise UnusableValueError(column, place, str(error)) from None
    return Together(_bounded(np.concatenate(rows)), _counted(rows))


def _steps(value: Any) -> FloatArray:
    if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
        raise UnusableError(f"holds {type(value).__name__}, and a list of numbers is needed.")
    try:
        row = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UnusableError("holds something that is no number, and a list of numbers is needed.") from None
    if row.ndim != 1:
        raise UnusableError("holds lists within a list, and a list of numbers is needed; give one column a channel.")
    return row


def _bounded(values: FloatArray) -> FloatArray:
    there = np.where(np.isfinite(values), values, np.nan)
    return np.minimum(np.maximum(there, -INPUT_LIMIT), INPUT_LIMIT)  # for one row half of clip's time


def _counted(rows: Sequence[Any]) -> IntArray:
    return np.array([len(row) for row in rows], dtype=np.int64)
