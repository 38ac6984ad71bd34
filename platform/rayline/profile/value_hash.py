"""A seeded hash of values that no library update changes, vectorised: which values and rows a profile keeps.

Numbers and dates are mixed by splitmix64. Text is folded eight bytes at a time, each word mixed into the last, and
its length into the end.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa

from rayline.core.seeds import UInt64Array, splitmix64

VALUES = 0x5EED
"""The seed for values; the same for ever, so that profiles made years apart merge."""
WORD = 8
BLOCK = 1 << 14


def hash_values(values: pl.Series) -> UInt64Array:
    """A uint64 for each value [n]; no nulls. Equal values of one type have equal hashes."""
    if values.dtype == pl.String:
        return _hash_text(values)
    if values.dtype.is_float():
        return splitmix64((values.cast(pl.Float64).to_numpy() + 0.0).view(np.uint64), VALUES)
    return splitmix64(values.to_physical().cast(pl.Int64).to_numpy().view(np.uint64), VALUES)


def _hash_text(values: pl.Series) -> UInt64Array:
    if len(values) > BLOCK:  # in pieces that stay in a core's cache
        return np.concatenate([_hash_text(values.slice(at, BLOCK)) for at in range(0, len(values), BLOCK)])
    array = values.to_arrow().cast(pa.large_string())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    hashes = np.zeros(len(array), np.uint64)
    if not len(array):
        return hashes
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    padded = np.concatenate([data, np.zeros(WORD, np.uint8)])
    # every byte begins a word of this view: a word at any offset is one look-up
    words = np.ndarray((len(data) + 1,), np.dtype("<u8"), padded.data, strides=(1,))
    starts, lengths = offsets[:-1], np.diff(offsets)
    open_rows = np.flatnonzero(lengths > 0)
    done = 0
    while len(open_rows):
        left = lengths[open_rows] - done
        word = words[starts[open_rows] + done]
        if int(left.min()) < WORD:
            cut = (np.maximum(WORD - left, 0) * 8).view(np.uint64)
            word = (word << cut) >> cut  # the bytes of the next text are not ours
        hashes[open_rows] = splitmix64(hashes[open_rows] ^ word, VALUES)
        done += WORD
        open_rows = open_rows[left > WORD]
    return splitmix64(hashes ^ lengths.view(np.uint64), VALUES)
