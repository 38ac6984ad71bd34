"""Columns of Python values, as database drivers and JSON parsers give them, in the eight types.

Numbers that a type cannot hold exactly are rounded to float64 as everywhere else; what has no type of its own here
(a time of day, a UUID, a JSON document, a list of texts) is a text.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pyarrow as pa

from rayline.core.errors import DataError
from rayline.sources._columns import SEQUENCE, common
from rayline.sources._source import RefusedError

UTC_TIME = pa.timestamp("us", "UTC")
WHOLE = range(-(1 << 63), 1 << 63)
_PLAIN = (str, type(None))
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def kind(values: Sequence[Any]) -> pa.DataType:
    """The type that holds `values`; null where all are missing."""
    found: pa.DataType = pa.null()
    for each in {type(value) for value in values}:
        found = common(found, _kind_of(each, values))
    return found


def _kind_of(each: type, values: Sequence[Any]) -> pa.DataType:
    """The type for the values of Python type `each` among `values`."""
    if each is type(None):
        return pa.null()
    if issubclass(each, bool):
        return pa.bool_()
    if issubclass(each, int):
        numbers = [value for value in values if type(value) is each]
        return pa.int64() if min(numbers) in WHOLE and max(numbers) in WHOLE else pa.float64()
    if issubclass(each, float | decimal.Decimal):
        return pa.float64()
    if issubclass(each, dt.datetime):
        zoned = {value.tzinfo is not None for value in values if type(value) is each}
        return pa.string() if len(zoned) > 1 else UTC_TIME if zoned == {True} else pa.timestamp("us")
    if issubclass(each, dt.date):
        return pa.date32()
    if issubclass(each, bytes | bytearray | memoryview):
        return pa.binary()
    if issubclass(each, list | tuple):
        return SEQUENCE if all(_is_series(value) for value in values if type(value) is each) else pa.string()
    return pa.string()


def _is_series(value: Sequence[Any]) -> bool:
    return all(item is None or isinstance(item, int | float | decimal.Decimal) for item in value)


def array(values: Sequence[Any], wanted: pa.DataType, column: str, where: str, first: int = 1) -> pa.Array:
    """`values` in one of the eight types (texts are parsed where another type is wanted); NaN becomes null.

    Raises:
        RefusedError: values of another type, which a wider one would hold.
        DataError: a text that does not say what the type wants. No value is shown.
    """
    found = kind(values)
    if pa.types.is_null(found):
        return pa.nulls(len(values), wanted)
    if pa.types.is_string(wanted):
        if found == wanted and all(type(value) in _PLAIN for value in values):
            return pa.array(values, pa.string())
        return pa.array([None if value is None else text(value) for value in values], pa.string())
    if pa.types.is_floating(wanted) and (pa.types.is_integer(found) or pa.types.is_floating(found)):
        return _floats(values)
    if found == wanted and wanted != SEQUENCE:
        return pa.array(values, wanted)
    if wanted == SEQUENCE and found == SEQUENCE:
        return pa.array([None if value is None else _series(value) for value in values], SEQUENCE)
    if pa.types.is_timestamp(wanted) and pa.types.is_date(found):
        return pa.array(values, pa.date32()).cast(wanted)
    if pa.types.is_timestamp(wanted) and pa.types.is_timestamp(found):  # with and without a zone: as of UTC
        return pa.array([None if value is None else _utc(value) for value in values], wanted)
    if pa.types.is_boolean(wanted) and all(value in (None, 0, 1) for value in values):
        return pa.array([None if value is None else bool(value) for value in values], wanted)
    if pa.types.is_string(found):
        return parsed([None if value is None else text(value) for value in values], wanted, column, where, first)
    raise RefusedError(
        f"{where}: column {column!r} holds values that are no {wanted}, which it looked like at first. "
        f"Give its type under data.source.types: {{{column}: text}}.",
        column,
        common(wanted, found),
    )


def parsed(texts: Sequence[str | None], wanted: pa.DataType, column: str, where: str, first: int = 1) -> pa.Array:
    """Texts read as `wanted`: numbers, ISO 8601 dates and times, true and false.

    Raises:
        DataError: a text that cannot be; its place is told, counted from `first`, and not the text.
    """
    read = _READERS.get(str(wanted), _refuse)
    result: list[Any] = []
    for place, value in enumerate(texts, start=first):
        try:
            result.append(None if value is None else read(value.strip()))
        except (ValueError, KeyError):
            raise DataError(
                f"{where} row {place}: the value of column {column!r} cannot be read as {wanted}. Correct it, or give "
                f"the column's type under data.source.types: {{{column}: text}}."
            ) from None
    return pa.array(result, wanted)


def text(value: Any) -> str:
    """A value as text, as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dict | list | tuple | bool):
        return orjson.dumps(value, default=text, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return _clock(value) if isinstance(value, dt.timedelta) else str(value)


def _clock(value: dt.timedelta) -> str:
    """Hours, minutes and seconds, more than 24 hours and less than none too: `-10:30:00`."""
    minutes, seconds = divmod(abs(value), dt.timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    whole, part = divmod(seconds, dt.timedelta(seconds=1))
    fraction = f".{part.microseconds:06d}" if part else ""
    return f"{'-' if value < dt.timedelta() else ''}{hours:02d}:{minutes:02d}:{whole:02d}{fraction}"


def _floats(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _float(value) for value in values], pa.float64(), from_pandas=True)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _series(value: Sequence[Any]) -> list[float | None]:
    return [None if item is None else _float(item) for item in value]


def _utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


def _refuse(value: str) -> Any:  # noqa: ARG001
    raise ValueError("texts are no such values")


def _time(value: str) -> dt.datetime:
    return _utc(dt.datetime.fromisoformat(value)).replace(tzinfo=None)


def _utc_time(value: str) -> dt.datetime:
    return _utc(dt.datetime.fromisoformat(value))


def _day(value: str) -> dt.date:
    found = dt.datetime.fromisoformat(value)
    if found.time() != dt.time():
        raise ValueError("a time of day is no part of a date")
    return found.date()


def _whole(value: str) -> int:
    found = int(value)
    if found not in WHOLE:
        raise ValueError("more than 64 bits")
    return found


_READERS: dict[str, Callable[[str], Any]] = {
    str(pa.int64()): _whole,
    str(pa.float64()): float,
    str(pa.bool_()): lambda value: _TRUTHS[value.lower()],
    str(pa.date32()): _day,
    str(pa.timestamp("us")): _time,
    str(UTC_TIME): _utc_time,
}
