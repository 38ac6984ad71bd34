"""The group of each row by one column: its value, the range of numbers it lies in, or `other values`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from rayline.core.category_text import category_text
from rayline.profile.moments import FloatArray
from rayline.profile.population import FEW_NUMBERS, MISSING, OTHERS, Span
from rayline.profile.profile import Profile

MOST_GROUPS = 30

Label = Callable[[pl.Series], pl.Series]
"""Values of a column to their groups, in words, without null."""


def labelled(profile: Profile, name: str, named: Sequence[str] = (), spans: Sequence[Span] | None = None) -> Label:
    """How values of a column are grouped.

    Args:
        profile: of all rows.
        name: the column.
        named: values that are groups however rare they are.
        spans: the ranges that are its groups, in ascending order; default: quartiles, or values where they are few.
    """
    column, values = profile.columns[name], profile.sample[name]
    if spans is not None:
        return lambda given: _within(given, spans)
    if column.kind == "number" and values.count() and (column.truncated or column.distinct > FEW_NUMBERS):
        whole = "Int" in column.dtype
        cuts = np.asarray(profile.quantile(name, (0.25, 0.5, 0.75)))
        cuts = np.unique(np.floor(cuts) if whole else cuts)
        return lambda given: _ranges(given, cuts, whole=whole)
    counted = texts(values).drop_nulls().alias("value").value_counts()
    ranked = counted.sort("count", "value", descending=[True, False])["value"]
    kept = {*ranked.head(MOST_GROUPS - 2).to_list(), *named}
    return lambda given: _kept(texts(given), kept)


def exact_rows(profile: Profile, name: str, label: Label) -> dict[str, int] | None:
    """The rows of each group, where every value of the column was counted; else `None`."""
    column = profile.columns[name]
    if column.truncated or column.kind not in ("text", "boolean", "number"):
        return None
    rows: dict[str, int] = {MISSING: column.missing}
    if column.counts:
        values = pl.Series(name, list(column.counts), dtype=profile.sample.schema[name], strict=False)
        for group, count in zip(label(values).to_list(), column.counts.values(), strict=True):
            rows[group] = rows.get(group, 0) + count
    return {group: count for group, count in rows.items() if count}


def texts(values: pl.Series) -> pl.Series:
    """Values as `category_text` has them; times of day, which it does not know, as `12:30:00`."""
    values = values.cast(pl.String) if values.dtype == pl.Time else values
    distinct = values.drop_nulls().unique()
    told = [category_text(value) for value in distinct.to_list()]
    if not len(distinct):
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    return values.replace_strict(distinct, pl.Series(told, dtype=pl.String), default=None, return_dtype=pl.String)


def _kept(told: pl.Series, kept: set[str]) -> pl.Series:
    rare = [value for value in told.drop_nulls().unique().to_list() if value not in kept]
    told = told.replace(rare, pl.Series([OTHERS] * len(rare), dtype=pl.String)) if rare else told
    return told.fill_null(MISSING)


def _within(values: pl.Series, spans: Sequence[Span]) -> pl.Series:
    """The range that each number lies in; `spans` ascend and do not overlap."""
    numbers = _numbers(values)
    lows, highs = np.array([span.low for span in spans]), np.array([span.high for span in spans])
    at = np.searchsorted(lows, numbers, side="right") - 1
    inside = (at >= 0) & (numbers <= highs[at])
    names = np.array([*(span.text for span in spans), OTHERS, MISSING], dtype=object)
    place = np.where(np.isnan(numbers), len(spans) + 1, np.where(inside, at, len(spans)))
    return pl.Series(values.name, names[place].tolist(), dtype=pl.String)


def _ranges(values: pl.Series, cuts: FloatArray, *, whole: bool) -> pl.Series:
    """The range between cuts that each number lies in."""
    ends = [f"{cut:.0f}" for cut in cuts] if whole else _told_apart(cuts)
    starts = [f"{cut + 1:.0f}" for cut in cuts] if whole else [f"over {end}" for end in ends]
    names = [f"up to {ends[0]}", *(a if a == b else f"{a} to {b}" for a, b in zip(starts[:-1], ends[1:], strict=True))]
    names.append(f"{starts[-1]} and more" if whole else starts[-1])
    numbers = _numbers(values)
    places = np.searchsorted(cuts, numbers, side="left")
    told = [MISSING if math.isnan(x) else names[at] for x, at in zip(numbers.tolist(), places.tolist(), strict=True)]
    return pl.Series(values.name, told, dtype=pl.String)


def _told_apart(cuts: FloatArray) -> list[str]:
    """Numbers with as many digits as tell them apart, six at least."""
    told = ([f"{cut:.{digits}g}" for cut in cuts] for digits in range(6, 18))
    return next(names for names in told if len(set(names)) == len(cuts))


def _numbers(values: pl.Series) -> FloatArray:
    return values.cast(pl.Float64).fill_null(math.nan).to_numpy()
