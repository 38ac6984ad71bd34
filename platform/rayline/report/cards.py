"""A card for each column of a profile: a small histogram or the top values, and the facts beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rayline.evaluate.scored import FloatArray
from rayline.profile import texts
from rayline.profile.outliers import outliers
from rayline.profile.profile import ColumnProfile, Profile
from rayline.profile.types import FEW_ROWS, SAID, is_classes
from rayline.report.card_bars import Bars, date_bars, inner_bars, number_bars
from rayline.report.inner_facts import inner_facts
from rayline.report.notation import amount, number, percent, short

TARGET = "target"
"""The type on the card of what is predicted."""
_TOPS = 6


@dataclass(frozen=True)
class Card:
    """What the page shows of one column."""

    name: str
    type: str
    bars: list[tuple[float, str]] = field(default_factory=list)
    """Height in 0..1 and label of each bar."""
    ends: tuple[str, str] = ("", "")
    of: str = ""
    """What the bars count where that is not the column's values."""
    tops: list[tuple[str, int, str]] = field(default_factory=list)
    """Value, its share in per cent of the largest, and in words."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    """Text and tone of what is odd about the column."""
    reason: str = ""


def cards(
    profile: Profile,
    decisions: Mapping[str, tuple[str, str]],
    tags: Mapping[str, list[tuple[str, str]]],
    *,
    target: str | None = None,
    most: int | None = None,
) -> list[Card]:
    """A card for each column that is not private, in the order of the data, the target first.

    Args:
        profile: of the rows.
        decisions: column to its feature type and the reason.
        tags: column to what is odd about it, and how grave that is.
        target: what is predicted.
        most: cards for so many columns alone.
    """
    columns = sorted(shown_columns(profile), key=lambda column: column.name != target)
    return [
        _card(profile, column, _decision(column, decisions, target), tags.get(column.name, []))
        for column in columns[:most]
    ]


def _decision(column: ColumnProfile, decisions: Mapping[str, tuple[str, str]], target: str | None) -> tuple[str, str]:
    if column.name == target:
        return TARGET, ""
    # a text that nothing is said of is no free text
    return decisions.get(column.name, ("category" if column.kind == "text" else column.kind, ""))


def shown_columns(profile: Profile) -> list[ColumnProfile]:
    """The columns that are not private."""
    return [column for name, column in profile.columns.items() if name not in profile.private]


def skewness(values: FloatArray) -> float:
    """The third standardised moment of `values`; 0 where they are all one, or there are none."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return 0.0
    near = values / largest  # of which no power overflows
    deviation = float(near.std())
    return float(np.mean(((near - near.mean()) / deviation) ** 3)) if deviation > 1e-12 else 0.0


def _card(profile: Profile, column: ColumnProfile, decision: tuple[str, str], tags: list[tuple[str, str]]) -> Card:
    # what is said of a column that is learnt from, the card shows
    kind, reason = decision[0], decision[1] if decision[0] in ("drop", "id") else ""
    reason = "as its source says" if decision[1] == SAID else reason
    facts = [("distinct", f"{'about ' if column.truncated else ''}{amount(column.distinct)}")]
    if column.missing:
        facts.append(("missing", f"{amount(column.missing)} ({percent(column.missing / max(profile.rows, 1))})"))
    bars, tops = Bars(), []
    if kind == TARGET and column.count and is_classes(column):
        tops = _tops(profile, column)
    elif column.kind == "number" and column.count:
        bars = number_bars(profile, column)
        facts += _number_facts(profile, column) if kind != "id" else []  # an id has no mean
    elif column.count and (column.kind == "date" or (column.kind == "text" and kind == "date")):
        bars = date_bars(profile, column)
    elif column.kind in ("binary", "sequence") and column.count:
        bars = inner_bars(profile, column)
        facts += inner_facts(column)
    elif column.count:
        tops = _tops(profile, column)
        facts += inner_facts(column) if kind == "text" else []
        if kind == "text":
            tops = _words(profile, column) or tops
    return Card(column.name, kind, bars.bars, bars.ends, bars.of, tops, facts, tags, reason)


def _number_facts(profile: Profile, column: ColumnProfile) -> list[tuple[str, str]]:
    facts = [("mean ± std", f"{number(column.mean)} ± {number(column.std)}")]
    low, first, median, third, high = profile.quantile(column.name, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()
    if not math.isnan(median):  # no row of the sample has a value
        facts += [("median", number(median)), ("5% to 95%", f"{number(low)} to {number(high)}")]
        facts.append(("quartiles", f"{number(first)} to {number(third)}"))
    far = outliers(profile, column.name)
    # where the quartiles are one value there are no fences, and 0% would be wrong
    if far is not None and far.beyond:
        facts.append(("outliers", percent(far.beyond)))
    if far is not None and far.far:
        facts.append(("over 3 std", percent(far.far)))
    return facts


def _words(profile: Profile, column: ColumnProfile) -> list[tuple[str, int, str]]:
    """The commonest words of a free text."""
    if column.inner is None:
        return []
    found = texts.top_words(column.inner, column.values, profile.sample[column.name], 20 * _TOPS)
    long = [(word, times) for word, times in found if len(word) > 3][:_TOPS] or found[:_TOPS]
    most = max((times for _, times in long), default=1)
    return [(short(word), round(100 * times / most), amount(times)) for word, times in long]


def top_values(profile: Profile, column: ColumnProfile) -> list[tuple[Any, float]]:
    """The most frequent values and their shares of the rows with a value, within `bounds.frequent_error`."""
    return [(value, count / column.count) for value, count in profile.top(column.name, 100)]


def _tops(profile: Profile, column: ColumnProfile) -> list[tuple[str, int, str]]:
    top = top_values(profile, column)
    shown = [(short("(empty)" if value == "" else value), share) for value, share in top[:_TOPS]]
    if top[0][1] * column.count <= 1 and column.count > FEW_ROWS:  # no value is there twice: these are examples
        left = [(f"{amount(column.distinct - len(shown))} others", 0, "")] if column.distinct > len(shown) else []
        return [*((text, 0, "") for text, _ in shown), *left]
    rest = max(0.0, 1.0 - sum(share for _, share in shown))
    if len(top) > _TOPS and rest > 0:
        others = column.distinct - _TOPS
        about = "about " if column.truncated else ""
        shown.append((f"{about}{amount(others)} other{'s' if others > 1 else ''}", rest))
    most = max(share for _, share in shown[:_TOPS])
    # others together are no value: their bar would be as long as one that is there as often
    widths = [round(100 * share / most) if place < _TOPS else 0 for place, (_, share) in enumerate(shown)]
    return [(text, width, percent(share)) for (text, share), width in zip(shown, widths, strict=True)]
