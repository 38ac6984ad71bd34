"""One column's part of a profile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import polars as pl

from rayline.profile import inner
from rayline.profile.values import Values, merge_values

Kind = Literal["number", "text", "boolean", "date", "binary", "sequence"]


@dataclass(frozen=True)
class ColumnProfile:
    """One column over some rows. NaN is missing; infinite numbers are missing too, and counted."""

    name: str
    dtype: str
    """Polars' name: Int64, Float64, String, Boolean, Date, Datetime(…), Binary, List(Float64)."""
    kind: Kind
    count: int
    """Rows with a value."""
    missing: int
    """Rows without one; `count + missing` are all rows."""
    infinite: int
    """Of those missing, rows with an infinite number."""
    minimum: float | int | str | None
    """Smallest value; of dates as ISO text, of text and booleans `None`."""
    maximum: float | int | str | None
    mean: float | None
    """Of numbers, `None` without any value."""
    variance: float | None
    """Of the population: divided by `count`."""
    values: Values
    """Of bytes and lists, hashes of them stand for them."""
    inner: dict[str, Any] | None = None
    """What is within the values: of text see `texts.py`, of bytes `media.py`, of lists `sequences.py`."""

    @property
    def std(self) -> float | None:
        """Square root of `variance`."""
        return None if self.variance is None else math.sqrt(self.variance)

    @property
    def distinct(self) -> int:
        """Distinct values; an estimate where `truncated`."""
        return min(self.values.distinct, self.count)

    @property
    def truncated(self) -> bool:
        """Whether `counts` holds only some of the values."""
        return self.values.truncated

    @cached_property
    def counts(self) -> dict[Any, int]:
        """Value to rows in ascending order of values: all of them, or where `truncated` a fair choice of them."""
        return self.values.as_dict()

    def top(self, most: int = 20) -> list[tuple[Any, int]]:
        """The most frequent of `counts`, ties in ascending order. See `Profile.top` where `truncated`."""
        return sorted(self.counts.items(), key=lambda item: -item[1])[:most]


def kind_of(dtype: pl.DataType) -> Kind:
    """What a column of this Polars type is counted as."""
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Binary:
        return "binary"
    if isinstance(dtype, pl.List | pl.Array):
        return "sequence"
    return "date" if dtype.is_temporal() else "text"


def merge_columns(columns: Sequence[ColumnProfile], values: Values | None = None) -> ColumnProfile:
    """The same column over all the rows; means combined in the order given.

    `values` are the distinct values of all of them, where they are known already.
    """
    first = columns[0]
    assert all(c.dtype == first.dtype for c in columns), f"{first.name} changes its type"
    count, mean, square = 0, 0.0, 0.0
    for column in columns:
        if column.mean is not None and column.variance is not None:
            apart, total = column.mean - mean, count + column.count
            share = column.count / total
            square += column.variance * column.count + apart * apart * count * share
            mean = mean + apart * share if count else column.mean
            count = total
    values = merge_values([c.values for c in columns]) if values is None else values
    return ColumnProfile(
        name=first.name,
        dtype=first.dtype,
        kind=first.kind,
        count=sum(c.count for c in columns),
        missing=sum(c.missing for c in columns),
        infinite=sum(c.infinite for c in columns),
        minimum=min((c.minimum for c in columns if c.minimum is not None), default=None),
        maximum=max((c.maximum for c in columns if c.maximum is not None), default=None),
        mean=mean if count else None,
        variance=square / count if count else None,
        values=values,
        inner=inner.merge(first.kind, [(c.inner, c.values) for c in columns], values),
    )
