"""Take values beyond declared limits as missing, cut them to the limit, or refuse them.

Choose it where physics or the form sets limits: an age of 0 to 120, a share of 0 to 1, a date not before the shop
opened. Limits learnt from the data are `outliers`; limits that stop a run without changing a value are `data.expect`.
Reference: van der Loo and de Jonge, "Statistical Data Cleaning with Applications in R", 2018, chapter 6.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import field_validator, model_validator

from rayline.core.errors import SpecError
from rayline.prepare.clean._cleaner import CleanConfig, EachColumn, refusing, require


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["number", "whole"], "min": -2.5, "max": 40, "beyond": "missing"}

    min: float | dt.date | None = None
    """The least value that can be; a number, or a day for columns of dates."""
    max: float | dt.date | None = None
    """The greatest value that can be; a day counts to its end."""
    beyond: Literal["missing", "clip", "refuse"] = "missing"

    @field_validator("min", "max")
    @classmethod
    def _finite(cls, value: float | dt.date | None) -> float | dt.date | None:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("give a finite limit, or leave it out")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        low, high = self.min, self.max
        if low is None and high is None:
            raise ValueError("give min, max or both")
        if low is not None and high is not None:
            if isinstance(low, dt.date) != isinstance(high, dt.date):
                raise ValueError("min and max must both be numbers or both be days")
            if low > high:  # type: ignore[operator]
                raise ValueError(f"min must not be above max, not {low} and {high}")
        return self

    def build(self) -> Limits:
        return Limits(self)


class Limits(EachColumn[Config]):
    def one(self, name: str, schema: pl.Schema) -> pl.Expr:
        options = self._options
        dates = any(isinstance(limit, dt.date) for limit in (options.min, options.max))
        require(schema, name, "date" if dates else "number")
        column, dtype = pl.col(name), schema[name]
        low, high = self._ends(dtype)
        below = pl.lit(False) if low is None else column < low
        above = pl.lit(False) if high is None else column > high
        if dtype.is_float():  # NaN is a missing value, and to Polars it lies above every limit
            above &= column.is_not_nan()
        if options.beyond == "clip":
            clipped = pl.when(below).then(pl.lit(low)).when(above).then(pl.lit(high)).otherwise(column)
            return clipped.cast(dtype)
        if options.beyond == "missing":
            within = (below | above).not_()
            return pl.when(within & column.is_not_nan() if dtype.is_float() else within).then(column)
        problem = f"column {name!r} holds what is not {_words(options)}"
        return refusing(column, below | above, dtype, problem)

    def _ends(self, dtype: pl.DataType) -> tuple[Any, Any]:
        low, high = self._options.min, self._options.max
        if dtype.is_integer():
            if self._options.beyond == "clip" and any(end is not None and not end.is_integer() for end in (low, high)):  # type: ignore[union-attr]
                raise SpecError("limits of whole numbers must be whole where numbers are cut to them.")
            low = None if low is None else math.ceil(low)  # type: ignore[arg-type]
            high = None if high is None else math.floor(high)  # type: ignore[arg-type]
        elif isinstance(dtype, pl.Datetime):
            # a day counts to its last microsecond
            zone = None if dtype.time_zone is None else dt.UTC
            low = None if low is None else dt.datetime.combine(low, dt.time.min, zone)  # type: ignore[arg-type]
            high = None if high is None else dt.datetime.combine(high, dt.time.max, zone)  # type: ignore[arg-type]
        return low, high


def _words(options: Config) -> str:
    if options.min is None:
        return f"up to {options.max}"
    return f"at least {options.min}" if options.max is None else f"from {options.min} to {options.max}"
