"""Rows by their places, for messages: people count from one."""

from __future__ import annotations

from collections.abc import Iterable

FILE_SHIFT = 40
"""A row's key is its file's place shifted by this many bits, plus its place in the file (`sources`)."""


def row_name(row: int) -> str:
    """`row 18`, or `row 18 of file 3`: places in the source, counted from 1.

    >>> row_name(17), row_name((2 << 40) + 17)
    ('row 18', 'row 18 of file 3')
    """
    file, place = row >> FILE_SHIFT, row & ((1 << FILE_SHIFT) - 1)
    return f"row {place + 1}" + (f" of file {file + 1}" if file else "")


def row_names(rows: Iterable[int], most: int = 3) -> str:
    """The first few of `rows`, separated by commas."""
    listed = list(rows)
    return ", ".join(row_name(row) for row in listed[:most]) + (" …" if len(listed) > most else "")
