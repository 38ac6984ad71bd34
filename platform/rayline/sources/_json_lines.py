"""Objects of JSON lines: flattened by dots, what their values are, and values in a column's type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import orjson
import pyarrow as pa

from rayline.core.errors import DataError
from rayline.sources._columns import SEQUENCE

ZONED_TIME = pa.timestamp("us", "UTC")
LATEST = 2**63
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?P<time>[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?")


Rows = Iterator[tuple[int, dict[str, Any]]]


class Form(StrEnum):
    """What a value is."""

    BOOLEAN = "a boolean"
    INTEGER = "a whole number"
    NUMBER = "a number"
    DATE = "a date"
    TIME = "a time"
    ZONED = "a time in a zone"
    TEXT = "a text"
    NUMBERS = "a list of numbers"
    LIST = "a list of other things than numbers"
    NESTED = "an object"


KINDS: dict[frozenset[Form], pa.DataType] = {
    frozenset(): pa.null(),
    frozenset({Form.BOOLEAN}): pa.bool_(),
    frozenset({Form.INTEGER}): pa.int64(),
    frozenset({Form.NUMBER}): pa.float64(),
    frozenset({Form.INTEGER, Form.NUMBER}): pa.float64(),
    frozenset({Form.DATE}): pa.date32(),
    frozenset({Form.TIME}): pa.timestamp("us"),
    frozenset({Form.DATE, Form.TIME}): pa.timestamp("us"),
    frozenset({Form.ZONED}): ZONED_TIME,
    frozenset({Form.NUMBERS}): SEQUENCE,
}
"""All else that holds no list is text."""


@dataclass
class Guess:
    """What was met under one path of keys."""

    path: tuple[str, ...]
    forms: dict[Form, int] = field(default_factory=dict)
    """Each form with the first line it was met on."""


class MisfitError(Exception):
    """A value that its column's type does not hold."""

    def __init__(self, column: str, line: int, form: Form) -> None:
        super().__init__(column)
        self.column = column
        self.line = line
        self.form = form


def flatten(row: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of an object with their paths of keys; objects within are opened."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from flatten(value, (*above, key))
        else:
            yield (*above, key), value


def form(value: Any) -> Form | None:
    """What a value is; `None` of null and of NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return Form.BOOLEAN
    if isinstance(value, int):
        return Form.INTEGER if -LATEST <= value < LATEST else Form.NUMBER
    if isinstance(value, float):
        return Form.NUMBER
    if isinstance(value, str):
        return _form_of_text(value)
    if isinstance(value, dict):
        return Form.NESTED
    numbers = all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in value)
    return Form.NUMBERS if numbers else Form.LIST


def _form_of_text(value: str) -> Form:
    found = MOMENT.fullmatch(value)
    if not found:
        return Form.TEXT
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return Form.TEXT
    if found["time"] is None:
        return Form.DATE
    return Form.TIME if found["zone"] is None else Form.ZONED


def guess(rows: Rows) -> tuple[dict[tuple[str, ...], Guess], int]:
    """What was met under each path, in order of meeting, and how many rows there were."""
    guesses: dict[tuple[str, ...], Guess] = {}
    count = 0
    for line, row in rows:
        count += 1
        for path, value in flatten(row):
            one = guesses.get(path)
            if one is None:
                one = guesses[path] = Guess(path)
            if isinstance(value, str) and Form.TEXT in one.forms:
                continue
            met = form(value)
            if met is not None:
                one.forms.setdefault(met, line)
    return guesses, count


def kind(one: Guess, label: str, name: str) -> pa.DataType:
    """The type of a column.

    Raises:
        DataError: it holds lists that are no sequence, with the line.
    """
    forms = frozenset(one.forms)
    if Form.LIST in forms or (Form.NUMBERS in forms and len(forms) > 1):
        other = Form.LIST if Form.LIST in forms else next(form for form in one.forms if form != Form.NUMBERS)
        raise DataError(
            f"{label} line {one.forms[other]}: column {name!r} holds {other}. A column holds numbers, texts, booleans, "
            "dates or lists of numbers; name the columns to read in data.source: {…, columns: […]}."
        )
    return KINDS.get(forms, pa.string())


def columns(
    rows: Rows, paths: Mapping[str, tuple[str, ...]], kinds: Mapping[str, pa.DataType]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row's line and values, by name of column, in their types.

    Raises:
        MisfitError: a value that its type does not hold.
    """
    names = {path: name for name, path in paths.items()}
    convert = {name: CONVERT[str(kind)] for name, kind in kinds.items()}
    for line, row in rows:
        made: dict[str, Any] = {}
        for path, value in flatten(row):
            name = names.get(path)
            if name is None or value is None:
                continue
            try:
                made[name] = convert[name](value)
            except (TypeError, ValueError, OverflowError):
                met = form(value)
                if met is not None:
                    raise MisfitError(name, line, met) from None
        yield line, made


def table(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Converted rows as a table."""
    arrays = [pa.array([row.get(name) for row in rows], kind) for name, kind in kinds.items()]
    return pa.table(arrays, schema=pa.schema(list(kinds.items())))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -LATEST <= value < LATEST:
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if isinstance(value, list | dict):
        raise TypeError
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _date(value: Any) -> date:
    if not isinstance(value, str) or _form_of_text(value) != Form.DATE:
        raise TypeError
    return date.fromisoformat(value)


def _time(value: Any) -> datetime:
    if not isinstance(value, str) or _form_of_text(value) not in (Form.DATE, Form.TIME):
        raise TypeError
    return datetime.fromisoformat(value)


def _zoned(value: Any) -> datetime:
    if not isinstance(value, str) or _form_of_text(value) != Form.ZONED:
        raise TypeError
    return datetime.fromisoformat(value).astimezone(UTC)


def _numbers(value: Any) -> list[float | None]:
    if not isinstance(value, list):
        raise TypeError
    return [None if one is None else _number(one) for one in value]


def _nothing(_: Any) -> None:
    raise TypeError


CONVERT: dict[str, Callable[[Any], Any]] = {
    str(pa.int64()): _whole,
    str(pa.float64()): _number,
    str(pa.bool_()): _boolean,
    str(pa.string()): _text,
    str(pa.date32()): _date,
    str(pa.timestamp("us")): _time,
    str(ZONED_TIME): _zoned,
    str(SEQUENCE): _numbers,
    str(pa.null()): _nothing,
}
