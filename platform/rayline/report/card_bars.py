"""The small histogram on a column's card.

Histograms are drawn as plain rectangles: at a card's size they need no axes, and a wide table has hundreds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import polars as pl

from rayline.evaluate.scored import FloatArray, IntArray
from rayline.profile import levels, sequences
from rayline.profile.profile import ColumnProfile, Profile
from rayline.report.notation import amount, decibels, number

BARS = 24
FEW_VALUES = 16
"""Numbers with up to this many distinct values get a bar for each."""
MOST_ELEMENTS = 1 << 18
"""Elements of lists that are looked at."""
MICROSECONDS = 1e6
WHOLE = 2.0**53
"""Up to here every whole number is a float."""


@dataclass(frozen=True)
class Bars:
    """A histogram, ready to draw."""

    bars: list[tuple[float, str]] = field(default_factory=list)
    """Height in 0..1 and label of each."""
    ends: tuple[str, str] = ("", "")
    of: str = ""
    """What is counted, where it is not the column's values."""


def sample_numbers(profile: Profile, column: str) -> FloatArray:
    """The values of a number column in the profile's sample [m], missing left out."""
    return profile.sample[column].drop_nulls().cast(pl.Float64).to_numpy()


def number_bars(profile: Profile, column: ColumnProfile) -> Bars:
    """A bar a value where there are few; else bins over the middle 99%, whose outermost hold what lies beyond."""
    ends = (number(column.minimum), number(column.maximum))
    if not column.truncated and column.distinct <= FEW_VALUES:
        rows = column.counts
        return Bars(_heights(list(rows.values()), [f"{number(v)}: {amount(n)} rows" for v, n in rows.items()]), ends)
    values = sample_numbers(profile, column.name)
    if "Int" in column.dtype and len(values) and np.abs(values).max() < WHOLE:
        counts, edges, heights = _whole_bins(values)
    else:
        counts, edges = profile.histogram(column.name, bins=BARS)
        heights = counts.astype(np.float64)
    if not len(counts):  # no value in the sample, or a width that is no float
        return Bars([], ends)
    edges[0], edges[-1] = values.min(), values.max()
    labels = _labels(counts, edges, column.count / len(values), "rows", number)
    return Bars(_heights(heights.tolist(), labels), ends)


def _whole_bins(values: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows in bins of equally many whole numbers each, which a comb of empty and full bars would else come of; the
    bins' edges; and their heights: the last may have fewer numbers, and would look like a fall.
    """
    low, high = np.floor(np.quantile(values, [0.005, 0.995]))
    width = max(1.0, np.ceil((high - low + 1) / BARS))
    edges = np.arange(low, high + width + 1, width)
    edges = edges[: np.searchsorted(edges, high, side="right") + 1]  # none that begins beyond
    counts, edges = np.histogram(np.clip(values, low, high), bins=edges)
    return counts, edges, counts * width / (np.minimum(edges[1:], high + 1) - edges[:-1])


def date_bars(profile: Profile, column: ColumnProfile) -> Bars:
    """Rows by date, of dates and of texts in their form."""
    dates = profile.sample[column.name].drop_nulls()
    if dates.dtype == pl.String:
        dates = dates.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).drop_nulls()
    if not len(dates) or dates.dtype == pl.Time:
        return Bars([], (_day(column.minimum), _day(column.maximum)))
    stamps = dates.cast(pl.Datetime("us")).to_physical().to_numpy() / MICROSECONDS
    counts, edges = np.histogram(stamps, bins=BARS)
    scale = column.count / len(dates)
    labels = [
        f"from {_stamp(edge)}: {amount(scale * count)} rows"
        for edge, count in zip(edges.tolist(), counts.tolist(), strict=False)
    ]
    known = column.kind == "date"
    ends = (_day(column.minimum), _day(column.maximum)) if known else (_stamp(edges[0]), _stamp(edges[-1]))
    return Bars(_heights(counts.tolist(), labels), ends)


def _day(value: object) -> str:
    return str(value)[:10]


def _stamp(seconds: float) -> str:
    return f"{datetime.fromtimestamp(float(seconds), UTC):%Y-%m-%d}"


def inner_bars(profile: Profile, column: ColumnProfile) -> Bars:
    """How bright images are, how loud sounds, how long lists or, where all are as long, what numbers they hold."""
    inner = column.inner or {}
    if column.kind == "sequence":
        return _list_bars(profile, column)
    if inner.get("what") == "image":
        means = [float(np.mean(entry[3])) for entry in inner["image"]["measured"] if entry[2] > 0]
        return _bars_of(np.array(means), "brightness of images", "images", lambda value: f"{value:.2f}")
    if inner.get("what") == "audio":
        heard = [level for level in levels.levels_of(inner) if level > levels.NOTHING]
        return _bars_of(np.array(heard), "level of sounds, dB", "sounds", decibels)
    return Bars()


def _list_bars(profile: Profile, column: ColumnProfile) -> Bars:
    lists = profile.sample[column.name].drop_nulls()
    lengths = lists.list.len().cast(pl.Int64).to_numpy()
    if not len(lists):
        return Bars()
    if lengths.min() < lengths.max():
        return _bars_of(lengths.astype(np.float64), "lengths of lists", "lists", number)
    few = lists.head(max(1, MOST_ELEMENTS // max(1, int(lengths[0]))))
    elements = sequences.elements_of(few)
    return _bars_of(elements[np.isfinite(elements)], "elements of lists", "elements", number)


def _bars_of(values: FloatArray, of: str, things: str, told: Callable[[float], str]) -> Bars:
    """A histogram of values that are looked at alone, from the least to the most."""
    if not len(values) or not math.isfinite(float(values.max()) - float(values.min())):
        return Bars()
    counts, edges = np.histogram(values, bins=BARS)
    labels = _labels(counts, edges, 1.0, things, told)
    return Bars(_heights(counts.tolist(), labels), (told(float(values.min())), told(float(values.max()))), of)


def _labels(counts: IntArray, edges: FloatArray, scale: float, things: str, told: Callable[[float], str]) -> list[str]:
    return [
        f"{told(float(a))} to {told(float(b))}: {amount(count * scale)} {things}"
        for a, b, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)
    ]


def _heights(counts: Sequence[float], labels: list[str]) -> list[tuple[float, str]]:
    most = max(counts, default=0) or 1
    # what is there is seen, however little it is
    return [
        (round(max(count / most, 0.02), 3) if count else 0.0, label)
        for count, label in zip(counts, labels, strict=True)
    ]
