"""Live counts in the bins of a reference: what a replica saw since it last told.

A replica adds every answered request to a `Window`, for a few microseconds a row, and drains it now and then into a
record. Counts add up, so a monitor merges those of any number of replicas and intervals without seeing a row.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, TypedDict

import numpy as np

from rayline.profile.bins import CategoryBins, Columns, Values, class_labels
from rayline.profile.reference import Reference


class Counts(TypedDict):
    """Rows; feature to counts in its bins, missing last; answer (label, or number of its bin) to rows."""

    rows: int
    features: dict[str, list[int]]
    predictions: dict[str, int]


class Window:
    """Counts rows as they are answered. Safe to drain from another thread than the one that adds."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._lock = threading.Lock()
        self._counts = self._empty()

    def add(self, columns: Columns, predictions: Values) -> None:
        """Count n answered rows.

        Args:
            columns: feature name to its n values as the request gave them; features not in it count as missing,
                columns that the reference does not watch are ignored.
            predictions: the n answers: class labels or places in the classes (classification), values (regression).
        """
        rows = len(predictions)
        bins = self._reference.features
        with self._lock:
            counts = self._counts
            counts["rows"] += rows
            if rows == 1:
                for name, total in counts["features"].items():
                    values = columns.get(name)
                    value = None if values is None else values[0]
                    total[bins[name].place(value)] += 1
            else:
                absent = [None] * rows
                for name, total in counts["features"].items():
                    for place, met in enumerate(bins[name].count(columns.get(name, absent))):
                        total[place] += met
            self._count_answers(counts["predictions"], predictions)

    def drain(self) -> Counts:
        """What was counted since the last call."""
        fresh = self._empty()
        with self._lock:
            counts, self._counts = self._counts, fresh
        return counts

    def _empty(self) -> Counts:
        features = {name: [0] * bins.size for name, bins in self._reference.features.items()}
        return {"rows": 0, "features": features, "predictions": {}}

    def _count_answers(self, totals: dict[str, int], predictions: Values) -> None:
        bins = self._reference.predictions
        if isinstance(bins, CategoryBins) and isinstance(predictions, np.ndarray) and predictions.dtype.kind == "i":
            for label, met in zip(bins.values, np.bincount(predictions).tolist(), strict=False):
                if met:
                    totals[label] = totals.get(label, 0) + met
        elif isinstance(bins, CategoryBins):
            for label in class_labels(bins.values, predictions):
                totals[label] = totals.get(label, 0) + 1
        elif len(predictions) == 1:
            place = str(bins.place(predictions[0]))
            totals[place] = totals.get(place, 0) + 1
        else:
            for number, met in enumerate(bins.count(predictions)):
                if met:
                    totals[str(number)] = totals.get(str(number), 0) + met


def merge(parts: Iterable[Counts]) -> Counts:
    """All counts added up. Parts of one reference have bins of the same lengths."""
    rows = 0
    features: dict[str, Any] = {}
    predictions: dict[str, int] = {}
    for part in parts:
        rows += part["rows"]
        for name, counts in part["features"].items():
            held = features.get(name)
            features[name] = np.asarray(counts, np.int64) if held is None else held + np.asarray(counts, np.int64)
        for answer, met in part["predictions"].items():
            predictions[answer] = predictions.get(answer, 0) + met
    return {"rows": rows, "features": {n: c.tolist() for n, c in features.items()}, "predictions": predictions}
