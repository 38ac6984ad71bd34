"""Exact duplicate rows: found before anything is learnt, the first by position stays.

Rows are compared by a 128-bit hash over all columns, so that fragments on different machines need exchange 24 bytes a
row; two different rows among a billion collide with a chance below 10⁻²⁰.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW

_SEEDS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)


def row_hashes(frame: pl.DataFrame) -> pl.DataFrame:
    """Two independent 64-bit hashes of each row, `high` and `low`, over every column but `ROW`."""
    values = frame.drop(ROW, strict=False)
    high, low = (values.hash_rows(seed) for seed in _SEEDS)
    return pl.DataFrame({"high": high, "low": low})


def index(frame: pl.DataFrame) -> pa.Table:
    """What a fragment must tell: `ROW`, `high`, `low`, 24 bytes a row."""
    return row_hashes(frame).with_columns(frame[ROW]).to_arrow()


def find(indexes: Sequence[pa.Table]) -> npt.NDArray[np.int64]:
    """`ROW` numbers of the rows that repeat one before them, sorted. Order and sizes of fragments do not matter."""
    table = pl.from_arrow(pa.concat_tables(indexes))
    assert isinstance(table, pl.DataFrame)
    ordered = table.sort(ROW)
    repeated = ~ordered.select(pl.struct("high", "low").is_first_distinct()).to_series()
    return ordered[ROW].filter(repeated).to_numpy(writable=True)
