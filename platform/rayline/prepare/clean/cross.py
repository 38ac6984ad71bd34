"""Join categories into one: each pair of values met together is a category of its own.

Choose it where two categories act only together (a brand and a model, a weekday and an hour), above all for models that
are linear in their inputs. The joined category has many values: mind `encode`'s `max_size`, or use `hash`. Reference:
Cheng et al., "Wide and Deep Learning for Recommender Systems", 2016, arXiv:1606.07792, section 3.1.
"""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, call, require, require_new


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["text", "whole", "truth"]}

    columns: tuple[str, ...] = Field(min_length=2, max_length=20)
    """The columns to join, two or more; a row that lacks one of them lacks the joined one."""
    into: str = ""
    """Name of the new column; by default the names with `_x_` between them."""

    def build(self) -> Cross:
        return Cross(self)


class Cross(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        columns = self._options.columns
        for name in columns:
            require(schema, name, "text", "number", "boolean", "date")
        into = self._options.into or "_x_".join(columns)
        return {require_new(schema, into): call("cross", schema, *columns)}
