"""Distinct numbers of many short columns at once: of a wide table, what one column takes to begin with is most of it.

What is found is what `values.py` finds for each column alone, to the last bit.

    B columns at once · n rows
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.profile import few
from rayline.profile.values import Rows, Values, cap_of, keep

BLOCK_VALUES = 1 << 18
"""Numbers sorted at once."""


def count_together(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, Values]:
    """The distinct values of those of `names` that are short columns of plain numbers without NaN; of others none."""
    if not 0 < frame.height <= few.FEW:
        return {}
    by_type: dict[pl.DataType, list[pl.Series]] = {}
    for name in names:
        column = frame.get_column(name)
        # whole numbers with holes would leave their type
        if column.dtype in few.PLAIN and (column.dtype.is_float() or not column.null_count()):
            by_type.setdefault(column.dtype, []).append(column)
    at_once = max(BLOCK_VALUES // frame.height, 1)
    counted: dict[str, Values] = {}
    for columns in by_type.values():
        for start in range(0, len(columns), at_once):
            block = columns[start : start + at_once]
            counted.update(zip((column.name for column in block), _count_block(block), strict=True))
    return counted


def add_together(parts: Mapping[str, Sequence[Values]]) -> dict[str, Values]:
    """Of each column the counts of all parts together, where they are short and of plain numbers; of others nothing."""
    by_type: dict[pl.DataType, list[tuple[str, Sequence[Values], int]]] = {}
    for name, each in parts.items():
        dtype, most = each[0].values.dtype, sum(len(part.rows) for part in each)
        if dtype in few.PLAIN and 0 < most <= few.FEW and not any(part.truncated for part in each):
            by_type.setdefault(dtype, []).append((name, each, most))
    added: dict[str, Values] = {}
    for members in by_type.values():
        at_once = max(BLOCK_VALUES // max(most for _, _, most in members), 1)
        for start in range(0, len(members), at_once):
            block = members[start : start + at_once]
            added.update(zip((name for name, _, _ in block), _add_block(block), strict=True))
    return added


def _count_block(columns: Sequence[pl.Series]) -> Iterator[Values]:
    x_Bn = np.stack([column.to_numpy() for column in columns])  # missing as NaN, which is sorted to the end
    if x_Bn.dtype.kind == "f":
        x_Bn += x_Bn.dtype.type(0.0)  # -0.0 is 0.0
    x_Bn.sort(axis=1)
    size_B = len(columns[0]) - np.array([column.null_count() for column in columns])
    first_Bn = _firsts(x_Bn, size_B)
    places = np.flatnonzero(first_Bn)
    ends = np.append(places[1:], x_Bn.size)
    column_of = places // x_Bn.shape[1]
    rows = np.minimum(ends, column_of * x_Bn.shape[1] + size_B[column_of]) - places
    return _divided(x_Bn.reshape(-1)[places], rows, first_Bn.sum(axis=1))


def _add_block(members: Sequence[tuple[str, Sequence[Values], int]]) -> Iterator[Values]:
    width = max(most for _, _, most in members)
    dtype = members[0][1][0].values.to_numpy().dtype
    # beyond a column's values: what is sorted after all of them
    x_Bn = np.full((len(members), width), np.nan if dtype.kind == "f" else np.iinfo(dtype).max, dtype)
    rows_Bn = np.zeros(x_Bn.shape, np.int64)
    for place, (_, parts, _) in enumerate(members):
        start = 0
        for part in parts:
            end = start + len(part.rows)
            x_Bn[place, start:end], rows_Bn[place, start:end] = part.values.to_numpy(), part.rows
            start = end
    order = np.argsort(x_Bn, axis=1, kind="stable")
    x_Bn, rows_Bn = np.take_along_axis(x_Bn, order, axis=1), np.take_along_axis(rows_Bn, order, axis=1)
    size_B = np.array([most for _, _, most in members])
    first_Bn = _firsts(x_Bn, size_B)
    inside_Bn = np.arange(width) < size_B[:, None]
    places = np.flatnonzero(first_Bn[inside_Bn])
    return _divided(x_Bn[first_Bn], np.add.reduceat(rows_Bn[inside_Bn], places), first_Bn.sum(axis=1))


def _firsts(ordered_Bn: npt.NDArray[Any], size_B: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Where another value begins, among the first `size_B` of each column."""
    first_Bn = np.arange(ordered_Bn.shape[1]) < size_B[:, None]
    first_Bn[:, 1:] &= ordered_Bn[:, 1:] != ordered_Bn[:, :-1]
    return first_Bn


def _divided(values: npt.NDArray[Any], rows: Rows, length_B: npt.NDArray[np.intp]) -> Iterator[Values]:
    """Distinct values and rows of all columns, one after the other, column by column."""
    every, start = pl.Series("value", values), 0
    cap = cap_of(every.dtype)
    for length in length_B.tolist():
        its, its_rows = every.slice(start, length), rows[start : start + length]
        yield Values(its, its_rows) if length <= cap else keep(its, its_rows, ordered=True)
        start += length
