"""One input column's checks, of a request's plain values and of a frame's column."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_text, category_texts, plain
from rayline.core.columns import FeatureType, InputColumn
from rayline.core.errors import DataError, SignatureError, listing
from rayline.prepare.number_value import to_floats
from rayline.registry._media import Media
from rayline.registry._value_forms import form_of
from rayline.registry.signature import SCALARS

Values = Sequence[Any] | npt.NDArray[Any]

_LARGEST = sys.float_info.max
_NUMBERS = (int, float, np.integer, np.floating)
_TEXTS = (str,)
_SCALARS = (str, int, float, np.str_, np.integer, np.floating, np.bool_)


class ColumnCheck:
    """One column's checks."""

    def __init__(self, column: InputColumn) -> None:
        self.name = column.name
        self.is_number = column.type is FeatureType.NUMBER
        self._scalar = column.type in SCALARS
        self._media = Media(column.type)
        self._kinds = _TEXTS if column.type is FeatureType.TEXT else _SCALARS
        self._form = form_of(column)
        self.low = -_LARGEST if column.minimum is None else column.minimum
        self.high = _LARGEST if column.maximum is None else column.maximum
        self._nullable = column.nullable
        self._private = column.private
        self._or_null = " or null" if column.nullable else ""
        self._allowed = None if column.allowed is None else frozenset(category_text(text) for text in column.allowed)
        declared = self._allowed is not None or self._form is not None
        self.plain = not declared and (self.is_number or (column.nullable and column.type is not FeatureType.SEQUENCE))
        """Whether type and range are all there is to check of a number or text."""

    def check(self, values: Values) -> None:
        """Check plain values, a request's."""
        if self.is_number:
            self._check_numbers(values)
        elif self._scalar:
            self._check_categories(values)
        else:
            self._check_media(values.tolist() if isinstance(values, np.ndarray) else values)

    def count_broken(self, values: Values) -> int:
        """How many of plain values `check` would refuse; a date is its ISO text."""
        plain = [value.isoformat() if isinstance(value, dt.date) else value for value in values]
        try:
            self.check(plain)
        except SignatureError:
            return sum(map(self._refuses, plain))
        return 0

    def _refuses(self, value: Any) -> bool:
        try:
            self.check((value,))
        except SignatureError:
            return True
        return False

    def check_series(self, series: pl.Series, places: npt.NDArray[np.int64] | None) -> None:
        """Check a column of a frame; `places` [n] are its rows' numbers in messages."""
        if not self._scalar:
            self._check_media_series(series, places)
            return
        try:
            if self.is_number:
                self._check_floats(to_floats(series), places)
                return
            texts, codes = category_texts(series)
        except DataError as error:
            told = f"column {self.name!r} holds values of the wrong type." if self._private else str(error)
            raise SignatureError(told, reason="type") from None
        missing = codes == len(texts) - 1
        if not self._nullable and missing.any():
            self._refuse_null(_first(missing, places))
        if self._allowed is not None:
            for code, text in enumerate(texts[:-1]):
                if text not in self._allowed:
                    self._refuse_value(_first(codes == code, places), text)
        if self._form is not None:
            values = plain(series)
            for value in values.filter(~missing).unique(maintain_order=True).to_list():
                wanted = self._form.lacks(value, from_file=True)
                if wanted is not None:
                    self._refuse_form(_first(values.eq_missing(value).to_numpy(), places), value, wanted)

    def _check_numbers(self, values: Values) -> None:
        if isinstance(values, np.ndarray):
            if values.dtype.kind in "iuf":
                floats = values.astype(np.float64)
                self._check_finite(floats)
                self._check_floats(floats)
                return
            values = values.tolist()
        for kind in set(map(type, values)):
            if kind is not type(None) and (kind is bool or not issubclass(kind, _NUMBERS)):
                row = next(n for n, value in enumerate(values) if type(value) is kind)
                self._refuse_type(row, values[row], "a number")
        try:
            floats = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
        except OverflowError:  # an integer of more than 308 digits
            floats = np.array([math.inf if abs(value or 0) > _LARGEST else 0.0 for value in values])
        self._check_finite(floats)
        self._check_floats(floats)

    def _check_finite(self, floats: npt.NDArray[np.float64]) -> None:
        infinite = np.isinf(floats)
        if infinite.any():
            told = f"{self.name!r}, row {_first(infinite) + 1}: give a finite number{self._or_null}."
            raise SignatureError(told, reason="type")

    def _check_floats(self, floats: npt.NDArray[np.float64], places: npt.NDArray[np.int64] | None = None) -> None:
        missing = np.isnan(floats)
        if not self._nullable and missing.any():
            self._refuse_null(_first(missing, places))
        outside = ~missing & ((floats < self.low) | (floats > self.high))
        if outside.any():
            self._refuse_value(_first(outside, places), float(floats[np.argmax(outside)]))
        if self._allowed is not None:
            for value in np.unique(floats[~missing]):
                if category_text(float(value)) not in self._allowed:
                    self._refuse_value(_first(floats == value, places), float(value))
        if self._form is not None:
            for value in np.unique(floats[~missing]):
                wanted = self._form.lacks(float(value))
                if wanted is not None:
                    self._refuse_form(_first(floats == value, places), float(value), wanted)

    def _check_categories(self, values: Values) -> None:
        items = values.tolist() if isinstance(values, np.ndarray) else values
        for kind in set(map(type, items)):
            if kind is not type(None) and not issubclass(kind, self._kinds):
                row = next(n for n, value in enumerate(items) if type(value) is kind)
                self._refuse_type(row, items[row], "text" if self._kinds is _TEXTS else "text, a number, true or false")
        if self._nullable and self._allowed is None and self._form is None:
            return
        for row, value in enumerate(items):
            text = category_text(value)
            if text is None:
                if not self._nullable:
                    self._refuse_null(row)
            elif self._allowed is not None and text not in self._allowed:
                self._refuse_value(row, value)
            elif self._form is not None and (wanted := self._form.lacks(value)) is not None:
                self._refuse_form(row, value, wanted)

    def _check_media(self, values: Sequence[Any]) -> None:
        for row, value in enumerate(values):
            if value is not None and not self._media.holds(value):
                self._refuse_type(row, value, self._media.wanted)
        if not self._nullable and any(value is None for value in values):
            self._refuse_null(next(row for row, value in enumerate(values) if value is None))

    def _check_media_series(self, series: pl.Series, places: npt.NDArray[np.int64] | None) -> None:
        if not self._media.holds_column(series.dtype):
            told = f"column {self.name!r} must hold {self._media.wanted_column}, not {series.dtype}."
            raise SignatureError(told, reason="type")
        if not self._nullable and series.null_count():
            self._refuse_null(_first(series.is_null().to_numpy(), places))

    def _refuse_type(self, row: int, value: Any, wanted: str) -> NoReturn:
        kind = {str: "text", bool: "true or false", dict: "an object", list: "a list", bytes: "bytes"}.get(type(value))
        given = f"{kind or type(value).__name__}{'' if self._private else f' {_short(value)}'}"
        raise SignatureError(f"{self.name!r}, row {row + 1}: give {wanted}{self._or_null}, not {given}.", reason="type")

    def _refuse_null(self, row: int) -> NoReturn:
        told = f"{self.name!r}, row {row + 1}: a value is required; null was declared not to occur."
        raise SignatureError(told, reason="missing")

    def _refuse_form(self, row: int, value: Any, wanted: str) -> NoReturn:
        given = "the value" if self._private else _short(value)
        told = f"{self.name!r}, row {row + 1}: {given} is not allowed; give {wanted}{self._or_null}."
        raise SignatureError(told, reason="value")

    def _refuse_value(self, row: int, value: Any) -> NoReturn:
        if self._allowed is not None and (not self.is_number or self.low <= value <= self.high):
            allowed = f"one of {listing(sorted(map(str, self._allowed)))}"
        elif self.low == -_LARGEST:
            allowed = f"at most {self.high:g}"
        elif self.high == _LARGEST:
            allowed = f"at least {self.low:g}"
        else:
            allowed = f"from {self.low:g} to {self.high:g}"
        given = "the value" if self._private else _short(value)
        raise SignatureError(f"{self.name!r}, row {row + 1}: {given} is not allowed; give {allowed}.", reason="value")


def _first(which: npt.NDArray[np.bool_], places: npt.NDArray[np.int64] | None = None) -> int:
    row = int(np.argmax(which))
    return row if places is None else int(places[row])


def _short(value: Any) -> str:
    text = f"{value:.15g}" if isinstance(value, float) and math.isfinite(value) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
