"""What `data.expect` says, as a list of checks, and the Polars expressions of those about single rows.

A value is missing where it is null, NaN, infinite or a blank text. Only `nullable` and `missing_share` look at what
is missing; no other check is broken by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from rayline.core import _expression_values as values
from rayline.core._expression_text import around
from rayline.core.category_text import category_text
from rayline.core.errors import SpecError, listing, nearest
from rayline.core.expressions import Compiled, columns_of, compiled, whole_match
from rayline.core.moments import TIME
from rayline.prepare._expectation_limits import DATE, NUMBER, beyond, read
from rayline.spec.bounds import shown
from rayline.spec.sections import EVERY, Expectation

On = Literal["stop", "warn", "quarantine"]

INTEGER = r"[+-]?[0-9]+(\.0*)?"
"""Texts that read as a whole number."""
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "text": "text",
}

BY_ROW = ("type", "min", "max", "allowed", "nullable", "pattern", "expressions")
"""Checks of a row by itself."""


@dataclass(frozen=True)
class Check:
    """One thing that is expected."""

    column: str
    """`*` for what is said of rows."""
    key: str
    """As the spec names it."""
    on: On
    problem: str
    """What is wrong with a row, or the rows, that break it; shows no value of the data."""
    reads: tuple[str, ...]
    """Columns it looks at."""
    said: Expectation
    text: str = ""
    """The expression, where it is one."""

    @property
    def name(self) -> str:
        """For people: `age.max`, `*.expressions 'low <= high'`."""
        return f"{self.column}.{self.key}" + (f" {self.text!r}" if self.text else "")

    @property
    def kind(self) -> str:
        """What a text is to read as, where a limit or an order is expected of it, or an expression reads a date."""
        if self.key in ("expressions", "increasing"):
            return KINDS["date"]
        bound = self.said.min if self.key == "min" else self.said.max
        return KINDS["date" if isinstance(bound, dt.date) else "number"]

    @property
    def by_row(self) -> bool:
        """Whether a row by itself breaks it."""
        return self.key in BY_ROW


def checks_of(expect: Mapping[str, Expectation]) -> tuple[Check, ...]:
    """Everything that is expected, in the order of the spec."""
    return tuple(check for column, said in expect.items() for check in _checks(column, said))


def _checks(column: str, said: Expectation) -> Iterator[Check]:
    if column == EVERY:
        for text in said.expressions:
            yield Check(column, "expressions", said.on, "found false", columns_of(text), said, text)
        if said.rows is not None:
            yield Check(column, "rows", said.on, "", (), said)
        return
    declared: dict[str, str | None] = {
        "type": said.type and f"not {KINDS[said.type]}",
        "min": None if said.min is None else f"below {shown(said.min)}",
        "max": None if said.max is None else f"above {shown(said.max)}",
        "allowed": None if said.allowed is None else "not allowed",
        "nullable": None if said.nullable else "missing",
        "pattern": said.pattern and f"not of the form {said.pattern}",
        "unique": "a repeated value" if said.unique else None,
        "increasing": {"strictly": "not above one before", True: "below one before"}.get(said.increasing),
        "max_age": said.max_age and f"older than {said.max_age}",
        "missing_share": None if said.missing_share is None else f"missing in more than {said.missing_share:.4g}",
    }
    for key, problem in declared.items():
        if problem is not None:
            yield Check(column, key, said.on, problem, (column,), said)


def prove(checks: tuple[Check, ...], schema: pl.Schema) -> None:
    """Prove that every check can be made of columns of `schema`.

    Raises:
        SpecError: a column that is not there, or of a type that the check is not for.
    """
    for check in checks:
        for column in check.reads:
            if column not in schema and check.column != EVERY:
                raise SpecError(
                    f"data.expect {column!r} is not a column.{nearest(column, schema.names())} "
                    f"Columns: {listing(schema.names(), 40)}."
                )
        if check.by_row:
            broken(check, schema)
        elif check.key in ("increasing", "max_age"):
            order_of(check, schema)
        elif check.key == "unique" and schema[check.column].is_nested():
            raise _unfit(check, schema, "single values")


def absent(column: str, schema: pl.Schema) -> pl.Expr:
    """Whether there is no value."""
    expr, dtype = pl.col(column), schema[column]
    if dtype.is_float():
        return ~expr.is_finite().fill_null(value=False)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return expr.is_null() | (expr.cast(pl.String).str.strip_chars() == "")
    return expr.is_null()


def broken(check: Check, schema: pl.Schema) -> pl.Expr:
    """Whether a row breaks a check of rows by themselves; false or null where it does not.

    Raises:
        SpecError: the column's type is none that the check is for.
    """
    if check.key == "expressions":
        made = _compiled(check, schema)
        if pl.DataFrame(schema=schema).select(made.expr.alias("made")).dtypes != [pl.Boolean]:
            raise SpecError(
                f"data.expect.*.expressions: {around(check.text)!r} is no condition. Compare it, as in x > 0."
            )
        return pl.any_horizontal(made.expr.not_(), *(one.rows for one in made.unread))
    gone = absent(check.column, schema)
    if check.key == "nullable":
        return gone
    return ~gone & _broken_value(check, schema)


def unread(check: Check, schema: pl.Schema) -> pl.Expr | None:
    """Whether there is a text that reads as nothing a limit can be compared with, or as no date where an expression or
    an order reads one; `None` where none could be."""
    if check.key == "expressions":
        found = _compiled(check, schema).unread
        return pl.any_horizontal(one.rows.fill_null(value=False) for one in found) if found else None
    if check.key not in ("min", "max", "increasing") or schema[check.column] != pl.String:
        return None
    if check.key == "increasing":
        return ~absent(check.column, schema) & order_of(check, schema).is_null()
    return ~absent(check.column, schema) & read(check.said, check.key, check.column, schema[check.column]).is_null()


def _compiled(check: Check, schema: pl.Schema) -> Compiled:
    try:
        return compiled(check.text, schema)
    except SpecError as error:
        raise SpecError(f"data.expect.*.expressions: {error}") from None


def _broken_value(check: Check, schema: pl.Schema) -> pl.Expr:
    said, dtype = check.said, schema[check.column]
    if dtype == pl.Null:
        return pl.lit(value=False)
    if check.key == "type":
        return _not_of_type(str(said.type), pl.col(check.column), dtype)
    if check.key in ("min", "max"):
        return beyond(said, check.key, check.column, dtype)
    value = values.column(check.column, dtype)
    if value is None:
        raise _unfit(check, schema, "text, numbers, true and false, or dates")
    if check.key == "pattern":
        return ~values.as_text(value).expr.str.strip_chars().str.contains(whole_match(str(said.pattern)))
    return ~_allowed(said.allowed or (), value, dtype)


def _allowed(allowed: tuple[str, ...], value: values.Value, dtype: pl.DataType) -> pl.Expr:
    texts = [text for text in (category_text(text) for text in allowed) if text is not None]
    if value.kind == "number":
        numbers = [number for number in map(_read, texts) if number is not None]
        whole = [int(number) for number in numbers if float(number).is_integer() and abs(number) < 2**63]
        return value.expr.is_in(whole if dtype.is_integer() else [float(number) for number in numbers])
    if value.kind == "text":
        text = value.expr.str.strip_chars()
        truths = [text for text in texts if text in ("true", "false")]
        return text.is_in(texts) | (text.str.to_lowercase().is_in(truths) if truths else pl.lit(value=False))
    if dtype == pl.Date:
        return pl.col(value.expr.meta.root_names()[0]).dt.to_string("iso").is_in(texts)
    return values.as_text(value).expr.is_in(texts)


def _read(text: str) -> int | float | None:
    """The number whose text as a category this is."""
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if category_text(number) == text:
            return number
    return None


def _not_of_type(kind: str, expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.String:
        text = expr.str.strip_chars()
        if kind == "text":
            return pl.lit(value=False)
        if kind == "boolean":
            return ~text.str.to_lowercase().is_in(["true", "false"])
        reads = text.str.contains(whole_match({"integer": INTEGER, "number": NUMBER, "date": DATE}[kind]))
        if kind == "date":  # the thirtieth of February has the form of a date
            reads &= values.as_date(values.Value(expr, "text")).expr.is_not_null()
        return ~reads
    if kind == "integer" and dtype.is_float():
        return expr != expr.floor()
    fits = {
        "integer": dtype.is_integer(),
        "number": dtype.is_numeric(),
        "boolean": dtype == pl.Boolean,
        "date": dtype.is_temporal(),
        "text": dtype in (pl.Categorical, pl.Enum),
    }[kind]
    return pl.lit(not fits)


def order_of(check: Check, schema: pl.Schema) -> pl.Expr:
    """The values of a column that has an order: numbers as they are, dates and texts of ISO form as Datetime.

    Raises:
        SpecError: the column holds something else.
    """
    dtype = schema[check.column]
    if dtype == pl.Null:
        return pl.col(check.column).cast(TIME)
    if dtype.is_numeric() and check.key == "increasing":
        value = values.column(check.column, dtype)
        assert value is not None
        return values.sound(value).expr
    if dtype.is_temporal() or dtype == pl.String:
        value = values.column(check.column, dtype)
        if value is not None:
            return values.as_date(value).expr
    raise _unfit(check, schema, "dates" if check.key == "max_age" else "dates or numbers")


def _unfit(check: Check, schema: pl.Schema, wanted: str) -> SpecError:
    return SpecError(
        f"data.expect.{check.column}.{check.key} is for {wanted}, and {check.column!r} holds {schema[check.column]}. "
        "Leave it out, or clean the column first."
    )


def is_strict(check: Check) -> bool:
    """Whether an equal value breaks the order, too."""
    return check.said.increasing == "strictly"
