"""A declared population: whom a model is for, as shares of the groups of a column or of several together.

    sex: {Female: 0.51, Male: 0.49}                            values
    age: {up to 17: 0.2, 18 to 64: 0.6, 65 and more: 0.2}      ranges of a number
    sex, age: {"Female, 18 to 64": 0.3, "Male, over 64": 0.1}  combinations, in the order of their columns

`missing` is the group of rows without a value. Where a name or a value holds a comma, ` × ` stands between the parts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from rayline.core.category_text import category_text
from rayline.core.errors import DataError, listing
from rayline.core.shown import shown
from rayline.profile.column import ColumnProfile

MISSING = "missing"
OTHERS = "other values"
FEW_NUMBERS = 10
"""Numbers with up to so many values are groups by value, else by range."""
CROSS = " × "
RANGES = "'18 to 35' (both within), '18 to under 35', 'over 18 to 35', 'up to 17', 'under 18', 'over 60', '60 and more'"

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_RANGE = re.compile(
    rf"(?P<over>over )?(?P<low>{_NUMBER}) to (?P<under>under )?(?P<high>{_NUMBER})|up to (?P<most>{_NUMBER})"
    rf"|under (?P<below>{_NUMBER})|over (?P<above>{_NUMBER})|(?P<least>{_NUMBER}) and more|(?P<one>{_NUMBER})",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Span:
    """The numbers from `low` to `high`, both within."""

    text: str
    """As it was declared."""
    low: float
    high: float


@dataclass(frozen=True)
class Declared:
    """The declared shares of the groups of `columns`."""

    columns: tuple[str, ...]
    shares: dict[str, float]
    """Group, as `Coverage` names it, to its share of the population."""
    values: tuple[tuple[str, ...], ...]
    """By column: the values that are named."""
    spans: tuple[tuple[Span, ...] | None, ...]
    """By column: the ranges that its values are; `None` where they are values."""


def columns_of(key: str, columns: Collection[str]) -> tuple[str, ...]:
    """The columns that a key of a population names: itself where there is such a column, else its parts.

    >>> columns_of("sex, city", ["sex", "city"]), columns_of("sex, city", ["sex, city"])
    (('sex', 'city'), ('sex, city',))
    """
    return (key,) if key in columns or not isinstance(key, str) else _parts(key)


def declared(key: str, shares: Mapping[Any, float], columns: Mapping[str, ColumnProfile]) -> Declared:
    """What the population of `key` says of groups.

    Args:
        key: a column, or several.
        shares: of each group, adding up to 1 at most.
        columns: the profiled ones, among them those of `key`.

    Raises:
        DataError: shares that cannot be, a group that is none of these columns', one that is named twice, or ranges
            that overlap or hold nothing.
    """
    check_shares(key, shares)
    names = columns_of(key, columns)
    by_group: dict[tuple[str, ...], float] = {}
    for given, share in shares.items():
        group = _group(key, given, names)
        if group in by_group:
            raise DataError(f"the population of {key!r} names {CROSS.join(group)!r} twice. Give each group one share.")
        by_group[group] = float(share)
    values = tuple(tuple(dict.fromkeys(group[n] for group in by_group)) for n in range(len(names)))
    spans = tuple(_spans(key, columns[name], said) for name, said in zip(names, values, strict=True))
    return Declared(names, {CROSS.join(group): share for group, share in by_group.items()}, values, spans)


def check_shares(key: str, shares: Mapping[Any, float]) -> None:
    """Raises:
    DataError: shares that are none, or more than 1 together.
    """
    numbers = list(shares.values())
    usable = all(type(share) in (int, float) and 0 <= share <= 1 for share in numbers)
    if not usable or not 0 < sum(numbers) <= 1 + 1e-6:
        raise DataError(
            f"the population of {key!r} is {shown(dict(shares), 200)}. Give the share of each group, between 0 and 1, "
            "adding up to 1 at most: {sex: {Female: 0.51, Male: 0.49}}."
        )


def _group(key: str, given: Any, names: Sequence[str]) -> tuple[str, ...]:
    """The value of each column that names a group."""
    parts = _parts(given) if len(names) > 1 and isinstance(given, str) else (given,)
    if len(parts) != len(names):
        raise DataError(
            f"the population of {key!r} names {given!r}, which is not one value of each of {listing(names)}. Give "
            f"them in this order, as '{', '.join('VALUE' for _ in names)}', or with '{CROSS}' between them where a "
            "value holds a comma."
        )
    return tuple(category_text(part) or MISSING for part in parts)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(CROSS if CROSS in text else ","))


def _spans(key: str, column: ColumnProfile, said: Sequence[str]) -> tuple[Span, ...] | None:
    """The ranges that are said of a column of numbers; `None` where its values are."""
    if column.kind != "number":
        return None
    said = [text for text in said if text not in (MISSING, OTHERS)]
    few = not column.truncated and column.distinct <= FEW_NUMBERS
    if not said or (few and all(re.fullmatch(_NUMBER, text, re.IGNORECASE) for text in said)):
        return None
    spans = sorted((_span(key, column, text) for text in said), key=lambda span: span.low)
    for one, other in pairwise(spans):
        if other.low <= one.high:
            raise DataError(
                f"the population of {key!r} names {one.text!r} and {other.text!r}, which overlap. Give ranges that "
                f"do not: both ends are within one, unless it says over or under. Allowed: {RANGES}."
            )
    return tuple(spans)


def _span(key: str, column: ColumnProfile, text: str) -> Span:
    found = _RANGE.fullmatch(" ".join(text.split()))
    if found is None:
        raise DataError(
            f"the population of {key!r} names {text!r}, which is no range of the numbers of {column.name!r}. "
            f"Give {RANGES}, a number, or {MISSING}."
        )
    part = {name: None if value is None else float(value) for name, value in found.groupdict().items() if
            name not in ("over", "under")}  # fmt: skip
    low = _first(part["low"], part["above"], part["least"], part["one"], -math.inf)
    high = _first(part["high"], part["most"], part["below"], part["one"], math.inf)
    after = found["over"] is not None or part["above"] is not None
    before = found["under"] is not None or part["below"] is not None
    low, high = _closed(low, high, column.dtype, after=after, before=before)
    if low > high:
        raise DataError(
            f"the population of {key!r} names {text!r}, which holds no number"
            f"{' of whole ones' if _whole(column.dtype) else ''}. Give the lower end first: '18 to 35'."
        )
    return Span(text, low, high)


def _closed(low: float, high: float, dtype: str, *, after: bool, before: bool) -> tuple[float, float]:
    """The first and the last number of a column's type that lie within."""
    if _whole(dtype):
        if math.isfinite(low):
            low = math.floor(low) + 1.0 if after else float(math.ceil(low))
        if math.isfinite(high):
            high = math.ceil(high) - 1.0 if before else float(math.floor(high))
        return low, high
    # of the column's own width: a float32 of 0.1 is more than 0.1
    of = np.float32 if dtype == "Float32" else np.float64
    least, most = of(low), of(high)
    least = np.nextafter(least, of(np.inf)) if after else least
    return float(least), float(np.nextafter(most, of(-np.inf)) if before else most)


def _whole(dtype: str) -> bool:
    return "Int" in dtype


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
