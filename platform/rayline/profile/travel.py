"""A profile as it travels between processes: of a wide table, thousands of small objects as a few large ones.

Polars takes a twentieth of a millisecond to write a column or to read it, however short it is; of ten thousand
columns in three parts of a split that would be most of a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from rayline.profile import few
from rayline.profile.column import ColumnProfile
from rayline.profile.values import Values

Packed = dict[str, Any]
FIELDS = ("name", "dtype", "kind", "count", "missing", "infinite", "minimum", "maximum", "mean", "variance")


def pack(columns: Mapping[str, ColumnProfile]) -> Packed:
    """The columns as they are, but distinct numbers of all columns of a type as one array."""
    plain: dict[pl.DataType, list[ColumnProfile]] = {}
    for column in columns.values():
        if column.values.values.dtype in few.PLAIN:
            plain.setdefault(column.values.values.dtype, []).append(column)
    return {
        "names": list(columns),
        "plain": [_pack_numbers(members) for members in plain.values()],
        "other": [column for column in columns.values() if column.values.values.dtype not in plain],
    }


def unpack(packed: Packed) -> dict[str, ColumnProfile]:
    """The inverse of `pack`."""
    found = {column.name: column for column in packed["other"]}
    for group in packed["plain"]:
        found.update((column.name, column) for column in _unpack_numbers(group))
    return {name: found[name] for name in packed["names"]}


def _pack_numbers(members: list[ColumnProfile]) -> Packed:
    told = [
        (*(getattr(column, field) for field in FIELDS), column.inner, column.values.truncated, column.values.sketch)
        for column in members
    ]
    return {
        "told": told,
        "lengths": [len(c.values.rows) for c in members],
        "values": np.concatenate([c.values.values.to_numpy() for c in members]),
        "rows": np.concatenate([c.values.rows for c in members]),
    }


def _unpack_numbers(group: Packed) -> list[ColumnProfile]:
    values, rows = pl.Series("value", group["values"]), group["rows"]
    columns, start = [], 0
    for told, length in zip(group["told"], group["lengths"], strict=True):
        *fields, inner, truncated, sketch = told
        counted = Values(values.slice(start, length), rows[start : start + length], truncated, sketch)
        columns.append(ColumnProfile(**dict(zip(FIELDS, fields, strict=True)), values=counted, inner=inner))
        start += length
    return columns


def to_stream(frame: pl.DataFrame) -> bytes:
    """A frame as it lies in memory: compressing it would take longer than carrying it to another process."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    sink = pa.BufferOutputStream()  # Polars' own writer takes three times as long over texts that are kept once each
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def from_stream(data: bytes) -> pl.DataFrame:
    """The inverse of `to_stream`; nothing is copied."""
    return pl.DataFrame(pa.ipc.open_stream(data))
