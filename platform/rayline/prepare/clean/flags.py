"""Add a column that says where another is missing, before anything is filled or dropped.

Choose it where lacking a value tells something (a test not taken, an income not given) and the column's imputer has no
`indicator`, for text, dates and images above all. Reference: Little and Rubin, "Statistical Analysis with Missing
Data", 2019, section 4.2.
"""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, kind_of, require, require_new


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["text", "number", "truth", "day"]}

    suffix: str = Field(default="_missing", min_length=1)
    """The new columns are called NAME + suffix; they are true where the value is missing or a blank text."""

    def build(self) -> Flags:
        return Flags(self)


class Flags(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        return {
            require_new(schema, name + self._options.suffix): self._missing(name, schema)
            for name in self._options.columns
        }

    def _missing(self, name: str, schema: pl.Schema) -> pl.Expr:
        require(schema, name, "text", "number", "boolean", "date", "bytes", "sequence")
        column = pl.col(name)
        missing = column.is_null()
        if kind_of(schema[name]) == "text":
            missing |= (column.str.strip_chars() == "").fill_null(value=True)
        elif schema[name].is_float():
            missing |= column.is_finite().not_().fill_null(value=True)
        return missing
