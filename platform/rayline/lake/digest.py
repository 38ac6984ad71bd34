"""What tells whether a batch that comes again is the one that came before: how many rows, and a sum over them.

A row's hash is made of its values and their columns' names, missing ones left out; a batch's is the sum of its rows'.
So neither the order of rows matters (a database may give another one), nor how they were cut into tables, nor a column
that the table got in between. 64 bits tell mistakes apart; they do not withstand somebody who wants to deceive.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rayline.core.seeds import UInt64Array, derive, splitmix64

SEED = derive(0, "batch")


class Digest:
    """Adds up the rows of a batch."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, table: pa.Table) -> None:
        """Count the rows of `table`, in the lake's types."""
        hashes = np.zeros(table.num_rows, np.uint64)
        for name, column in zip(table.column_names, table.columns, strict=True):
            seed = derive(SEED, name)
            at = 0
            for chunk in column.chunks:
                known = pc.is_valid(chunk).to_numpy(zero_copy_only=False)
                place = at + np.flatnonzero(known)
                hashes[place] += splitmix64(_bits(chunk.drop_null()), seed)
                at += len(chunk)
        self.rows += table.num_rows
        self._sum = (self._sum + int(splitmix64(hashes, SEED).sum(dtype=np.uint64))) % 2**64

    def __str__(self) -> str:
        """`3-00c0ffee00c0ffee`."""
        return f"{self.rows}-{self._sum:016x}"


def rows_of(digest: str) -> int:
    """How many rows a batch had, by its digest."""
    return int(digest.partition("-")[0])


def _bits(values: pa.Array) -> UInt64Array:
    """64 bits for each value [n], none of them missing; equal values of a type have equal ones."""
    kind = values.type
    if pa.types.is_floating(kind):
        return np.asarray(values.to_numpy(zero_copy_only=False) + 0.0).view(np.uint64)  # -0.0 is 0.0
    if pa.types.is_list(kind):
        return np.fromiter(map(_list_bits, values), np.uint64, len(values))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        coded = pc.dictionary_encode(values)
        distinct = np.fromiter((_fold(value.as_buffer()) for value in coded.dictionary), np.uint64)
        return distinct[coded.indices.to_numpy()] if len(distinct) else np.zeros(0, np.uint64)
    if pa.types.is_date32(kind):
        values = values.cast(pa.int32())
    return np.asarray(values.cast(pa.int64()).to_numpy(zero_copy_only=False)).view(np.uint64)


def _list_bits(value: pa.ListScalar) -> int:
    # a missing number in a list is NaN here, and NaN is missing in a lake
    return _fold((value.values.to_numpy(zero_copy_only=False).astype(np.float64) + 0.0).tobytes())


def _fold(data: bytes | memoryview | pa.Buffer) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
