"""Values of raw columns as the steps of a recipe read them: a request's scalars, and columns of a frame.

A value may come as any scalar that says the same ("104", 104 and 104.0 are one integer), as categories may. What says
nothing of the column's kind is refused, in either form alike.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import polars as pl

from rayline.core.category_text import category_text, category_texts
from rayline.core.errors import DataError

DTYPES: dict[str, pl.DataType] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
    "date": pl.Date(),
    "time": pl.Datetime("us"),
    "time UTC": pl.Datetime("us", "UTC"),
    "bytes": pl.Binary(),
    "sequence": pl.List(pl.Float64()),
}
"""The eight types of a source's columns (and time with a zone), by the names a package stores."""


def as_read(name: str, values: Any, kind: pl.DataType) -> pl.Series:
    """Plain values as the column that steps read; a value may come as any scalar that says the same.

    Numbers that are not whole, or too large, make a column of whole numbers one of numbers (see `_fractions`).

    Raises:
        DataError: a value that says nothing of the column's kind.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        values = values.astype("datetime64[us]")  # finer ones would become whole numbers
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    try:
        if kind in (pl.Date, pl.Datetime):
            values = [_moment(value, kind) for value in values]
        elif kind in _PLAIN:
            values = [_plain(value, kind) for value in values]
        return pl.Series(name, values, kind, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        if kind == pl.Int64:
            if any(map(_only_whole, values)):  # as a float it would be another number, for the sake of other rows
                raise DataError(
                    f"column {name!r} holds whole numbers beyond {2**53:,} beside one that is not whole: "
                    "give them apart."
                ) from None
            numbers = as_read(name, values, pl.Float64())
            return numbers.set(~numbers.is_finite(), None)
        raise DataError(f"column {name!r} holds a value that is no {kind_name(kind)}.") from None


def _only_whole(value: Any) -> bool:
    """Whether an integer column holds the value and a column of floats does not."""
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        value = int(value)
    return isinstance(value, int) and -(2**63) <= value < 2**63 and int(float(value)) != value


_PLAIN = (pl.Int64(), pl.Float64(), pl.Boolean(), pl.String())


def _plain(value: Any, kind: pl.DataType) -> Any:
    """A scalar as one of `kind`: 3.0 and "3" are the integer 3, 3 is the text "3", "true" is true.

    Raises:
        ValueError: it says nothing of that kind.
    """
    if value is None or (kind == pl.String and isinstance(value, str)):
        return value
    if kind == pl.String:
        return category_text(value)
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    elif isinstance(value, float | np.floating) and not math.isfinite(value):
        return float(value) if kind.is_float() else None
    if kind == pl.Boolean:
        said = category_text(value)
        if said not in ("true", "false"):
            raise ValueError("neither true nor false")
        return said == "true"
    if isinstance(value, bool | np.bool_) or (isinstance(value, str) and "_" in value):
        raise ValueError("no number")
    number = float(value)
    if kind.is_float():
        return number
    if isinstance(value, int | np.integer):
        return int(value)
    if not number.is_integer():
        raise ValueError("no whole number")
    return int(value) if isinstance(value, str) and value.lstrip("+-").isdecimal() else int(number)


def _moment(value: Any, kind: pl.DataType) -> dt.date | None:
    """A date or ISO text as one of `kind`; a time of some zone is told in UTC.

    Raises:
        ValueError: it is neither; other forms are ambiguous (which of 05/10/2024 is the month?).
    """
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value.strip()) if value.strip() else None
    if value is None:
        return None
    if not isinstance(value, dt.date):
        raise ValueError("no date")
    moment = value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment.date() if kind == pl.Date else moment


def reader(kind: pl.DataType) -> Callable[[Any], Any]:
    """What makes of one plain value the one that a column which `as_read` makes of it alone gives back.

    It raises ValueError, TypeError or OverflowError where the value says nothing of the column's kind, or where the
    column would become one of another type.
    """
    if kind in (pl.Date, pl.Datetime):
        return partial(_moment, kind=kind)
    if kind not in _PLAIN:
        return lambda value: value
    own = {pl.Int64(): int, pl.Float64(): float, pl.Boolean(): bool, pl.String(): str}[kind]
    if own is int:
        return _whole
    return lambda value: value if value is None or type(value) is own else _plain(value, kind)


def _whole(value: Any) -> int | None:
    number: int | None = value if type(value) is int else _plain(value, pl.Int64())
    if number is not None and not -(2**63) <= number < 2**63:
        raise ValueError("no whole number of 64 bits")
    return number


def is_in_calendar(moments: pl.Series) -> bool:
    """Whether Python, which stops at the years 1 and 9999, has all of these dates or times."""
    one = dt.timedelta(days=1) if moments.dtype == pl.Date else dt.timedelta(microseconds=1)
    first, last = (int((moment - dt.datetime(1970, 1, 1)) // one) for moment in (dt.datetime.min, dt.datetime.max))
    numbers = moments.to_physical()
    least, most = numbers.min(), numbers.max()
    return least is None or most is None or bool(first <= least and most <= last)  # type: ignore[operator]


def as_given(name: str, values: Any, kind: pl.DataType) -> pl.Series:
    """Plain values that no step reads: of `kind` where they are of it, else of whatever they are."""
    try:
        return as_read(name, values, kind)
    except DataError:
        return pl.Series(name, values, strict=False)


def column_as_read(column: pl.Series, kind: pl.DataType) -> pl.Series:
    """A column of a frame as the column that steps read, value by value what `as_read` makes of it.

    Raises:
        DataError: a value that is none of that kind.
    """
    try:
        if kind == pl.String and (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            texts, codes = category_texts(column)
            return pl.Series(column.name, [texts[code] for code in codes.tolist()], pl.String)
        if kind == pl.Int64 and column.dtype.is_float():
            finite = column.set(~column.is_finite(), None)
            whole = finite.cast(kind, strict=False)
            same = whole.null_count() == finite.null_count() and (whole.cast(finite.dtype) == finite).all()
            return whole if same else finite.cast(pl.Float64)
        moments = kind in (pl.Date, pl.Datetime)
        if moments and column.dtype in (pl.Date, pl.Datetime):
            return column.cast(kind)
        if moments or column.dtype == pl.String or (kind == pl.Boolean) != (column.dtype == pl.Boolean):
            return as_read(column.name, column.to_list(), kind)
        return column.cast(kind)
    except (DataError, pl.exceptions.PolarsError):
        raise DataError(
            f"column {column.name!r} ({column.dtype}) holds values that are no {kind_name(kind)}."
        ) from None


@cache
def _names() -> dict[pl.DataType, str]:
    return {kind: name for name, kind in DTYPES.items()}


def kind_name(kind: pl.DataType) -> str:
    return _names().get(kind, str(kind))
