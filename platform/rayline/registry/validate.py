"""Checks rows against a signature: columns there, of their type, in what was declared under `data.expect`.

Requests are strict as JSON is: the text "39" is no number. Frames are lenient as files are: a column of text that
reads as numbers is one. One row of fourteen columns takes about 3 µs; conditions over columns, where any are declared,
take about 0.2 ms a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW, Signature
from rayline.core.errors import SignatureError, listing, nearest
from rayline.registry._column_checks import ColumnCheck, Values
from rayline.registry._conditions import Conditions
from rayline.registry.past import Past
from rayline.spec.sections import EVERY

_ROW_IN_FILE = (1 << 40) - 1
"""The part of ROW that counts rows within a file."""


class Validator:
    """A signature made ready to check requests. Safe to use from several threads."""

    def __init__(self, signature: Signature, past: Past | None = None) -> None:
        """
        Args:
            signature: what rows must keep to.
            past: features that are made of earlier rows, to be told of where they lack.
        """
        self.past = past or Past()
        refusing = [condition for condition in signature.conditions if not condition.warns]
        self._checks = [ColumnCheck(column) for column in signature.inputs]
        self._conditions = Conditions([condition for condition in refusing if not condition.cleaned]) or None
        self._cleaned = [ColumnCheck(column) for column in signature.cleaned]
        self._conditions_cleaned = Conditions([condition for condition in refusing if condition.cleaned])
        self._warned = [ColumnCheck(column) for column in signature.warned]
        self._conditions_warned = Conditions([condition for condition in signature.conditions if condition.warns])
        self.warns = bool(self._warned or self._conditions_warned)
        """Whether anything is declared with `on: warn`, so that `warnings` looks."""
        self.checks_cleaned = bool(self._cleaned or self._conditions_cleaned)
        """Whether anything is declared of columns as preparation makes them, so that `check_cleaned` looks at them."""

    def check(self, columns: Mapping[str, Values]) -> int:
        """Check columns of n plain values each (lists with `None`, or arrays) and return n; other columns are ignored.

        Raises:
            SignatureError: columns lack (all are named), lengths differ, a value is of the wrong type or not allowed,
                or a condition over columns does not hold.
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
        if self._conditions is not None and rows > 0:
            self._conditions.check(columns)
        return max(rows, 0)

    def check_frame(self, frame: pl.DataFrame) -> None:
        """Check the rows of a frame; with a column ROW, messages name rows by their place in the file.

        Raises:
            SignatureError: as `check`.
        """
        self.check_names(frame.columns)
        places = places_in_file(frame)
        for column in self._checks:
            column.check_series(frame[column.name], places)
        if self._conditions is not None and frame.height:
            self._conditions.check_frame(frame, places)

    def check_cleaned(self, frame: pl.DataFrame) -> None:
        """Check rows as preparation corrected and derived them.

        Raises:
            SignatureError: as `check`.
        """
        for column in self._cleaned:
            column.check_series(frame[column.name], None)
        if self._conditions_cleaned and frame.height:
            self._conditions_cleaned.check_frame(frame, None)

    def warnings(self, columns: Mapping[str, Values]) -> dict[str, int]:
        """How many of n answered rows break what is declared with `on: warn`: by column, `*` for conditions.

        Args:
            columns: of plain values, as the model reads them (`Predictor.clean`).
        """
        counts = {column.name: column.count_broken(columns[column.name]) for column in self._warned}
        if self._conditions_warned:
            counts[EVERY] = self._conditions_warned.count(columns)
        return {name: rows for name, rows in counts.items() if rows}

    def check_names(self, given: Sequence[str]) -> None:
        """Check that every feature is among the columns `given`.

        Raises:
            SignatureError: features lack; all are named.
        """
        if any(column.name not in given for column in self._checks):
            self._refuse_lacking(given)

    def _refuse_lacking(self, given: Iterable[str]) -> NoReturn:
        names = [name for name in given if name != ROW]
        lacking = [column.name for column in self._checks if column.name not in names]
        hint = nearest(lacking[0], names) if len(lacking) == 1 else ""
        raise SignatureError(
            f"missing feature{'s' if len(lacking) > 1 else ''}: {listing(lacking, 100)}.{hint} "
            f"Given: {listing(names) or 'none'}; null is an unknown value.{self.past.explain(lacking)}",
            reason="field",
        )


def places_in_file(frame: pl.DataFrame) -> npt.NDArray[np.int64] | None:
    """The rows' places in their files, from 0, where a frame has ROW [n]."""
    return frame[ROW].to_numpy() & _ROW_IN_FILE if ROW in frame.columns else None


__all__ = ["Validator", "Values", "places_in_file"]
