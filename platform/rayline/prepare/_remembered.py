"""Columns of one row that only Polars can make, asked of it once for each combination of values that they are made of.

Texts are corrected by Unicode tables, regular expressions and forms of dates, in a hundred microseconds or more; the
texts of categories and the days of dates come again and again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from rayline.core.errors import DataError
from rayline.prepare._raw_values import is_in_calendar

MOST = 10_000
"""Combinations of values that are kept, and as many again that are older."""
LONGEST = 100
"""Characters of a text that is kept."""


class Remembered:
    """Asks Polars, and remembers what it said. Safe to use from several threads."""

    def __init__(self, made: Mapping[str, pl.Expr], reads: Mapping[str, pl.DataType]) -> None:
        """
        Args:
            made: the columns to make, all of the same others.
            reads: these others with their types.
        """
        self._made = [expression.alias(name) for name, expression in made.items()]
        self._reads = list(reads.items())
        self._young: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._old: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def __call__(self, *values: Any) -> tuple[Any, ...]:
        """The columns of a row with `values`.

        Raises:
            DataError: a step refuses them, or makes a date that no calendar has.
        """
        # 0.0 equals -0.0, and NaN not even itself
        key = tuple(repr(v) if type(v) is float and (not v or math.isnan(v)) else v for v in values)
        found = self._young.get(key) or self._old.get(key)
        if found is None:
            found = self._ask(values)
            if not any(isinstance(value, str) and len(value) > LONGEST for value in values):
                if len(self._young) >= MOST:
                    self._old, self._young = self._young, {}
                self._young[key] = found
        return found

    def _ask(self, values: Sequence[Any]) -> tuple[Any, ...]:
        # twice: a column of one row is a constant to Polars, whose zeros may have another sign than those of many rows
        given = [pl.Series(name, [v, v], kind) for (name, kind), v in zip(self._reads, values, strict=True)]
        made = pl.DataFrame(given).select_seq(self._made)
        for column in made:
            if column.dtype.is_temporal() and not is_in_calendar(column):
                raise DataError(f"column {column.name!r}: give dates of the years 1 to 9999.")
        return tuple(made.row(0))
