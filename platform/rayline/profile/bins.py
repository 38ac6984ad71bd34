"""Bins: a column's values counted in a few places, fixed at training.

A number has the bins between its training deciles, `(low, high]`; a value that reaches over two deciles (the zeros of
a capital gain) has a bin of its own, so that a spike is watched too. A category has one bin for each of its most
frequent values and one for all others. The last bin of either counts missing values.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.category_text import category_text

QUANTILE_BINS = 10
TOP_VALUES = 30
FEW_ROWS = 16
"""Up to here a Python loop is faster than NumPy's fixed cost for each call."""

Values = Sequence[Any] | npt.NDArray[Any]
Columns = Mapping[str, Values]


@dataclass(frozen=True)
class NumberBins:
    """Bins of a number: ascending edges, each the last value of its bin; then missing (`None`, NaN, infinite)."""

    edges: tuple[float, ...]
    expected: tuple[int, ...] = ()
    """Training rows in each bin, missing last."""

    @property
    def size(self) -> int:
        return len(self.edges) + 2

    def place(self, value: Any) -> int:
        """The bin of one value."""
        if value is None or not -math.inf < value < math.inf:
            return len(self.edges) + 1
        return bisect_left(self.edges, value)

    def count(self, values: Values) -> list[int]:
        """Rows in each bin, missing last."""
        if len(values) <= FEW_ROWS:
            counts = [0] * self.size
            for value in values.tolist() if isinstance(values, np.ndarray) else values:
                counts[self.place(value)] += 1
            return counts
        numbers = np.asarray(values, dtype=np.float64)
        places = np.searchsorted(np.asarray(self.edges), numbers, side="left")
        places[~np.isfinite(numbers)] = self.size - 1
        return np.bincount(places, minlength=self.size).tolist()  # type: ignore[no-any-return]

    def labels(self) -> list[str]:
        """Each bin in words, for pages and alerts."""
        if not self.edges:
            return ["any number", "missing"]
        inner = [f"({low:g}, {high:g}]" for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]
        return [f"≤ {self.edges[0]:g}", *inner, f"> {self.edges[-1]:g}", "missing"]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "number", "edges": list(self.edges), "expected": list(self.expected)}


@dataclass(frozen=True)
class CategoryBins:
    """Bins of a category: one for each of `values`, one for every other value, one for missing."""

    values: tuple[str, ...]
    expected: tuple[int, ...] = ()
    """Training rows in each bin: the values, other, missing."""

    @property
    def size(self) -> int:
        return len(self.values) + 2

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {value: place for place, value in enumerate(self.values)}

    def place(self, value: Any) -> int:
        """The bin of one value."""
        found = self._index.get(value)
        if found is not None:
            return found
        text = category_text(value)
        return len(self.values) + 1 if text is None else self._index.get(text, len(self.values))

    def count(self, values: Values) -> list[int]:
        """Rows in each bin: the values, other, missing."""
        counts = [0] * self.size
        for value, rows in _tally(values).items():
            counts[self.place(value)] += rows
        return counts

    def labels(self) -> list[str]:
        """Each bin in words, for pages and alerts."""
        return [*self.values, "other values", "missing"]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "category", "values": list(self.values), "expected": list(self.expected)}


Bins = NumberBins | CategoryBins


def _tally(values: Values) -> Counter[Any]:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    # True and 1 are one key to a dict, but two categories
    mixed = {bool} < {*map(type, listed)}
    return Counter(map(category_text, listed) if mixed else listed)


def number_bins(values: npt.NDArray[Any]) -> NumberBins:
    """Decile bins of training `values` [n], with their counts."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = numbers[np.isfinite(numbers)]
    edges: set[float] = set()
    if len(finite):
        deciles = np.quantile(finite, np.arange(1, QUANTILE_BINS) / QUANTILE_BINS, method="inverted_cdf").tolist()
        # a value met at two deciles holds at least a tenth of the rows: close its bin on the lower side as well
        edges = {*deciles, *(math.nextafter(v, -math.inf) for v, met in Counter(deciles).items() if met > 1)}
        low, high = float(finite.min()), float(finite.max())
        edges = {edge for edge in edges if low <= edge < high}
    bins = NumberBins(tuple(sorted(edges)))
    return replace(bins, expected=tuple(bins.count(numbers)))


def category_bins(values: Sequence[Any]) -> CategoryBins:
    """Bins for the most frequent training values (ties in the order of their text), with their counts."""
    met: Counter[str] = Counter()
    for value, rows in _tally(values).items():
        text = category_text(value)
        if text is not None:
            met[text] += rows
    ranked = sorted(met.items(), key=lambda item: (-item[1], item[0]))
    bins = CategoryBins(tuple(value for value, _ in ranked[:TOP_VALUES]))
    return replace(bins, expected=tuple(bins.count(values)))


def class_bins(classes: Sequence[str], predicted: Values | None) -> CategoryBins:
    """Bins for a model's answers; `predicted` are class labels, or places in `classes`."""
    bins = CategoryBins(tuple(classes))
    return bins if predicted is None else replace(bins, expected=tuple(bins.count(class_labels(classes, predicted))))


def class_labels(classes: Sequence[str], predicted: Values) -> list[Any]:
    """Predicted labels; integers are places in `classes`."""
    values = predicted.tolist() if isinstance(predicted, np.ndarray) else predicted
    return [classes[v] if type(v) is int else v for v in values]


def bins_from_json(value: Mapping[str, Any]) -> Bins:
    """The inverse of `to_json` of either kind."""
    expected = tuple(value["expected"])
    if value["kind"] == "number":
        return NumberBins(tuple(value["edges"]), expected)
    return CategoryBins(tuple(value["values"]), expected)
