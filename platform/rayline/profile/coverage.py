"""Whom the rows cover: counts and target by group, against a declared population, with intervals.

Rows of a single column's values are exact while they are all counted; of ranges of numbers, of several columns
together, and all rates of the target, they come from the sample of rows (exact up to 65,536) and the intervals are of
the rows looked at. Shares have Wilson's interval (1927), means the normal one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from rayline.core.category_text import category_text
from rayline.core.errors import DataError, listing, nearest
from rayline.profile.association import is_classes
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile

FEW = 30
"""Rows of a group below which nothing can be said of it."""
MOST_GROUPS = 30
FEW_NUMBERS = 10
"""Numbers with up to so many values are groups by value, else by quartile."""
RARE = 0.01
MISSING = "missing"
OTHERS = "other values"


@dataclass(frozen=True)
class Group:
    """The rows of one group."""

    value: str
    rows: int
    share: float
    """Of all rows; `low` to `high`: its interval."""
    low: float
    high: float
    population: float | None
    """The declared share, where one was declared."""
    rate: float | None
    """Share of the watched class, or mean of the target, in the group; `None` without target or rows."""
    rate_low: float | None
    rate_high: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """The groups of one column, or of several together."""

    columns: tuple[str, ...]
    rate_of: str | None
    """What `rate` says: `share of yes`, `mean of price`."""
    whole: float | None
    """The rate over all rows."""
    groups: tuple[Group, ...]
    """The largest first, missing values last."""
    sampled: bool
    """Whether rows are estimates."""

    @property
    def name(self) -> str:
        return " × ".join(self.columns)


def coverage(
    profile: Profile,
    by: Sequence[str],
    *,
    population: Mapping[str, Mapping[Any, float]] | None = None,
    target: str | None = None,
    positive: Any = None,
    confidence: float = 0.95,
) -> list[Coverage]:
    """The groups of each column of `by`, and of all of them together where they are several.

    Args:
        profile: of all rows; its private columns cannot be asked for.
        by: columns, sensitive ones for example.
        population: column to the share of each of its values among those the model is for; shares add up to 1 at most.
        target: what is predicted, for the rate in each group.
        positive: the class whose share is told; default: the rarest that a hundredth of the rows have.
        confidence: of the intervals.

    Raises:
        DataError: a column that is not there or private, or a population that cannot be.
    """
    population = population or {}
    for name in [*by, *population, *([target] if target is not None else [])]:
        _check(profile, name)
    for name, shares in population.items():
        _check_shares(name, shares)
        if name not in by:
            raise DataError(f"a population is declared for {name!r}, which is not among the groups: {listing(by)}.")
    answer, rate_of = _answer(profile, target, positive)
    labels = {name: _labels(profile, name) for name in by}
    found = [_cover(profile, (name,), labels[name], population.get(name), answer, rate_of, confidence) for name in by]
    if len(by) > 1:
        every = pl.DataFrame(labels).select(pl.concat_str(pl.all(), separator=" × ")).to_series()
        found.append(_cover(profile, tuple(by), every, None, answer, rate_of, confidence))
    return found


def _cover(
    profile: Profile,
    names: tuple[str, ...],
    labels: pl.Series,
    population: Mapping[Any, float] | None,
    answer: pl.Series | None,
    rate_of: str | None,
    confidence: float,
) -> Coverage:
    frame = pl.DataFrame({"group": labels, "answer": answer if answer is not None else pl.Series([None] * len(labels))})
    counted = frame.group_by("group").agg(
        pl.len().alias("seen"),
        pl.col("answer").cast(pl.Float64).count().alias("known"),
        pl.col("answer").cast(pl.Float64).mean().alias("rate"),
        pl.col("answer").cast(pl.Float64).std(ddof=1).alias("std"),
    )
    exact = _exact(profile, names, counted["group"].to_list())
    scale = profile.rows / max(len(labels), 1)
    declared = {category_text(value): float(share) for value, share in (population or {}).items()}
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shares = rate_of is not None and rate_of.startswith("share")
    groups = []
    for row in counted.iter_rows(named=True):
        value, seen = row["group"], row["seen"]
        rows = exact[value] if exact is not None else round(seen * scale)
        of = profile.rows if exact is not None else len(labels)
        low, high = wilson(rows if exact is not None else seen, of, z)
        share = rows / max(profile.rows, 1)
        rate, rate_low, rate_high = _rate(row["rate"], row["std"], row["known"], z, shares=shares)
        wanted = declared.get(value)
        warnings = _warnings(value, rows, share, (low, high), wanted)
        groups.append(Group(value, rows, share, low, high, wanted, rate, rate_low, rate_high, warnings))
    for value, wanted in declared.items():
        if value not in {group.value for group in groups} and value is not None:
            low, high = wilson(0, profile.rows, z)
            absent = (f"no row of {value!r}, {wanted:.1%} of the population",)
            groups.append(Group(value, 0, 0.0, low, high, wanted, None, None, None, absent))
    groups.sort(key=lambda group: (group.value in (MISSING, OTHERS), -group.rows, group.value))
    known = None if answer is None else answer.cast(pl.Float64).mean()
    whole = float(known) if isinstance(known, int | float) else None
    return Coverage(names, rate_of, whole, tuple(groups[:MOST_GROUPS]), exact is None and len(labels) < profile.rows)


def wilson(hits: int, of: int, z: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not of:
        return 0.0, 1.0
    p, n = hits / of, of
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _rate(
    rate: float | None, std: float | None, known: int, z: float, *, shares: bool
) -> tuple[float | None, float | None, float | None]:
    if rate is None or not known:
        return None, None, None
    if shares:
        return rate, *wilson(round(rate * known), known, z)
    if std is None:
        return rate, None, None
    return rate, rate - z * std / math.sqrt(known), rate + z * std / math.sqrt(known)


def _warnings(
    value: str, rows: int, share: float, interval: tuple[float, float], wanted: float | None
) -> tuple[str, ...]:
    found = []
    if rows < FEW and value not in (MISSING, OTHERS):
        found.append(f"{rows} row{' is' if rows == 1 else 's are'} too few to say anything of {value!r}")
    if wanted is not None and not interval[0] <= wanted <= interval[1]:
        side = "fewer" if share < wanted else "more"
        found.append(f"{value!r} is {share:.1%} of the rows, {side} than its {wanted:.1%} of the population")
    return tuple(found)


def _answer(profile: Profile, target: str | None, positive: Any) -> tuple[pl.Series | None, str | None]:
    """The target as 0 and 1, or as a number, for each row of the sample; and what its mean says."""
    if target is None:
        return None, None
    values = profile.sample[target]
    if not is_classes(profile, target):
        return values.cast(pl.Float64), f"mean of {target}"
    texts = _texts(values)
    rows = texts.drop_nulls().value_counts().sort("count", target)
    if not rows.height:
        return None, None
    some = rows.filter(pl.col("count") >= RARE * texts.count())
    chosen = category_text(positive) if positive is not None else str(some[target][0])
    if chosen not in rows[target].to_list():
        raise DataError(f"{positive!r} is not a class of {target!r}. Classes: {listing(rows[target].to_list())}.")
    return (texts == chosen).cast(pl.Float64), f"share of {chosen}"


def _labels(profile: Profile, name: str) -> pl.Series:
    """The group of each row of the sample, in words."""
    column, values = profile.columns[name], profile.sample[name]
    if column.kind == "number" and column.count and (column.truncated or column.distinct > FEW_NUMBERS):
        told = _ranges(values, profile.quantile(name, (0.25, 0.5, 0.75)), whole="Int" in column.dtype)
    else:
        told = _texts(values)
        ranked = told.drop_nulls().value_counts().sort(["count", name], descending=[True, False])
        rare = ranked[name].slice(MOST_GROUPS - 2)
        told = told.replace(rare, pl.Series([OTHERS] * len(rare), dtype=pl.String)) if len(rare) else told
    return told.fill_null(MISSING)


def _ranges(values: pl.Series, cuts: FloatArray, *, whole: bool) -> pl.Series:
    """The range between cuts that each number lies in."""
    cuts = np.unique(np.floor(cuts) if whole else cuts)
    starts = [f"{cut + 1:g}" if whole else f"over {cut:g}" for cut in cuts.tolist()]
    names = [f"up to {cuts[0]:g}", *(f"{a} to {b:g}" for a, b in zip(starts[:-1], cuts[1:].tolist(), strict=True))]
    names.append(f"{starts[-1]} and more" if whole else starts[-1])
    numbers = values.cast(pl.Float64).fill_null(math.nan).to_numpy()
    places = np.searchsorted(cuts, numbers, side="left")
    told = [None if math.isnan(x) else names[at] for x, at in zip(numbers.tolist(), places.tolist(), strict=True)]
    return pl.Series(values.name, told, dtype=pl.String)


def _texts(values: pl.Series) -> pl.Series:
    distinct = values.drop_nulls().unique()
    texts = [category_text(value) for value in distinct.to_list()]
    if not len(distinct):
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    return values.replace_strict(distinct, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)


def _exact(profile: Profile, names: tuple[str, ...], groups: Sequence[str]) -> dict[str, int] | None:
    """Exact rows of each group, where every value of the column was counted."""
    column = profile.columns[names[0]]
    if len(names) > 1 or column.truncated or column.kind not in ("text", "boolean", "number"):
        return None
    rows: dict[str, int] = {MISSING: column.missing}
    for value, count in column.counts.items():
        text = category_text(value) or MISSING
        rows[text] = rows.get(text, 0) + count
    named = {group for group in groups if group != OTHERS}
    if not named <= set(rows):
        return None
    return {group: rows[group] for group in named} | {
        OTHERS: sum(c for v, c in rows.items() if v not in named and v != MISSING)
    }


def _check(profile: Profile, name: str) -> None:
    if name not in profile.columns:
        raise DataError(
            f"{name!r} is not a column.{nearest(name, profile.columns)} Columns: {listing(profile.columns)}."
        )
    if name in profile.private:
        raise DataError(f"{name!r} is private: its groups cannot be shown. Declare it sensitive instead of private.")
    if profile.columns[name].kind in ("binary", "sequence"):
        raise DataError(
            f"{name!r} holds {profile.columns[name].kind} values, which make no groups. Name another column."
        )


def _check_shares(name: str, shares: Mapping[Any, float]) -> None:
    numbers = list(shares.values())
    usable = all(isinstance(share, int | float) and 0 <= share <= 1 for share in numbers)
    if not usable or not 0 < sum(numbers) <= 1 + 1e-6:
        raise DataError(
            f"the population of {name!r} is {dict(shares)!r}. Give the share of each value, between 0 and 1, "
            "adding up to 1 at most: {sex: {Female: 0.51, Male: 0.49}}."
        )
