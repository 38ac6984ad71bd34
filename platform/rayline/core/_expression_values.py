"""What a part of an expression is while it is compiled: a Polars expression, its kind, and how sound its numbers are.

Numbers are float64 but for whole ones that nothing was computed from (int64). A non-finite number is turned into a
missing one where it could become finite again, be compared or come out, and a zero loses its sign there if that is not
the same among any number of rows; until then it only taints what it meets.

Polars computes a column of one row as a constant, and by another way: `x / 10` becomes `x * 0.1` over many rows and
not over one, `a ** b` takes other paths. So division and powers work on columns with one more row, taken off again:
never of one row, never a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl

from rayline.core.errors import listing
from rayline.core.moments import TIME, moments

Kind = Literal["number", "true or false", "text", "date", "missing"]

NOTHING = object()


@dataclass(frozen=True)
class Unread:
    """Where texts were to be read as dates, and which are none."""

    columns: tuple[str, ...]
    """That the texts come of."""
    form: str
    """That they were to have; empty: ISO 8601."""
    rows: pl.Expr
    """Whether a row's text is none; false or null where it is one, or missing."""

    def __str__(self) -> str:
        form = f"the form {self.form!r}" if self.form else "ISO form"
        if len(self.columns) == 1:
            return f"column {self.columns[0]!r} holds what is no date in {form}"
        return f"columns {listing(map(repr, self.columns), 4)} together make what is no date in {form}"


@dataclass(frozen=True)
class Value:
    """A part of an expression."""

    expr: pl.Expr
    kind: Kind
    whole: bool = False
    """Numbers: int64, as it came."""
    tainted: bool = False
    """Numbers: may hold infinite values or NaN."""
    signed: bool = False
    """Numbers: zeros among them may have one sign computed together with other rows, and the other computed alone."""
    single: bool = False
    """Reads no column: one value for all rows."""
    constant: Any = NOTHING
    """The value, where it was written out."""
    size: int = 1
    """Operations in it, those of shared parts counted as often as they are used."""
    unread: tuple[Unread, ...] = ()
    """Dates in it that may not be read, where nothing looks at what is missing of them."""


def literal(value: Any) -> Value:
    """A constant of the text."""
    kind: Kind = "missing"
    if isinstance(value, bool):
        kind = "true or false"
    elif isinstance(value, int | float):
        whole = isinstance(value, int) and -(2**63) <= value < 2**63
        expr = pl.lit(value, pl.Int64 if whole else pl.Float64)
        return Value(expr, "number", whole=whole, single=True, constant=value)
    elif isinstance(value, str):
        kind = "text"
    return Value(pl.lit(value), kind, single=True, constant=value)


def column(name: str, dtype: pl.DataType) -> Value | None:
    """A column of the schema; `None` where its type is none that expressions work on."""
    expr = pl.col(name)
    if dtype.is_integer():
        return Value(expr.cast(pl.Int64, strict=False), "number", whole=True)
    if dtype.is_numeric():
        return Value(expr.cast(pl.Float64), "number", tainted=dtype.is_float())
    if dtype == pl.Boolean:
        return Value(expr, "true or false")
    if dtype == pl.Date:
        return Value(expr.cast(TIME), "date")
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is not None:
            expr = expr.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Value(expr.cast(TIME), "date")
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return Value(expr.cast(pl.String), "text")
    if dtype == pl.Null:
        return Value(expr, "missing")
    return None


def combine(expr: pl.Expr, kind: Kind, *parts: Value, **marks: Any) -> Value:
    """A value made from parts."""
    marks.setdefault("signed", kind == "number" and any(part.signed for part in parts))
    marks.setdefault("unread", tuple({id(one): one for part in parts for one in part.unread}.values()))
    size = sum(part.size for part in parts) + 1
    return Value(expr, kind, single=all(part.single for part in parts), size=size, **marks)


def sound(value: Value) -> Value:
    """Non-finite numbers as missing, and zeros of either sign as one."""
    if not (value.tainted or value.signed):
        return value
    made = value.expr
    if value.signed:
        made = pl.when(made == 0.0).then(pl.lit(0.0)).otherwise(made)
    if value.tainted:
        made = pl.when(value.expr.is_finite()).then(made)
    size = (1 + value.signed + value.tainted) * value.size + 1
    return replace(value, expr=made, tainted=False, signed=False, size=size)


def summed(expr: pl.Expr, left: Value, right: Value, *others: Value) -> Value:
    """A sum or difference of two numbers.

    Of `x + 0` and `0 - x` Polars makes `x` and `-x` over many rows, and computes them of one row and of constants:
    zeros then differ in sign. A constant that is not 0 makes no such zero.
    """
    steady = any(isinstance(value.constant, int | float) and value.constant != 0 for value in (left, right))
    return combine(expr, "number", left, right, *others, tainted=True, signed=not steady)


def number(value: Value) -> Value:
    """A number, truth or missing value as float64."""
    if value.kind == "number" and not value.whole:
        return value
    return replace(value, expr=value.expr.cast(pl.Float64), kind="number", whole=False)


def exact(operation: Callable[[pl.Expr, pl.Expr], pl.Expr], left: Value, right: Value) -> pl.Expr:
    """`operation` on two numbers so that a row's result is the same, bit for bit, among any number of rows."""
    if left.single and right.single:
        return operation(left.expr, right.expr)
    columns = [_longer(value, other) for value, other in ((left, right), (right, left))]
    return operation(*columns).slice(0, pl.len())


def _longer(value: Value, other: Value) -> pl.Expr:
    # a constant as a column in full, made from the other's: a repeated value would be taken for the constant it is
    expr = other.expr.is_null().cast(pl.Float64) * 0.0 + value.expr if value.single else value.expr
    return expr.append(pl.lit(1.0))


def as_text(value: Value) -> Value:
    """Any value as the text by which it is known as a category."""
    if value.kind == "text":
        return value
    if value.kind == "number" and not value.whole:
        value = sound(value)
        x = value.expr
        whole = x.cast(pl.Int64, strict=False)
        expr = pl.when(whole.cast(pl.Float64) == x).then(whole.cast(pl.String)).otherwise(x.cast(pl.String))
        return combine(expr, "text", value, value, value)
    if value.kind == "date":
        midnight = value.expr.dt.truncate("1d") == value.expr
        expr = (
            pl.when(midnight)
            .then(value.expr.dt.to_string("%Y-%m-%d"))
            .otherwise(value.expr.dt.to_string("%Y-%m-%d %H:%M:%S%.6f"))
        )
        return combine(expr, "text", value, value, value)
    return combine(value.expr.cast(pl.String), "text", value)


def as_date(value: Value, pattern: str | None = None) -> Value:
    """A text as a date with its time of day; missing, and told of by `unread`, where it is none."""
    if value.kind == "date":
        return value
    text = value.expr.str.strip_chars()
    made = _read(text, pattern) if pattern else moments(value.expr)
    told = value.unread
    if not value.single:
        names = tuple(dict.fromkeys(value.expr.meta.root_names()))
        told = (*told, Unread(names, pattern or "", (text != "") & made.is_null()))
    return combine(made, "date", *[value] * (1 if pattern else 5), unread=told)


def _read(text: pl.Expr, form: str) -> pl.Expr:
    if "%z" in form or "%:z" in form:
        return text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone(None)
    if any(f"%{letter}" in form for letter in "HIMSTRsXcp"):
        return text.str.to_datetime(form, time_unit="us", strict=False)
    return text.str.to_date(form, strict=False).cast(TIME)
