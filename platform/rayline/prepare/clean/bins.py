"""Turn numbers into ranges between declared edges.

Choose it where only the range matters and its edges are known: age groups, tax brackets, clinical thresholds. It
throws away what lies within a range; a network usually does better with the number. A range holds its lower edge:
`[18, 65)`. Reference: Dougherty, Kohavi and Sahami, "Supervised and Unsupervised Discretization of Continuous
Features", ICML 1995.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, model_validator

from rayline.core.ranges import range_names
from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, require, require_new


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["number", "whole"], "edges": [-1.5, 0, 10], "suffix": "_range"}

    edges: tuple[float, ...] = Field(min_length=1, max_length=1000)
    """Where ranges begin, rising; numbers below the first make a range too."""
    labels: tuple[str, ...] = ()
    """Names of the ranges, one more than edges; by default `<18`, `[18, 65)`, `>=65`."""
    suffix: str = ""
    """Makes new columns NAME + suffix; without it the ranges take the numbers' place."""

    @model_validator(mode="after")
    def _rising(self) -> Config:
        if not all(low < high for low, high in pairwise(self.edges)):
            raise ValueError(f"edges must rise, not {list(self.edges)}")
        if self.labels and (len(self.labels) != len(self.edges) + 1 or len(set(self.labels)) != len(self.labels)):
            raise ValueError(
                f"{len(self.edges)} edges make {len(self.edges) + 1} ranges: give as many different labels"
            )
        return self

    def build(self) -> Bins:
        return Bins(self)


class Bins(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        made = {}
        for name in self._options.columns:
            require(schema, name, "number")
            into = name + self._options.suffix
            made[require_new(schema, into) if self._options.suffix else name] = self._ranges(pl.col(name))
        return made

    def _ranges(self, column: pl.Expr) -> pl.Expr:
        edges = self._options.edges
        labels = self._options.labels or range_names(edges)
        number = column.cast(pl.Float64)
        place = pl.sum_horizontal((number >= edge).cast(pl.Int64) for edge in edges)
        known = pl.when(number.is_finite()).then(place)
        return known.replace_strict(dict(enumerate(labels)), default=None, return_dtype=pl.String)
