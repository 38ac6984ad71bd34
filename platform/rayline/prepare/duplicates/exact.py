"""Rows that are equal in every column, or in those named.

The default. Name `columns` where an id or a time of entry tells copies of one row apart. Missing values are equal, and
so are NaNs and both zeros. Rows are compared by a 128-bit hash, so that fragments on different machines need exchange
24 bytes a row; two different rows among a billion collide with a chance below 10⁻²⁰.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array
from rayline.prepare.duplicates._duplicates import (
    NONE,
    Duplicates,
    DuplicatesConfig,
    Positions,
    require_column,
)
from rayline.prepare.row_sets import among

_SEEDS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)


class Config(DuplicatesConfig):
    columns: tuple[str, ...] = ()
    """Columns to compare; none named: all."""

    @property
    def reads(self) -> tuple[str, ...]:
        return self.columns

    def build(self) -> ExactDuplicates:
        return ExactDuplicates(self)


class ExactDuplicates(Duplicates):
    def __init__(self, options: Config) -> None:
        self._options = options

    @property
    def columns(self) -> tuple[str, ...] | None:
        return self._options.columns or None

    def index(self, frame: pl.DataFrame) -> pa.Table:
        compared = frame
        if self._options.columns:
            compared = pl.DataFrame([require_column(frame, name, "exact") for name in self._options.columns])
        return row_hashes(compared).with_columns(frame[ROW]).to_arrow()

    def find(self, indexes: Sequence[pa.Table], *, dropped: Positions | None = None) -> Positions:
        once_more = _repeated([index.column("high").to_numpy() for index in indexes])
        if not len(once_more):
            return NONE
        # few rows share 64 bits with another; only they are looked at whole
        shared = pl.Series(once_more).implode()
        alike = [frame.filter(frame["high"].is_in(shared)) for frame in map(_frame, indexes)]
        table = pl.concat(alike)
        ordered = table.filter(~pl.Series(among(table[ROW].to_numpy(), dropped))).sort(ROW)
        repeated = ~ordered.select(pl.struct("high", "low").is_first_distinct()).to_series()
        return ordered[ROW].filter(repeated).to_numpy(writable=True)


def _repeated(hashes: Sequence[UInt64Array]) -> pl.Series:
    """The hashes that occur more than once."""
    ordered = np.concatenate(hashes)
    ordered.sort()
    return pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def row_hashes(frame: pl.DataFrame) -> pl.DataFrame:
    """Two independent 64-bit hashes of each row, `high` and `low`, over every column but `ROW`."""
    values = frame.drop(ROW, strict=False)
    high, low = (values.hash_rows(seed) for seed in _SEEDS)
    return pl.DataFrame({"high": high, "low": low})
