"""Frames whose texts are written out, for what compares or hashes rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from rayline.core.columns import ROW

PRIVATE_SEED = 0x7F4A7C15


def plain_texts(frame: pl.DataFrame, only: Sequence[str] | None = None) -> pl.DataFrame:
    """The frame with texts that were kept once each written out: what compares or hashes rows needs them so."""
    wanted = frame.columns if only is None else set(only)
    encoded = [name for name, kind in frame.schema.items() if kind == pl.Categorical and name in wanted]
    return frame.with_columns(pl.col(encoded).cast(pl.String)) if encoded else frame


def private_sum(frame: pl.DataFrame, private: Sequence[str]) -> int:
    """The hashes of all rows' private values and ROW, added up in 64 bits: other where a value is."""
    if not private:
        return 0
    hashes = plain_texts(frame.select(*private, ROW)).hash_rows(PRIVATE_SEED).to_numpy()
    return int(hashes.sum(dtype=np.uint64))  # wraps
