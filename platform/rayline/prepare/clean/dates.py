"""Take dates apart: year, month, weekday, hour …, days since a day, and where in its round a month or an hour is.

Choose it wherever a date matters: a model reads no dates, only what is taken of them. `cyclic` adds sine and cosine of
month, day, weekday, dayofyear, hour and minute, so that December is next to January. The date itself stays. One odd
value makes a column of dates one of texts: texts in ISO form are read, and what is no date is refused, or has no parts
(`unparsable: missing`); dates in another form are read by a `cast` before. Reference: ISO 8601 (weekday: Monday is 1);
Mardia and Jupp, "Directional Statistics", 2000, for the circle.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from rayline.core.expressions import compile_expression
from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, call, called, refusing_unread, require, require_new

ROUNDS: dict[str, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "weekday": (1, 7),
    "dayofyear": (1, 366),
    "hour": (0, 24),
    "minute": (0, 60),
}
"""Parts that go round: their first value, and how many there are."""
Part = Literal["year", "month", "day", "weekday", "dayofyear", "hour", "minute"]


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {
        "columns": ["day", "time"],
        "parts": ["year", "month", "weekday", "hour", "dayofyear"],
        "cyclic": True,
        "since": "2000-02-29",
    }

    parts: tuple[Part, ...] = ("year", "month", "weekday")
    """Each becomes a whole number column NAME_PART."""
    cyclic: bool = False
    """Add NAME_PART_sin and NAME_PART_cos for parts that go round."""
    since: dt.date | None = None
    """Add NAME_days: days from this day, with the time of day as a fraction."""
    utc_offset: float = Field(default=0.0, ge=-14.0, le=14.0)
    """Hours that the column's clock is behind the one to read parts by."""
    unparsable: Literal["refuse", "missing"] = "refuse"
    """What becomes of a text that is no date: an error, or missing parts."""

    @model_validator(mode="after")
    def _something(self) -> Config:
        if not self.parts and self.since is None:
            raise ValueError("give parts, or since")
        return self

    def build(self) -> Dates:
        return Dates(self)


class Dates(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        made: dict[str, pl.Expr] = {}
        for name in self._options.columns:
            kind, before = require(schema, name, "date", "text"), set(made)
            for part in self._options.parts:
                value = self._part(name, part, schema)
                made[require_new(schema, f"{name}_{part}")] = value
                if self._options.cyclic and part in ROUNDS:
                    for circle in ("sin", "cos"):
                        made[require_new(schema, f"{name}_{part}_{circle}")] = _on_circle(value, part, circle)
            if self._options.since is not None:
                made[require_new(schema, f"{name}_days")] = _days(name, self._options.since, schema)
            if kind == "text" and self._options.unparsable == "refuse":
                first = next(new for new in made if new not in before)  # all are made together: once is enough
                dtype = pl.Float64() if first == f"{name}_days" else pl.Int64()
                made[first] = refusing_unread(made[first], called("date", schema, name).unread, dtype)
        return made

    def _part(self, name: str, part: Part, schema: pl.Schema) -> pl.Expr:
        if not self._options.utc_offset:
            return call(part, schema, name)
        moved = call("date", schema, name) + dt.timedelta(hours=self._options.utc_offset)
        parts = {"weekday": moved.dt.weekday, "dayofyear": moved.dt.ordinal_day}
        found = parts[part]() if part in parts else getattr(moved.dt, part)()
        return pl.Expr.cast(found, pl.Int64)


def _days(name: str, since: dt.date, schema: pl.Schema) -> pl.Expr:
    quoted = name.replace('"', '\\"')
    return compile_expression(f'days_between("{since.isoformat()}", col("{quoted}"))', schema)


def _on_circle(value: pl.Expr, part: str, circle: str) -> pl.Expr:
    first, count = ROUNDS[part]
    turn = math.sin if circle == "sin" else math.cos
    places = range(first, first + count)
    # a table rounded to 12 digits: sine itself differs in its last bit from one machine's library to another's
    table = {place: round(turn(2.0 * math.pi * (place - first) / count), 12) + 0.0 for place in places}
    return value.replace_strict(table, default=None, return_dtype=pl.Float64)
