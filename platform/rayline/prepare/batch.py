"""The form of a preparation for frames: whole columns through Polars look-ups and NumPy, a block of rows at a time."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from rayline.core.category_text import category_texts
from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest
from rayline.core.prepared import Prepared
from rayline.prepare.number_value import to_floats
from rayline.prepare.transform import BoolArray, CategoryTransform, IntArray, Transform

BLOCK_VALUES = 131_072
"""Values of the number matrix worked on at a time: small enough for the processor's cache."""


def prepare_frame(
    transform: Transform, frame: pl.DataFrame, *, training: bool = False, by_column: bool = False
) -> Prepared:
    """Model inputs for the rows of `frame`, in order; other columns are ignored.

    `training` says that they are training rows (with ROW), whose encodings must not have seen their own targets;
    `by_column` that the arrays lie in memory column after column, for who reads them so.

    Raises:
        DataError: a column lacks, or holds what its type cannot be.
    """
    n = frame.height
    numbers = [to_floats(_column(frame, name)) for name in transform.numbers.names]
    looked_up = [_look_up(category, _column(frame, category.name)) for category in transform.categories]
    ids = [codes for codes, _ in looked_up]
    missing = [mask for _, mask in looked_up]
    folds = transform.folds_of(_column(frame, ROW).to_numpy()) if training and transform.needs_folds else None
    order: Literal["F", "C"] = "F" if by_column else "C"
    out_NW = np.empty((n, transform.width), dtype=np.float32, order=order)
    ids_NC = np.empty((n, len(transform.with_ids)), dtype=np.int32, order=order)
    block_rows = max(256, BLOCK_VALUES // max(1, len(numbers)))
    for start in range(0, n, block_rows):
        rows = slice(start, min(start + block_rows, n))
        x_FN = np.empty((len(numbers), rows.stop - rows.start), dtype=np.float64)
        for place, values in enumerate(numbers):
            x_FN[place] = values[rows]
        transform.fill_numbers(
            out_NW[rows],
            x_FN,
            [i[rows] for i in ids],
            [m[rows] for m in missing],
            None if folds is None else folds[rows],
        )
        for column, place in enumerate(transform.with_ids):
            ids_NC[rows, column] = ids[place][rows]
    tensors = tuple(tensor.step.of_column(_column(frame, tensor.name)) for tensor in transform.tensors)
    return Prepared(out_NW, ids_NC, tensors)


def stays_in_training(transform: Transform, frame: pl.DataFrame) -> BoolArray:
    """Which rows of `frame` [n] training keeps: those within the limits of columns whose outliers are dropped."""
    stays = np.ones(frame.height, dtype=np.bool_)
    for name, limits in transform.dropping:
        values = to_floats(_column(frame, name))
        stays &= ~((values < limits.low) | (values > limits.high))
    return stays


def _look_up(category: CategoryTransform, column: pl.Series) -> tuple[IntArray, BoolArray]:
    texts, codes = category_texts(column)
    ids = np.array([category.id_of(text) for text in texts], dtype=np.int32)
    return np.take(ids, codes), codes == len(texts) - 1


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    try:
        return frame.get_column(name)  # asking for `frame.columns` each time would be quadratic in their number
    except pl.exceptions.ColumnNotFoundError:
        raise DataError(
            f"the data lacks the column {name!r}.{nearest(name, frame.columns)} It has: {listing(frame.columns)}."
        ) from None
