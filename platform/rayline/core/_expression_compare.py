"""What the expression language compares with what, and as what.

Kinds that differ are refused, but: a number and a truth are numbers, and a text beside a date is read as one. A column
of texts beside a constant that is written as a date is read as dates too: one odd value makes a column of dates one of
texts, and texts have another order. `text(column) < "2024-01-31"` compares as texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

import polars as pl

from rayline.core._expression_arguments import WRITTEN, WrongArgumentError, is_date, unified
from rayline.core._expression_values import Value, as_date, combine, sound

_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}")

ORDERS: dict[type[ast.cmpop], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


def ordered(operation: type[ast.cmpop], values: Sequence[Value], columns: Sequence[bool]) -> Value:
    """`<`, `<=`, `>` or `>=` of two values.

    Args:
        operation: a key of `ORDERS`.
        values: both.
        columns: which of them are columns by themselves.

    Raises:
        WrongArgumentError: they are not of one kind.
    """
    if _dates_as_texts(values, columns):
        values = [as_date(value) for value in values]
    left, right = (sound(value) for value in _alike(values))
    return combine(ORDERS[operation](left.expr, right.expr), "true or false", left, right)


def equal(values: Sequence[Value], columns: Sequence[bool]) -> Value:
    """Whether two values are equal; arguments and errors as of `ordered`."""
    left, right = (sound(value) for value in _alike(values))
    same = left.expr == right.expr
    if _dates_as_texts(values, columns):  # what is no date may be compared as text all the same: it equals none
        dates = [as_date(value).expr for value in values]
        same = (
            pl.when(pl.all_horizontal(date.is_not_null() for date in dates)).then(dates[0] == dates[1]).otherwise(same)
        )
    return combine(same, "true or false", left, right)


def _alike(values: Sequence[Value]) -> list[Value]:
    """Values made comparable."""
    if {value.kind for value in values} == {"date", "text"}:
        for place, value in enumerate(values):
            if isinstance(value.constant, str) and not is_date(value):
                raise WrongArgumentError(place, f"{value.constant!r} is no date. {WRITTEN}")
        return [as_date(value) for value in values]
    try:
        return unified(values)
    except WrongArgumentError as error:
        hint = " number(…) reads a text." if {"number", "text"} <= {value.kind for value in values} else ""
        raise WrongArgumentError(1, f"to compare, {error}{hint}") from None


def _dates_as_texts(values: Sequence[Value], columns: Sequence[bool]) -> bool:
    """Whether a column of texts is compared with a constant that is written as a date."""
    return any(
        column
        and value.kind == "text"
        and isinstance(other.constant, str)
        and bool(_DATE.match(other.constant))
        and is_date(other)
        for value, column, other in zip(values, columns, reversed(values), strict=True)
    )
