"""Short columns of plain numbers by NumPy: of a wide table, what Polars takes to begin with would be most of the time.

A call of Polars takes a fifth of a millisecond before it does anything, and a profile makes several for each column.
What is counted here is what Polars counts, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

FEW = 1 << 12
"""Numbers up to which sorting them takes less than a call of Polars."""
PLAIN = frozenset(
    {pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64}
)
"""Types whose values NumPy holds as they are."""

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]


def is_few(column: pl.Series) -> bool:
    """Whether this file's functions are for it."""
    return len(column) <= FEW and column.dtype in PLAIN


def present(column: pl.Series) -> Numbers:
    """The values of a column of numbers that are not null, in order and of their own type."""
    if not column.null_count():
        return column.to_numpy()
    kept: Numbers = column.to_arrow().drop_null().to_numpy(zero_copy_only=False)
    return kept


def count(column: pl.Series) -> tuple[pl.Series, Rows]:
    """All distinct values in ascending order and their rows; nulls are left out."""
    numbers = present(column)
    if column.dtype.is_float():
        numbers = numbers + numbers.dtype.type(0.0)  # -0.0 is 0.0
    values, rows = np.unique(numbers, return_counts=True)
    return pl.Series("value", values, dtype=column.dtype), rows.astype(np.int64)


def add(values: Sequence[pl.Series], rows: Sequence[Rows]) -> tuple[pl.Series, Rows]:
    """Distinct values of several parts, in ascending order, and their rows together."""
    every, inverse = np.unique(np.concatenate([part.to_numpy() for part in values]), return_inverse=True)
    total = np.zeros(len(every), np.int64)
    np.add.at(total, inverse, np.concatenate(rows))
    return pl.Series("value", every, dtype=values[0].dtype), total
