"""Columns by which rows are ordered in time, as numbers: dates, times, ISO texts, or numbers as they are."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core import moments
from rayline.core.errors import DataError
from rayline.core.shown import counted

Instants = npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""Microseconds since 1970 (UTC) of dates and times; numbers stay what they are."""

_UNITS = {"us": 1, "ms": 10**3, "s": 10**6, "min": 6 * 10**7, "h": 36 * 10**8, "d": 864 * 10**8, "w": 6048 * 10**8}
_LENGTH = re.compile(rf"^(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})$")


def microseconds(length: str) -> int:
    """A length of time such as `7d`, `12h`, `30min`, `90s` or `2w`, in microseconds.

    Raises:
        ValueError: it is none.
    """
    found = _LENGTH.match(length.strip().lower())
    if not found:
        raise ValueError(f"give a length of time such as 7d, 12h, 30min or 2w, or a number of rows, not {length!r}")
    return round(float(found.group(1)) * _UNITS[found.group(2)])


def is_clock(dtype: pl.DataType) -> bool:
    """Whether a column of this type holds dates or times, so that a length of time can be taken from it."""
    return dtype.is_temporal() or dtype == pl.String


def instants(column: pl.Series, option: str) -> Instants:
    """The column as numbers that are ordered as its times are [n].

    Raises:
        DataError: a value is missing, or none of a time.
    """
    name = column.name
    try:
        found = moments.instants(column)
    except TypeError:
        raise DataError(
            f"{option} {name!r} holds {column.dtype}, which is no time. Name a column of dates or numbers."
        ) from None
    if wrong := int(moments.unread(column, found).sum()):
        raise DataError(
            f"{option} {name!r} is text that is no ISO date or time (2024-12-31, 2024-12-31T23:59:59) in "
            f"{counted(wrong)}. Turn it into dates first (prepare.clean)."
        )
    if lacking := found.null_count():
        raise DataError(
            f"{option} {name!r} is missing in {counted(lacking)}, and every row needs its time. "
            f"Fill it, or leave such rows out: data.expect: {{{name}: {{nullable: false, on: quarantine}}}}."
        )
    return found.to_numpy()


def shown(instant: float, *, clock: bool) -> str:
    """A time for people: ISO form, or the number."""
    if not clock:
        return f"{instant:g}" if isinstance(instant, float) else str(instant)
    return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(instant))).isoformat(sep=" ")
