"""How a version's live window compares with its training: plain data for the exporter, for `/drift`, for pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rayline.monitor.drift._test import Drift, DriftTest
from rayline.monitor.packages import Watched
from rayline.monitor.window import answers
from rayline.profile.windows import Counts

PREDICTION = "__prediction__"
"""Stands for the model's answers where features are named."""


@dataclass(frozen=True)
class Compared:
    """Training and live rows of one feature (or of the predictions) in the same bins, missing last."""

    name: str
    bins: tuple[str, ...]
    expected: tuple[int, ...]
    observed: tuple[int, ...]
    drift: Drift | None
    """`None` while there are no live rows, or nothing of training to compare with."""

    @property
    def missing_share(self) -> float:
        """Share of live rows in the last bin."""
        return self.observed[-1] / max(1, sum(self.observed))

    def to_json(self) -> dict[str, Any]:
        drift = self.drift
        return {
            "name": self.name,
            "statistic": drift and drift.statistic,
            "limit": drift.limit if drift and math.isfinite(drift.limit) else None,
            "by_chance": drift and drift.by_chance,
            "alarm": bool(drift and drift.alarm),
            "bins": list(self.bins),
            "expected": list(self.expected),
            "observed": list(self.observed),
        }


@dataclass(frozen=True)
class VersionReport:
    """How one version's window compares with its training."""

    model: str
    version: str
    package: str
    test: str
    window_s: float
    rows: int
    last_record: float
    """When the newest record ended, seconds since the epoch."""
    features: tuple[Compared, ...]
    predictions: Compared

    def to_json(self) -> dict[str, Any]:
        plain = ("model", "version", "package", "test", "window_s", "rows", "last_record")
        return {
            **{name: getattr(self, name) for name in plain},
            "features": [feature.to_json() for feature in self.features],
            "predictions": self.predictions.to_json(),
        }


def compare(
    model: str, version: str, *, package: str, watched: Watched, total: Counts, last_record: float
) -> VersionReport:
    """The report of one version's window, whose counts are `total`."""
    reference, test = watched.reference, watched.test
    named = answers(reference.predictions)
    answered = [total["predictions"].get(key, 0) for key in named]
    return VersionReport(
        model=model,
        version=version,
        package=package,
        test=watched.test_name,
        window_s=watched.window_s,
        rows=total["rows"],
        last_record=last_record,
        features=tuple(
            _compare(name, bins.labels(), bins.expected, total["features"][name], test)
            for name, bins in reference.features.items()
        ),
        predictions=_compare(PREDICTION, named.values(), reference.predictions.expected[: len(named)], answered, test),
    )


def _compare(
    name: str, labels: Iterable[str], expected: Sequence[int], observed: Sequence[int], test: DriftTest
) -> Compared:
    drift = test(expected, observed) if sum(expected) > 0 and sum(observed) > 0 else None
    return Compared(name, tuple(labels), tuple(expected), tuple(observed), drift)
