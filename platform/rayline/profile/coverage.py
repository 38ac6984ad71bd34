"""Whom the rows cover: counts and target by group, against a declared population, with intervals.

Rows of a single column's groups are exact while its values are all counted (16,384 different ones, 1,024 of fractions);
beyond, and of several columns together, and for all rates of the target, they come from the sample of rows (exact up to
65,536), and the intervals are of the rows looked at. Shares have Wilson's interval (1927), means the normal one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import polars as pl

from rayline.core.category_text import category_text
from rayline.core.errors import DataError, listing, nearest
from rayline.profile._groups import MOST_GROUPS, exact_rows, labelled, texts
from rayline.profile.intervals import rate_interval, wilson
from rayline.profile.population import CROSS, MISSING, OTHERS, Declared, columns_of, declared
from rayline.profile.profile import Profile
from rayline.profile.types import is_classes

FEW = 30
"""Rows of a group below which nothing can be said of it."""
RARE = 0.01
NOTABLE = 0.05
"""How far a share must be from the declared one to be told of, as a part of that or of what it lacks of 1."""


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
    """The largest first, those of a number in its order; missing values last."""
    sampled: bool
    """Whether rows are estimates."""

    @property
    def name(self) -> str:
        return CROSS.join(self.columns)


def coverage(
    profile: Profile,
    by: Sequence[str],
    *,
    population: Mapping[str, Mapping[Any, float]] | None = None,
    target: str | None = None,
    positive: Any = None,
    confidence: float = 0.95,
) -> list[Coverage]:
    """The groups of each column of `by`, and of those together that a population is declared for, or else of all.

    Args:
        profile: of all rows; its private columns cannot be asked for.
        by: columns, sensitive ones for example.
        population: a column, or several (`"sex, city"`), to the share of each of their groups among those the model is
            for (`population.py`); shares add up to 1 at most. Ranges of a number that are declared are its groups.
        target: what is predicted, for the rate in each group.
        positive: the class whose share is told; default: the rarest that a hundredth of the rows have, or the commonest
            where none has.
        confidence: of the intervals.

    Raises:
        DataError: a column that is not there or private, or a population that cannot be.
    """
    for name in [*by, *([target] if target is not None else [])]:
        _check(profile, name)
    said = _populations(profile, by, population or {})
    answer, rate_of = _answer(profile, target, positive)
    watched = _Watched(profile, answer, rate_of, NormalDist().inv_cdf((1 + confidence) / 2))
    together = [one for one in said if len(one) > 1]
    if len(by) > 1 and not together:
        together = [tuple(by)]
    return [_cover(watched, names, said.get(names)) for names in [*((name,) for name in by), *together]]


@dataclass(frozen=True)
class _Watched:
    profile: Profile
    answer: pl.Series | None
    """Of the rows of the sample."""
    rate_of: str | None
    z: float
    """How many standard errors intervals reach."""


def _populations(
    profile: Profile, by: Sequence[str], population: Mapping[str, Mapping[Any, float]]
) -> dict[tuple[str, ...], Declared]:
    """What is declared, by columns."""
    found: dict[tuple[str, ...], Declared] = {}
    for key, shares in population.items():
        names = columns_of(key, profile.columns)
        for name in names:
            _check(profile, name)
            if name not in by:
                raise DataError(f"a population is declared for {name!r}, which is not among the groups: {listing(by)}.")
        if len(set(names)) < len(names) or any(set(names) == set(other) for other in found):
            raise DataError(f"the population of {key!r} names columns twice. Declare each set of columns once.")
        found[names] = declared(key, shares, profile.columns)
    return found


def _cover(watched: _Watched, names: tuple[str, ...], said: Declared | None) -> Coverage:
    profile, answer = watched.profile, watched.answer
    values, spans = (said.values, said.spans) if said is not None else ([()] * len(names), [None] * len(names))
    labels = [labelled(profile, *one) for one in zip(names, values, spans, strict=True)]
    each = {name: label(profile.sample[name]) for name, label in zip(names, labels, strict=True)}
    groups = pl.DataFrame(each).select(pl.concat_str(pl.all(), separator=CROSS).alias("group")).to_series()
    exact = exact_rows(profile, names[0], labels[0]) if len(names) == 1 else None
    looked = len(groups)
    if exact is None and looked == profile.rows:
        exact = dict(groups.value_counts().iter_rows())
    seen = dict(groups.value_counts().iter_rows())
    rates = _rates(watched, groups)
    shares = {} if said is None else said.shares
    found = []
    for value in dict.fromkeys([*(exact or seen), *seen, *shares]):
        hits, of = (seen.get(value, 0), looked) if exact is None else (exact.get(value, 0), profile.rows)
        rows = hits if exact is not None else round(hits * profile.rows / max(looked, 1))
        low, high = wilson(hits, of, watched.z)
        share = rows / max(profile.rows, 1)
        warnings = _warnings(value, rows, (low, share, high), shares.get(value), 0 if exact is not None else looked)
        rate, rate_low, rate_high = rates.get(value, (None, None, None))
        found.append(Group(value, rows, share, low, high, shares.get(value), rate, rate_low, rate_high, warnings))
    last = (MISSING, OTHERS)
    places = _ascending(profile, names, groups, said)
    found.sort(key=lambda group: (group.value in last, places.get(group.value, math.inf), -group.rows, group.value))
    told = [g for n, g in enumerate(found) if n < MOST_GROUPS or g.population is not None or g.value in last]
    known = None if answer is None else answer.cast(pl.Float64).mean()
    whole = float(known) if isinstance(known, int | float) else None
    return Coverage(names, watched.rate_of, whole, tuple(told), exact is None)


def _ascending(profile: Profile, names: tuple[str, ...], groups: pl.Series, said: Declared | None) -> dict[str, float]:
    """Where the groups of one column of numbers stand among its numbers; nothing of other columns."""
    if len(names) > 1 or profile.columns[names[0]].kind != "number":
        return {}
    numbers = pl.DataFrame({"group": groups, "low": profile.sample[names[0]].cast(pl.Float64)})
    lowest: dict[str, float | None] = dict(numbers.group_by("group").agg(pl.col("low").min()).iter_rows())
    spans = () if said is None or said.spans[0] is None else said.spans[0]
    return {group: low for group, low in lowest.items() if low is not None} | {one.text: one.low for one in spans}


def _rates(watched: _Watched, groups: pl.Series) -> dict[str, tuple[float | None, float | None, float | None]]:
    """The rate of the target in each group of the sample, with its interval."""
    if watched.answer is None:
        return {}
    known = pl.DataFrame({"group": groups, "answer": watched.answer.cast(pl.Float64)}).group_by("group")
    facts = known.agg(
        pl.col("answer").count().alias("known"),
        pl.col("answer").mean().alias("rate"),
        pl.col("answer").std(ddof=1).alias("std"),
    )
    shares = watched.rate_of is not None and watched.rate_of.startswith("share")
    return {
        group: rate_interval(rate, std, known, watched.z, shares=shares)
        for group, known, rate, std in facts.iter_rows()
    }


def _warnings(
    value: str, rows: int, interval: tuple[float, float, float], wanted: float | None, looked: int
) -> tuple[str, ...]:
    """Args:
    value: the group.
    rows: it has.
    interval: its share of the rows, between the ends of its interval.
    wanted: the declared share.
    looked: rows that this is estimated from; 0 where all were counted.
    """
    low, share, high = interval
    about = "about " if looked else ""
    if not rows and wanted is not None:
        none = f"none of the {looked:,} rows looked at is" if looked else "no row"
        return (f"{none} of {value!r}, {wanted:.1%} of the population",) if wanted else ()
    found = []
    if rows < FEW and value not in (MISSING, OTHERS):
        found.append(f"{about}{rows} row{' is' if rows == 1 else 's are'} too few to say anything of {value!r}")
    # of many rows any difference is more than chance: one that nobody would mind is none
    matters = wanted is not None and abs(share - wanted) >= NOTABLE * min(wanted, 1 - wanted)
    if wanted is not None and matters and not low <= wanted <= high:
        side = "fewer" if share < wanted else "more"
        told = f"{value!r} is {about}{share:.1%} of the rows, {side} than its {wanted:.1%} of the population"
        found.append(told + (f" (an estimate from {looked:,} rows)" if looked else ""))
    return tuple(found)


def _answer(profile: Profile, target: str | None, positive: Any) -> tuple[pl.Series | None, str | None]:
    """The target as 0 and 1, or as a number, for each row of the sample; and what its mean says."""
    if target is None:
        return None, None
    values = profile.sample[target]
    if not is_classes(profile.columns[target]):
        return values.cast(pl.Float64), f"mean of {target}"
    told = texts(values)
    counted = told.drop_nulls().alias("class").value_counts().sort("count", "class")
    rows: dict[str, int] = dict(counted.iter_rows())
    if not rows:
        return None, None
    scarcest = (name for name, count in rows.items() if count >= RARE * told.count())
    chosen = category_text(positive) if positive is not None else next(scarcest, [*rows][-1])
    if chosen not in rows:
        raise DataError(f"{positive!r} is not a class of {target!r}. Classes: {listing(rows)}.")
    return (told == chosen).cast(pl.Float64), f"share of {chosen}"


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
