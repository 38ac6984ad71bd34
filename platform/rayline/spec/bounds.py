"""Limits of values under `data.expect`: a number, a date, or a moment.

A date as `max` allows that whole day. Moments with a zone are told in UTC; those without are as the column has them,
and UTC where it has a zone.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any

from pydantic import BeforeValidator


def _as_bound(value: Any) -> Any:
    # YAML reads 2020-01-01 as a date; JSON and --set give texts
    if isinstance(value, str):
        value = _read(value.strip())
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        try:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(f"{value} lies beyond the years 1 to 9999 in UTC") from None
    is_nan = isinstance(value, float) and math.isnan(value)
    if is_nan or isinstance(value, bool) or not (value is None or isinstance(value, int | float | dt.date)):
        raise ValueError("give a number, or a date such as 2024-01-31 or 2024-01-31 18:00:00")
    return value


def _read(text: str) -> float | dt.date | None:
    for read in (float, dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            # 20240131 is a number, though Python takes it for a date, too
            return read(text)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no limit: give a number, or a date such as 2024-01-31 or 2024-01-31 18:00:00")


Bound = Annotated[float | dt.datetime | dt.date, BeforeValidator(_as_bound)]


def shown(bound: float | dt.date) -> str:
    """As people read it.

    >>> shown(2.50), shown(dt.date(2024, 1, 31)), shown(dt.datetime(2024, 1, 31, 18))
    ('2.5', '2024-01-31', '2024-01-31 18:00:00')
    """
    if isinstance(bound, dt.datetime):
        return bound.isoformat(" ")
    return bound.isoformat() if isinstance(bound, dt.date) else f"{bound:g}"


def earliest(bound: dt.date) -> dt.datetime:
    """The first moment within a limit from below."""
    return bound if isinstance(bound, dt.datetime) else dt.datetime.combine(bound, dt.time.min)


def latest(bound: dt.date) -> dt.datetime:
    """The last moment within a limit from above.

    >>> latest(dt.date(2024, 1, 31))
    datetime.datetime(2024, 1, 31, 23, 59, 59, 999999)
    """
    return bound if isinstance(bound, dt.datetime) else dt.datetime.combine(bound, dt.time.max)


def require_order(low: float | dt.date, high: float | dt.date) -> None:
    """Raises:
    ValueError: `low` lies above `high`, or one is a date and the other a number.
    """
    if isinstance(low, dt.date) and isinstance(high, dt.date):
        crossed = earliest(low) > latest(high)
    elif isinstance(low, dt.date) or isinstance(high, dt.date):
        raise ValueError(f"min {shown(low)} and max {shown(high)} must both be numbers or both be dates")
    else:
        crossed = low > high
    if crossed:
        raise ValueError(f"min {shown(low)} lies above max {shown(high)}")
