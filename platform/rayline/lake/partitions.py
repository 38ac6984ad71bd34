"""Partitions: which columns may part a table, the rows of each partition, and the folders of their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rayline.core.errors import DataError, InputError, listing, nearest
from rayline.lake.columns import Columns
from rayline.lake.snapshot import Value

PARTITION_KINDS = ("int64", "string", "bool", "date32")
NULL = "__HIVE_DEFAULT_PARTITION__"
MOST_NAME_BYTES = 200


def check_partitions(by: Sequence[str], columns: Columns) -> None:
    """Raise unless tables of `columns` can be partitioned by `by`.

    Raises:
        InputError: no such column, one of another kind, one twice, or nothing left besides.
    """
    kinds = {column.name: column.kind for column in columns}
    for name in by:
        if name not in kinds:
            raise InputError(f"--partition {name!r} is not a column.{nearest(name, kinds)} Columns: {listing(kinds)}.")
        if kinds[name] not in PARTITION_KINDS:
            raise InputError(
                f"--partition {name!r} holds {kinds[name]}. Columns of {listing(PARTITION_KINDS)} can part a table; "
                "make one of them from it first, such as the day of a time."
            )
    if len(set(by)) < len(by):
        raise InputError(f"--partition names a column twice: {listing(by)}.")
    if by and len(by) == len(kinds):
        raise InputError("--partition takes every column, which leaves nothing to keep in the files.")


def parted(table: pa.Table, by: tuple[str, ...]) -> Iterator[tuple[tuple[Value, ...], pa.Table]]:
    """The rows of each partition, in their order; partitions by where they first come."""
    if not by:
        if table.num_rows:
            yield (), table
        return
    codes = np.zeros(table.num_rows, np.int64)
    kept: list[pa.Array] = []
    for name in by:
        coded = pc.dictionary_encode(table.column(name).combine_chunks(), null_encoding="encode")
        kept.append(coded.dictionary)
        codes = codes * len(coded.dictionary) + coded.indices.to_numpy()
        # numbered anew, so that many columns of many values overflow nothing
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ends = np.append(bounds[1:], table.num_rows)
    for code in np.argsort(first, kind="stable"):
        rows = table.take(pa.array(order[bounds[code] : ends[code]]))
        yield tuple(_value(rows.column(name)[0].as_py()) for name in by), rows


def _value(value: str | int | bool | date | None) -> Value:
    return value.isoformat() if isinstance(value, date) else value


def folder(name: str, value: Value) -> str:
    """The folder of a partition's files, as Hive calls it.

    >>> folder("city", "Saint Malo"), folder("city", None)
    ('city=Saint Malo', 'city=__HIVE_DEFAULT_PARTITION__')

    Raises:
        DataError: a value too long for one.
    """
    text = NULL if value is None else quote(str(value), safe=" ")
    made = f"{quote(name, safe=' ')}={text}"
    if len(made.encode()) > MOST_NAME_BYTES:
        raise DataError(
            f"partition column {name!r} has a value too long for the name of a folder ({MOST_NAME_BYTES} bytes). "
            "Partition by something shorter."
        )
    return made
