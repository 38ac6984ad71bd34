"""Read a column as another type: text as numbers, truths or dates, numbers as text.

Choose it where a file says the type in its own way: decimal commas, "yes" and "no", 31.01.2024, codes that are no
quantities. What cannot be read is refused, or becomes missing (`unparsable: missing`). Reference: ISO 8601 for dates
without a `format`; `format` is that of strftime.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import model_validator

from rayline.core.errors import SpecError
from rayline.prepare.clean._cleaner import CleanConfig, EachColumn, Kind, call, refusing, require

DTYPES: dict[str, pl.DataType] = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "time": pl.Datetime("us"),
}


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["digits"], "to": "number", "unparsable": "missing"}

    to: Literal["number", "integer", "text", "boolean", "date", "time"]
    """What the values are: number, integer, text, boolean, date, or time (a date with its time of day)."""
    unparsable: Literal["refuse", "missing"] = "refuse"
    """What becomes of a value that is none of the type: an error, or missing."""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'", "_"] = ""
    """What stands between groups of three digits."""
    format: str = ""
    """Of dates, such as `%d.%m.%Y` or `%d/%m/%Y %H:%M`; without it ISO forms are read."""
    true: tuple[str, ...] = ("true", "yes", "y", "t", "1", "on")
    """Texts that mean true, in any case."""
    false: tuple[str, ...] = ("false", "no", "n", "f", "0", "off")

    @model_validator(mode="after")
    def _apart(self) -> Config:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands must differ")
        both = {text.lower() for text in self.true} & {text.lower() for text in self.false}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} cannot mean both true and false")
        if self.format and "%" not in self.format:
            raise ValueError(f"{self.format!r} is no form of a date; one is '%d.%m.%Y'")
        return self

    def build(self) -> Cast:
        return Cast(self)


class Cast(EachColumn[Config]):
    def one(self, name: str, schema: pl.Schema) -> pl.Expr:
        options = self._options
        kind = require(schema, name, "text", "number", "boolean", "date")
        dtype = DTYPES[options.to]
        if schema[name] == dtype:
            return pl.col(name)
        made = self._made(name, kind, schema)
        given = pl.col(name).is_not_null()
        if kind == "text":
            given &= pl.col(name).str.strip_chars() != ""
        elif schema[name].is_float():
            given &= pl.col(name).is_finite()
        if options.unparsable == "missing":
            return made
        problem = f"column {name!r} holds what is no {_words(options)}"
        return refusing(made, made.is_null() & given, dtype, problem)

    def _made(self, name: str, kind: Kind, schema: pl.Schema) -> pl.Expr:
        to, column = self._options.to, pl.col(name)
        text = column.str.strip_chars() if kind == "text" else call("text", schema, name)
        if to == "text":
            return text
        if to == "boolean":
            return self._boolean(text)
        if to in ("date", "time"):
            return self._date(name, kind, text, schema)
        if kind == "date":
            raise SpecError(f"column {name!r} holds dates, which are no {to}. Take their parts by `dates`.")
        if to == "integer" and schema[name].is_integer():
            return column.cast(pl.Int64)
        written = self._written(text) if kind == "text" else column
        read = written.cast(pl.Float64, strict=False)
        read = pl.when(read.is_finite()).then(read)
        if to == "number":
            return read
        whole = read.cast(pl.Int64, strict=False)
        whole = pl.when(whole.cast(pl.Float64) == read).then(whole)
        # by a float, whole numbers beyond 2^53 would become others: an account number another account's
        return pl.coalesce(written.cast(pl.Int64, strict=False), whole) if kind == "text" else whole

    def _written(self, text: pl.Expr) -> pl.Expr:
        """Texts that are numbers, as Polars reads them; others are missing."""
        decimal, thousands = (re.escape(sign) for sign in (self._options.decimal, self._options.thousands))
        groups = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|" if thousands else ""
        # Polars reads more than this, such as inf and 1_000: a file's own way of writing is declared or refused
        written = rf"^[+-]?(?:(?:{groups}\d+)(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?$"
        plain = text.str.replace_all(self._options.thousands, "", literal=True) if thousands else text
        plain = plain.str.replace_all(self._options.decimal, ".", literal=True)
        return pl.when(text.str.contains(written)).then(plain)

    def _boolean(self, text: pl.Expr) -> pl.Expr:
        lowered = text.str.to_lowercase()
        trues, falses = ([word.lower() for word in words] for words in (self._options.true, self._options.false))
        return pl.when(lowered.is_in(trues)).then(pl.lit(True)).when(lowered.is_in(falses)).then(pl.lit(False))

    def _date(self, name: str, kind: Kind, text: pl.Expr, schema: pl.Schema) -> pl.Expr:
        dtype = DTYPES[self._options.to]
        form = self._options.format
        if kind == "date":
            return call("date", schema, name).cast(dtype)
        if not form:
            if kind != "text":
                raise SpecError(f"column {name!r} holds {kind}s; say how they are dates by format, such as '%Y%m%d'.")
            return call("date", schema, name).cast(dtype)
        if "%z" in form or "%:z" in form:
            read = text.str.to_datetime(form, time_unit="us", strict=False).dt.convert_time_zone("UTC")
            return read.dt.replace_time_zone(None).cast(dtype)
        if any(f"%{letter}" in form for letter in "HIMSTRsXcp"):
            return text.str.to_datetime(form, time_unit="us", strict=False).cast(dtype)
        return text.str.to_date(form, strict=False).cast(dtype)


def _words(options: Config) -> str:
    if options.to in ("date", "time"):
        return f"{options.to} in the form {options.format!r}" if options.format else f"{options.to} in ISO form"
    if options.to == "boolean":
        return "true or false by the words declared"
    return {"integer": "whole number"}.get(options.to, options.to)
