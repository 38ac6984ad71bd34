"""The one reading of texts and columns as moments, which expressions, splits and histories share.

A date or time is written in ISO 8601: `2024-01-31`, `2024-01-31 18:00`, `2024-01-31T18:00:00.5`, each time with `Z` or
an offset (`+02:00`, `+0200`) behind it or none. An offset is taken off, so that moments are of UTC. Other forms
(`31/01/2024`) are none: whoever reads both `01/02/2024` and `13/02/2024` by guessing is wrong somewhere. Reference:
https://www.rfc-editor.org/rfc/rfc3339.
"""

from __future__ import annotations

import polars as pl

TIME = pl.Datetime("us")
_CLOCKS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")


def moments(text: pl.Expr) -> pl.Expr:
    """Texts as Datetime in microseconds of UTC; null where a text is none. Row by row.

    >>> frame = pl.DataFrame({"at": ["2024-01-31", "2024-01-31T02:00+02:00", "31/01/2024", None]})
    >>> frame.select(moments(pl.col("at")))["at"].dt.to_string("%Y-%m-%d %H:%M").to_list()
    ['2024-01-31 00:00', '2024-01-31 00:00', None, None]
    """
    plain = text.str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"([0-9])\s*Z$", "${1}")
    naive = [plain.str.to_datetime(form, time_unit="us", strict=False) for form in _CLOCKS]
    zoned = [
        plain.str.to_datetime(f"{form}%z", time_unit="us", strict=False, time_zone="UTC").dt.replace_time_zone(None)
        for form in _CLOCKS
    ]
    day = plain.str.to_date("%Y-%m-%d", strict=False).cast(TIME)
    return pl.coalesce(*naive, day, *zoned)


def instants(column: pl.Series) -> pl.Series:
    """Dates, times and texts as Int64, microseconds since 1970 in UTC; numbers as they are, NaN as null.

    Null where a value is missing, and where a text is no moment: `unread` tells the two apart.

    Raises:
        TypeError: the column holds neither.
    """
    if column.dtype == pl.String:
        column = column.to_frame().select(moments(pl.col(column.name))).to_series()
    if column.dtype == pl.Null:
        return column.cast(pl.Int64)
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(TIME).cast(pl.Int64)  # of a column with a zone, what is kept is UTC
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    if column.dtype.is_float():
        return column.cast(pl.Float64).fill_nan(None)
    raise TypeError(f"{column.dtype} is no time")


def unread(column: pl.Series, found: pl.Series) -> pl.Series:
    """Which values of `column` are no moments, by what `instants` found [n]: missing and blank ones are not among
    them."""
    if column.dtype != pl.String:
        return pl.Series(column.name, [False]).new_from_index(0, len(column))
    return (found.is_null() & (column.str.strip_chars() != "")).fill_null(value=False)
