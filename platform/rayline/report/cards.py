"""A card for each column of a profile: a small histogram or the top values, and the facts beside them.

Histograms are drawn as plain rectangles: at a card's size they need no axes, and a wide table has hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from rayline.evaluate.scored import FloatArray, IntArray
from rayline.profile import texts
from rayline.profile.outliers import outliers
from rayline.profile.profile import ColumnProfile, Profile
from rayline.report.inner_facts import inner_facts
from rayline.report.notation import amount, number, percent, short

_BARS = 24
_FEW_VALUES = 16
"""Numbers with up to this many distinct values get a bar for each."""
_TOPS = 6


@dataclass(frozen=True)
class Card:
    """What the page shows of one column."""

    name: str
    type: str
    bars: list[tuple[float, str]] = field(default_factory=list)
    """Height in 0..1 and label of each bar."""
    ends: tuple[str, str] = ("", "")
    tops: list[tuple[str, int, str]] = field(default_factory=list)
    """Value, its share in per cent of the largest, and in words."""
    facts: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)
    """Text and tone of what is odd about the column."""
    reason: str = ""


@dataclass(frozen=True)
class Spread:
    """How the numbers of a column lie, from the profile's sample."""

    median: float
    low: float
    high: float
    """Outer fences: the quartiles, one and a half interquartile ranges out (Tukey, 1977)."""
    outliers: float
    """Share of values beyond the fences."""
    skew: float


def cards(
    profile: Profile,
    decisions: Mapping[str, tuple[str, str]],
    tags: Mapping[str, list[tuple[str, str]]],
    *,
    most: int | None = None,
) -> list[Card]:
    """A card for each column that is not private, in the order of the data; `most`: for the first so many."""
    return [
        _card(profile, column, decisions.get(column.name, (column.kind, "")), tags.get(column.name, []))
        for column in shown_columns(profile)[:most]
    ]


def shown_columns(profile: Profile) -> list[ColumnProfile]:
    """The columns that are not private."""
    return [column for name, column in profile.columns.items() if name not in profile.private]


def sample_numbers(profile: Profile, column: str) -> FloatArray:
    """The values of a number column in the profile's sample [m], missing left out."""
    return profile.sample[column].drop_nulls().cast(pl.Float64).to_numpy()


def spread(values: FloatArray) -> Spread | None:
    """How `values` lie; `None` where there are none."""
    if not len(values):
        return None
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (third - first)
    low, high = first - reach, third + reach
    outside = float(((values < low) | (values > high)).mean()) if reach > 0 else 0.0
    deviation = float(values.std())
    skew = float(np.mean(((values - values.mean()) / deviation) ** 3)) if deviation > 0 else 0.0
    return Spread(float(median), float(low), float(high), outside, skew)


def _card(profile: Profile, column: ColumnProfile, decision: tuple[str, str], tags: list[tuple[str, str]]) -> Card:
    # what is said of a column that is learnt from would be the same on every card
    reason = "" if decision[0] in ("number", "category") else decision[1]
    facts = [("distinct", f"{'about ' if column.truncated else ''}{amount(column.distinct)}")]
    if column.missing:
        facts.append(("missing", f"{amount(column.missing)} ({percent(column.missing / max(profile.rows, 1))})"))
    bars: list[tuple[float, str]] = []
    ends, tops = ("", ""), []
    if column.kind == "number" and column.count:
        values = sample_numbers(profile, column.name)
        bars, ends = _bars(profile, column, values)
        lies = spread(values)
        if lies is not None:
            facts += [("mean ± std", f"{number(column.mean)} ± {number(column.std)}"), ("median", number(lies.median))]
            facts += _quantiles(profile, column)
            far = outliers(profile, column.name)
            # where the quartiles are one value there are no fences, and 0% would be wrong
            if far is not None and far.beyond:
                facts.append(("outliers", percent(far.beyond)))
            if far is not None and far.far:
                facts.append(("over 3 std", percent(far.far)))
    elif column.kind == "date" and column.count:
        bars, ends = _date_bars(profile.sample[column.name])
        ends = (str(column.minimum)[:10], str(column.maximum)[:10])
    elif column.kind in ("binary", "sequence") and column.count:
        facts += inner_facts(column)
    elif column.count:
        tops = _tops(profile, column)
        facts += inner_facts(column) if decision[0] == "text" else []
        if decision[0] == "text":
            tops = _words(profile, column) or tops
    return Card(column.name, decision[0], bars, ends, tops, facts, tags, reason)


def _quantiles(profile: Profile, column: ColumnProfile) -> list[tuple[str, str]]:
    low, first, third, high = profile.quantile(column.name, (0.05, 0.25, 0.75, 0.95)).tolist()
    return [("5% to 95%", f"{number(low)} to {number(high)}"), ("quartiles", f"{number(first)} to {number(third)}")]


def _words(profile: Profile, column: ColumnProfile) -> list[tuple[str, int, str]]:
    """The commonest words of a free text."""
    if column.inner is None:
        return []
    found = texts.top_words(column.inner, column.values, profile.sample[column.name], 20 * _TOPS)
    long = [(word, times) for word, times in found if len(word) > 3][:_TOPS] or found[:_TOPS]
    most = max((times for _, times in long), default=1)
    return [(short(word), round(100 * times / most), amount(times)) for word, times in long]


def _bars(
    profile: Profile, column: ColumnProfile, values: FloatArray
) -> tuple[list[tuple[float, str]], tuple[str, str]]:
    ends = (number(column.minimum), number(column.maximum))
    if not column.truncated and column.distinct <= _FEW_VALUES:
        rows = column.counts
        return _heights(
            list(rows.values()), [f"{number(value)}: {amount(count)} rows" for value, count in rows.items()]
        ), ends
    if "Int" in column.dtype:
        counts, edges, heights = _whole_bins(values)
    else:
        counts, edges = profile.histogram(column.name, bins=_BARS)
        heights = counts.astype(np.float64)
    edges[0], edges[-1] = values.min(), values.max()  # the outer bars hold what lies beyond
    scale = column.count / max(len(values), 1)
    labels = [
        f"{number(float(a))} to {number(float(b))}: {amount(round(count * scale))} rows"
        for a, b, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    return _heights(heights.tolist(), labels), ends


def _whole_bins(values: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows in bins of equally many whole numbers each, which a comb of empty and full bars would else come of; the
    bins' edges; and their heights: the last may have fewer numbers, and would look like a fall.
    """
    low, high = np.floor(np.quantile(values, [0.005, 0.995]))
    width = max(1.0, np.ceil((high - low + 1) / _BARS))
    edges = np.arange(low, high + width + 1, width)
    edges = edges[: np.searchsorted(edges, high, side="right") + 1]  # none that begins beyond
    counts, edges = np.histogram(np.clip(values, low, high), bins=edges)
    return counts, edges, counts * width / (np.minimum(edges[1:], high + 1) - edges[:-1])


def _date_bars(dates: pl.Series) -> tuple[list[tuple[float, str]], tuple[str, str]]:
    known = dates.drop_nulls()
    if not len(known) or known.dtype in (pl.Time, pl.Duration):
        return [], ("", "")
    stamps = known.cast(pl.Datetime("us")).to_physical().to_numpy() / 1e6
    counts, edges = np.histogram(stamps, bins=_BARS)
    labels = [
        f"from {datetime.fromtimestamp(float(edge), UTC):%Y-%m-%d}: {amount(count)} rows"
        for edge, count in zip(edges, counts.tolist(), strict=False)
    ]
    return _heights(counts.tolist(), labels), ("", "")


def _heights(counts: Sequence[float], labels: list[str]) -> list[tuple[float, str]]:
    most = max(counts, default=0) or 1
    # what is there is seen, however little it is
    return [
        (round(max(count / most, 0.02), 3) if count else 0.0, label)
        for count, label in zip(counts, labels, strict=True)
    ]


def top_values(profile: Profile, column: ColumnProfile) -> list[tuple[Any, float]]:
    """The most frequent values and their shares of the rows with a value, within `bounds.frequent_error`."""
    return [(value, count / column.count) for value, count in profile.top(column.name, 100)]


def _tops(profile: Profile, column: ColumnProfile) -> list[tuple[str, int, str]]:
    top = top_values(profile, column)
    shown = [(short("(empty)" if value == "" else value), share) for value, share in top[:_TOPS]]
    rest = max(0.0, 1.0 - sum(share for _, share in shown))
    if len(top) > _TOPS and rest > 0:
        others = column.distinct - _TOPS
        shown.append((f"{amount(others)} other{'s' if others > 1 else ''}", rest))
    most = max(share for _, share in shown[:_TOPS])
    # others together are no value: their bar would be as long as one that is there as often
    widths = [round(100 * share / most) if place < _TOPS else 0 for place, (_, share) in enumerate(shown)]
    return [(text, width, percent(share)) for (text, share), width in zip(shown, widths, strict=True)]
