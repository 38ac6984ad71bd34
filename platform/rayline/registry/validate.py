"""Checks rows against a signature: columns there, of their type, in what was declared under `data.expect`.

Requests are strict as JSON is: the text "39" is no number. Frames are lenient as files are: a column of text that
reads as numbers is one. One row of fourteen columns takes about 3 µs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_text, category_texts
from rayline.core.columns import ROW, FeatureType, InputColumn, Signature
from rayline.core.errors import DataError, SignatureError, listing, nearest
from rayline.prepare.number_value import to_floats

Values = Sequence[Any] | npt.NDArray[Any]

_ROW_IN_FILE = (1 << 40) - 1
"""The part of ROW that counts rows within a file."""
_LARGEST = sys.float_info.max
_NUMBERS = (int, float, np.integer, np.floating)
_SCALARS = (str, int, float, np.str_, np.integer, np.floating, np.bool_)


class Validator:
    """A signature made ready to check requests. Safe to use from several threads."""

    def __init__(self, signature: Signature) -> None:
        self._checks = [_Column(column) for column in signature.inputs]

    def check(self, columns: Mapping[str, Values]) -> int:
        """Check columns of n plain values each (lists with `None`, or arrays) and return n; other columns are ignored.

        Raises:
            SignatureError: columns lack (all are named), lengths differ, a value is of the wrong type or not allowed.
        """
        rows = -1
        for column in self._checks:
            values = columns.get(column.name)
            if values is None:
                self._refuse_lacking(columns)
            count = len(values)
            if count != rows:
                if rows >= 0:
                    raise SignatureError(f"{column.name!r} has {count} values where columns before it have {rows}.")
                rows = count
            if count == 1:  # most requests: no array, no set
                value = values[0]
                kind = type(value)
                if column.is_number:
                    if (kind is float or kind is int) and column.plain and column.low <= value <= column.high:
                        continue
                elif kind is str and column.plain:
                    continue
            column.check(values)
        return max(rows, 0)

    def check_frame(self, frame: pl.DataFrame) -> None:
        """Check the rows of a frame; with a column ROW, messages name rows by their place in the file.

        Raises:
            SignatureError: as `check`.
        """
        self.check_names(frame.columns)
        places = frame[ROW].to_numpy() & _ROW_IN_FILE if ROW in frame.columns else None
        for column in self._checks:
            column.check_series(frame[column.name], places)

    def check_names(self, given: Sequence[str]) -> None:
        """Check that every feature is among the columns `given`.

        Raises:
            SignatureError: features lack; all are named.
        """
        if any(column.name not in given for column in self._checks):
            self._refuse_lacking(given)

    def _refuse_lacking(self, given: Iterable[str]) -> NoReturn:
        names = list(given)
        lacking = [column.name for column in self._checks if column.name not in names]
        hint = nearest(lacking[0], names) if len(lacking) == 1 else ""
        raise SignatureError(
            f"missing feature{'s' if len(lacking) > 1 else ''}: {listing(lacking)}.{hint} "
            f"Expected: {listing([column.name for column in self._checks], 100)}; null is an unknown value."
        )


class _Column:
    """One column's checks."""

    def __init__(self, column: InputColumn) -> None:
        self.name = column.name
        self.is_number = column.type is FeatureType.NUMBER
        self.low = -_LARGEST if column.minimum is None else column.minimum
        self.high = _LARGEST if column.maximum is None else column.maximum
        self._nullable = column.nullable
        self._private = column.private
        self._or_null = " or null" if column.nullable else ""
        self._allowed = None if column.allowed is None else frozenset(category_text(text) for text in column.allowed)
        self.plain = self._allowed is None and (self.is_number or column.nullable)
        """Whether type and range are all there is to check of a number or text."""

    def check(self, values: Values) -> None:
        if self.is_number:
            self._check_numbers(values)
        else:
            self._check_categories(values)

    def check_series(self, series: pl.Series, places: npt.NDArray[np.int64] | None) -> None:
        """Check a column of a frame; `places` [n] are its rows' numbers in messages."""
        try:
            if self.is_number:
                self._check_floats(to_floats(series), places)
                return
            texts, codes = category_texts(series)
        except DataError as error:
            told = f"column {self.name!r} holds values of the wrong type." if self._private else str(error)
            raise SignatureError(told) from None
        missing = codes == len(texts) - 1
        if not self._nullable and missing.any():
            self._refuse_null(_first(missing, places))
        if self._allowed is not None:
            for code, text in enumerate(texts[:-1]):
                if text not in self._allowed:
                    self._refuse_value(_first(codes == code, places), text)

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
            raise SignatureError(f"{self.name!r}, row {_first(infinite)}: give a finite number{self._or_null}.")

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

    def _check_categories(self, values: Values) -> None:
        items = values.tolist() if isinstance(values, np.ndarray) else values
        for kind in set(map(type, items)):
            if kind is not type(None) and not issubclass(kind, _SCALARS):
                row = next(n for n, value in enumerate(items) if type(value) is kind)
                self._refuse_type(row, items[row], "text, a number, true or false")
        if self._nullable and self._allowed is None:
            return
        for row, value in enumerate(items):
            text = category_text(value)
            if text is None:
                if not self._nullable:
                    self._refuse_null(row)
            elif self._allowed is not None and text not in self._allowed:
                self._refuse_value(row, value)

    def _refuse_type(self, row: int, value: Any, wanted: str) -> NoReturn:
        kind = {str: "text", bool: "true or false", dict: "an object", list: "a list", bytes: "bytes"}.get(type(value))
        given = f"{kind or type(value).__name__}{'' if self._private else f' {_short(value)}'}"
        raise SignatureError(f"{self.name!r}, row {row}: give {wanted}{self._or_null}, not {given}.")

    def _refuse_null(self, row: int) -> NoReturn:
        raise SignatureError(f"{self.name!r}, row {row}: a value is required; null was declared not to occur.")

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
        raise SignatureError(f"{self.name!r}, row {row}: {given} is not allowed; give {allowed}.")


def _first(which: npt.NDArray[np.bool_], places: npt.NDArray[np.int64] | None = None) -> int:
    row = int(np.argmax(which))
    return row if places is None else int(places[row])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
