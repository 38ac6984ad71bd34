"""Rows by their places, for messages: people count from one, and a header is no row."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from rayline.core.columns import ROW

FILE_SHIFT = 40
"""A row's key is its file's place shifted by this many bits, plus its place in the file (`sources`)."""
PLACE = (1 << FILE_SHIFT) - 1
"""The part of a row's key that is its place in the file."""


def row_name(row: int, label: str = "") -> str:
    """`row 18 of adult.csv`; of a file that has no label here `row 18`, or `row 18 of file 3`.

    >>> row_name(17, "adult.csv"), row_name(17), row_name((2 << 40) + 17)
    ('row 18 of adult.csv', 'row 18', 'row 18 of file 3')
    """
    file = row >> FILE_SHIFT
    where = label or (f"file {file + 1}" if file else "")
    return f"row {(row & PLACE) + 1}" + (f" of {where}" if where else "")


def row_names(rows: Iterable[int], most: int = 3) -> str:
    """The first few of `rows`, separated by commas."""
    listed = list(rows)
    return ", ".join(row_name(row) for row in listed[:most]) + (" …" if len(listed) > most else "")


def names_in(label: str) -> pl.Expr:
    """`row_name` of each row of a frame with ROW, all of one file."""
    return pl.concat_str(pl.lit("row "), (pl.col(ROW) & PLACE) + 1, pl.lit(f" of {label}" if label else ""))
