"""`min` and `max`: which rows lie beyond them, as Polars expressions.

| limit | columns of numbers | of dates and times | of text |
|---|---|---|---|
| a number | compared | refused | compared where the text is a number; else it breaks the limit |
| a date | refused | compared | compared where the text is a date in ISO form; else it breaks the limit |
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from rayline.core import _expression_values as values
from rayline.core.errors import SpecError
from rayline.core.expressions import whole_match
from rayline.spec.bounds import earliest, latest
from rayline.spec.sections import Expectation

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?"
"""Texts that read as a number, and as a date."""


def beyond(said: Expectation, key: str, column: str, dtype: pl.DataType) -> pl.Expr:
    """Whether a value that is there lies beyond the limit `key`, `min` or `max`.

    Raises:
        SpecError: the column's type has no such limits.
    """
    value, bound = read(said, key, column, dtype), _bound(said, key)
    if key == "min":
        wrong = value < (earliest(bound) if isinstance(bound, dt.date) else bound)
    else:
        wrong = value > (latest(bound) if isinstance(bound, dt.date) else bound)
    return wrong.fill_null(value=True) if dtype == pl.String else wrong


def read(said: Expectation, key: str, column: str, dtype: pl.DataType) -> pl.Expr:
    """What the limit is compared with: numbers, or moments without a zone; null where a text is neither.

    Raises:
        SpecError: as `beyond`.
    """
    bound = _bound(said, key)
    what = "a date" if isinstance(bound, dt.date) else "a number"
    if said.type is not None and said.type not in _TYPES[what]:
        raise SpecError(
            f"data.expect.{column}.{key} is {what}, and the type expected of {column!r} is {said.type}. Leave one out."
        )
    if dtype == pl.String:
        text = pl.col(column).str.strip_chars()
        if what == "a number":
            return pl.when(text.str.contains(whole_match(NUMBER))).then(text.cast(pl.Float64, strict=False))
        moment = values.as_date(values.Value(pl.col(column), "text")).expr
        return pl.when(text.str.contains(whole_match(DATE))).then(moment)
    if what == "a number" and dtype.is_numeric():
        return pl.col(column)
    value = values.column(column, dtype)
    if what == "a date" and value is not None and value.kind == "date":
        return value.expr
    hint = "Give a date, such as 2024-01-31" if dtype.is_temporal() else "Leave it out"
    raise SpecError(
        f"data.expect.{column}.{key} is {what}, and {column!r} holds {dtype}. {hint}, or clean the column first."
    )


_TYPES = {"a number": ("integer", "number", "text"), "a date": ("date", "text")}
"""What a column may be expected to hold beside a limit: texts, too, are compared by what they read as."""


def _bound(said: Expectation, key: str) -> float | dt.date:
    bound = said.min if key == "min" else said.max
    assert bound is not None, "there is a check of what is declared alone"
    return bound
