"""Numbers as they come (a column of any type, the values of a request) as float64, missing as NaN."""

from __future__ import annotations

import decimal
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import plain
from rayline.core.errors import DataError

FloatArray = npt.NDArray[np.float64]


def to_floats(column: pl.Series, *, private: bool = False) -> FloatArray:
    """A column as float64 [n]; null, NaN and infinite values are NaN.

    Of a `private` column no message tells a value.

    Raises:
        DataError: a text that is not a number, or a column of dates or lists.
    """
    values = column if column.dtype == pl.Float64 else plain(column)
    if values.dtype == pl.String:
        values = _parsed(values, private=private)
    elif not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"column {column.name!r} must hold numbers, not {column.dtype}.")
    if values.dtype != pl.Float64:
        values = values.cast(pl.Float64)
    floats = values.to_numpy(writable=True)
    floats[~np.isfinite(floats)] = math.nan
    return floats


def parse_number(value: Any, name: str, *, private: bool = False) -> float:
    """One number of a request or a text column, NaN where it is missing (`None`, "", NaN, infinite).

    Of a `private` column no message tells the value.

    Raises:
        DataError: it is not a number.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return math.nan
    if isinstance(value, str | int | float | np.number | np.bool_ | decimal.Decimal):
        try:
            number = float(value)
        except OverflowError:
            return math.nan
        except ValueError:
            number = None
        if number is not None:
            return number if math.isfinite(number) else math.nan
    told = "and a value of it is none" if private else f"not {value!r}"
    raise DataError(f"column {name!r} must hold numbers, {told}.")


def _parsed(texts: pl.Series, *, private: bool) -> pl.Series:
    distinct = texts.drop_nulls().unique()
    found = [parse_number(text, texts.name, private=private) for text in distinct.to_list()]
    numbers = pl.Series(found, dtype=pl.Float64)
    return texts.replace_strict(distinct, numbers, default=None, return_dtype=pl.Float64)
