"""What is odd about a data set, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rayline.profile.profile import ColumnProfile, Profile
from rayline.report.cards import sample_numbers, shown_columns, spread, top_values
from rayline.report.notation import number, percent, short

MANY_MISSING = 0.2
HIGH_CORRELATION = 0.9
IMBALANCED = 0.95
SKEWED = 3.0
MANY_OUTLIERS = 0.05


@dataclass(frozen=True)
class Alert:
    """One oddity: `tag` for the column's card, `text` with the figures."""

    column: str
    tag: str
    text: str
    tone: Literal["bad", "warn", ""]


def alerts(profile: Profile) -> list[Alert]:
    """Every oddity of the columns that are not private, the graver first."""
    shown = shown_columns(profile)
    found = [alert for column in shown for alert in _column(profile, column)]
    found += _pairs(profile)
    return sorted(found, key=lambda alert: ("bad", "warn", "").index(alert.tone))


def tags(found: list[Alert]) -> dict[str, list[tuple[str, str]]]:
    """Column to the tags of its card: text and tone."""
    by_column: dict[str, list[tuple[str, str]]] = {}
    for alert in found:
        by_column.setdefault(alert.column, []).append((alert.tag, alert.tone))
    return by_column


def _column(profile: Profile, column: ColumnProfile) -> Iterator[Alert]:
    name = column.name
    if not column.count:
        yield Alert(name, "empty", f"{name} has no value at all.", "bad")
        return
    missing = column.missing / profile.rows
    if missing > MANY_MISSING:
        yield Alert(name, "many missing", f"{name} is missing in {percent(missing)} of the rows.", "warn")
    if column.infinite:
        yield Alert(
            name, "infinite", f"{name} holds {number(column.infinite)} infinite numbers; they count as missing.", "warn"
        )
    if column.distinct == 1:
        value = short(next(iter(column.counts)))
        yield Alert(name, "constant", f"{name} is {value} wherever it is known: nothing can be learnt from it.", "bad")
        return
    if column.kind in ("text", "number") and column.distinct >= 0.97 * column.count and column.count > 20:
        if column.kind == "text":
            yield Alert(name, "id-like", f"{name} is different in nearly every row, like an id or free text.", "warn")
        elif "Int" in column.dtype:
            yield Alert(name, "id-like", f"{name} is a different whole number in nearly every row, like an id.", "warn")
    if column.kind in ("text", "boolean"):
        value, share = top_values(profile, column)[0]
        if share > IMBALANCED:
            yield Alert(name, "imbalanced", f"{name} is {short(value)!r} in {percent(share)} of the rows.", "warn")
    if column.kind == "number":
        yield from _numbers(profile, column)


def _numbers(profile: Profile, column: ColumnProfile) -> Iterator[Alert]:
    values = sample_numbers(profile, column.name)
    lies = spread(values)
    if lies is None:
        return
    zeros = float((values == 0).mean())
    if zeros > 0.5:
        yield Alert(column.name, "mostly zero", f"{column.name} is 0 in {percent(zeros)} of the rows.", "")
    elif abs(lies.skew) > SKEWED:
        side = "right" if lies.skew > 0 else "left"
        text = f"{column.name} is skewed to the {side} (skewness {number(round(lies.skew, 1))})."
        yield Alert(column.name, "skewed", text, "")
    if lies.outliers > MANY_OUTLIERS:
        fences = f"{number(lies.low)} to {number(lies.high)}"
        text = f"{column.name} has {percent(lies.outliers)} of its values far out, beyond {fences}."
        yield Alert(column.name, "outliers", text, "")


def _pairs(profile: Profile, most: int = 20) -> Iterator[Alert]:
    found = profile.correlations()
    table = np.triu(np.nan_to_num(np.abs(found.matrix_FF)), k=1)
    places = np.argwhere(table > HIGH_CORRELATION)
    order = sorted(places.tolist(), key=lambda place: -table[place[0], place[1]])
    for one, other in order[:most]:
        first, second = found.columns[one], found.columns[other]
        value = f"{found.matrix_FF[one, other]:.2f}".replace("-", "−")
        yield Alert(second, "correlated", f"{first} and {second} say nearly the same (correlation {value}).", "warn")
