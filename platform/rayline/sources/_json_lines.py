"""JSON lines, one after the other: objects flattened by dots, what their values are, and values in a column's type."""

from __future__ import annotations

import io
import json
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
from rayline.sources import _files, _pieces
from rayline.sources._columns import SEQUENCE
from rayline.sources._source import Fragment

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


def objects(fragment: Fragment, size_bytes: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line and object of each line of a fragment that holds something, of its first `size_bytes` where given.

    Raises:
        DataError: a line that is not one JSON object, named; or a file that cannot be read.
    """
    read = 0
    try:
        with _pieces.open_bytes(fragment) as stream, io.BufferedReader(stream) as lines:
            for number, line in enumerate(lines, start=_pieces.first_line(fragment)):
                text = line.removeprefix(_pieces.BOM).strip()
                if text:
                    yield number, _object(text, fragment, number)
                read += len(line)
                if size_bytes is not None and read >= size_bytes:
                    return
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None


def _object(text: bytes, fragment: Fragment, number: int) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = _as_python_writes_it(text, fragment, number, error)
    if not isinstance(found, dict):
        whole = " A file that is one array becomes JSON lines by: jq -c '.[]'." if isinstance(found, list) else ""
        raise DataError(
            f"{fragment.label} line {number} holds {form(found)}, not an object. JSON lines hold one object a line, "
            f"its keys the columns.{whole}"
        )
    return found


def _as_python_writes_it(text: bytes, fragment: Fragment, number: int, error: orjson.JSONDecodeError) -> Any:
    """What a line holds that is no strict JSON, but for the NaN and Infinity that Python itself writes.

    Raises:
        DataError: it is no JSON for another reason, which is told.
    """
    where = f"{fragment.label} line {number}"
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as fault:
        raise DataError(
            f"{where} is not UTF-8 text, as JSON lines are, at its byte {fault.start + 1} (0x{text[fault.start]:02x}). "
            "Convert the file, such as by: iconv -f latin1 -t utf8"
        ) from None
    except UnicodeEncodeError:
        raise DataError(
            f"{where} holds half of a character: a \\ud800 to \\udfff without the other that belongs to it, as texts "
            "have that were cut. Take it out."
        ) from None
    except ValueError:
        place = f" at character {error.colno}" if error.colno > 1 else ""
        cures = {
            b"{": " Objects of several lines become lines by: jq -c .",
            b"[": " An array becomes lines by: jq -c '.[]'",
        }
        raise DataError(
            f"{where} is not JSON: {error.msg}{place}. JSON lines hold one whole object a line.{cures.get(text, '')}"
        ) from None
    return found


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
