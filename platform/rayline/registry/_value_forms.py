"""The form of single values: a whole number, a date, a text of some pattern; as `prepare.expectations` has it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic_core import SchemaValidator, core_schema

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType, InputColumn, ValueType
from rayline.core.expressions import whole_match
from rayline.prepare._expectation_checks import INTEGER, KINDS
from rayline.prepare._expectation_limits import DATE, NUMBER

_INTEGER, _NUMBER, _DATE = (re.compile(pattern) for pattern in (INTEGER, NUMBER, DATE))


class Form:
    """What is declared of the form of a column's values."""

    def __init__(self, column: InputColumn) -> None:
        self.type: ValueType | None = column.value_type
        self.bounds: tuple[float, float] | None = None
        """Of numbers in a column that is none of numbers."""
        if column.type is not FeatureType.NUMBER and (column.minimum is not None or column.maximum is not None):
            low, high = column.minimum, column.maximum
            self.bounds = (-np.inf if low is None else low, np.inf if high is None else high)
        self._dates = column.dates
        self._ends = (column.earliest or dt.datetime.min, column.latest or dt.datetime.max)
        self._pattern = column.pattern
        self._matches: Callable[[Any], bool] | None = None
        if column.pattern is not None:  # Rust's regular expressions, as Polars has them
            schema = core_schema.str_schema(pattern=whole_match(column.pattern), strict=True)
            self._matches = SchemaValidator(schema).isinstance_python

    def lacks(self, value: Any, *, from_file: bool = False) -> str | None:
        """What should have been given in place of a value that is there; `None` if it is right.

        Args:
            value: text, a number, true or false; of a file, a date or a moment, too.
            from_file: a column of a file may hold codes that are texts as numbers.
        """
        if self.type is not None and not (from_file and self.type == "text") and not _is(value, self.type):
            return KINDS[self.type]
        if self.bounds is not None:
            number = _as_number(value)
            if number is None or not self.bounds[0] <= number <= self.bounds[1]:
                low, high = self.bounds
                if high == np.inf:
                    return f"a number of at least {low:g}"
                return f"a number of at most {high:g}" if low == -np.inf else f"a number from {low:g} to {high:g}"
        if self._dates:
            moment = _as_moment(value)
            if moment is None or not self._ends[0] <= moment <= self._ends[1]:
                return self._dates
        if self._matches is not None and not self._matches(_as_text(value)):
            return f"text of the form {self._pattern}"
        return None


def form_of(column: InputColumn) -> Form | None:
    """The form of a column's values, where one is declared."""
    bounded = column.type is not FeatureType.NUMBER and (column.minimum is not None or column.maximum is not None)
    declared = bounded or column.value_type is not None or column.pattern is not None or bool(column.dates)
    return Form(column) if declared else None


def _as_text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) else category_text(value)


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, str):
        value = value.strip()
        return float(value) if _NUMBER.fullmatch(value) else None
    return float(value) if isinstance(value, int | float | np.integer | np.floating) else None


def _as_moment(value: Any) -> dt.datetime | None:
    """A date's or ISO text's moment, told in UTC where it has a zone."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value.strip()) if _is_date(value.strip()) else None
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    return dt.datetime.combine(value, dt.time.min) if isinstance(value, dt.date) else None


def _is(value: Any, kind: ValueType) -> bool:
    if isinstance(value, str):
        text = value.strip()
        if kind == "text":
            return True
        if kind == "boolean":
            return text.lower() in ("true", "false")
        if kind == "date":
            return _is_date(text)
        return (_INTEGER if kind == "integer" else _NUMBER).fullmatch(text) is not None
    if isinstance(value, bool | np.bool_):
        return kind == "boolean"
    if isinstance(value, dt.date):
        return kind == "date"
    if kind == "integer":
        return bool(value == int(value))
    return kind == "number"


def _is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None:
        return False
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
