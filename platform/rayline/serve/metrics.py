"""Prometheus metrics of a replica: requests, latency, rows a pass, answers given, what is loaded.

Where they go is handed in: on a cluster, `ray.util.metrics`, which puts `ray_` before each name. A histogram's sum
there is made of its buckets' middles, hence the many buckets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from rayline.serve.answers import Raw, decided, joined
from rayline.serve.observe import Request, Seen, by_version
from rayline.serve.table import Served, Table

LATENCY_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
BATCH_ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0)


class CounterMeter(Protocol):
    def inc(self, value: float, tags: dict[str, str]) -> None: ...


class HistogramMeter(Protocol):
    def observe(self, value: float, tags: dict[str, str]) -> None: ...


class GaugeMeter(Protocol):
    def set(self, value: float, tags: dict[str, str]) -> None: ...


class Meters(Protocol):
    """Makes meters."""

    def counter(self, name: str, description: str, tags: tuple[str, ...]) -> CounterMeter: ...

    def gauge(self, name: str, description: str, tags: tuple[str, ...]) -> GaugeMeter: ...

    def histogram(
        self, name: str, description: str, boundaries: Sequence[float], tags: tuple[str, ...]
    ) -> HistogramMeter: ...


def outcome(status: int) -> str:
    """`ok`, `refused` (the request was wrong) or `failed` (we were)."""
    if status < 400:
        return "ok"
    return "refused" if status < 500 else "failed"


class Metrics:
    """The sink that turns what was observed into metrics."""

    def __init__(self, meters: Meters) -> None:
        version = ("model", "version")
        self._requests = meters.counter(
            "rayline_requests_total",
            "Requests to a model by outcome: ok, refused (the request was wrong) or failed (the service was).",
            (*version, "outcome"),
        )
        self._refused = meters.counter(
            "rayline_requests_refused_total",
            "Requests that were refused, by what was wrong with them.",
            (*version, "reason"),
        )
        self._warned = meters.counter(
            "rayline_expectation_warnings_total",
            "Rows that were answered and break what is declared with `on: warn`, by column; * for conditions.",
            (*version, "feature"),
        )
        self._duration = meters.histogram(
            "rayline_request_duration_seconds",
            "Time from a request's arrival at the replica to its answer.",
            LATENCY_S,
            version,
        )
        self._batch = meters.histogram(
            "rayline_batch_rows", "Rows answered by one pass of a model.", BATCH_ROWS, version
        )
        self._predictions = meters.counter(
            "rayline_predictions_total",
            "Rows by what they were answered with: the class, or the range of the value.",
            (*version, "label"),
        )
        self._loaded = meters.gauge("rayline_model_loaded", "1 where a replica can answer from this version.", version)
        self._failures = meters.counter(
            "rayline_model_load_failures_total", "Times a replica could not load a version.", version
        )
        self._shown: set[tuple[str, str]] = set()

    def take(self, requests: Sequence[Request], passes: Sequence[Seen]) -> None:
        # Ray forgets a gauge that is not set again within two of its reports
        self._show()
        counts: Counter[tuple[str, str, str]] = Counter()
        refused: Counter[tuple[str, str, str]] = Counter()
        for request in requests:
            if request.model is not None:
                version = request.version or ""
                counts[request.model, version, outcome(request.status)] += 1
                if request.reason is not None:
                    refused[request.model, version, request.reason] += 1
                self._duration.observe(request.seconds, {"model": request.model, "version": version})
        for (model, version, what), number in counts.items():
            self._requests.inc(number, {"model": model, "version": version, "outcome": what})
        for (model, version, why), number in refused.items():
            self._refused.inc(number, {"model": model, "version": version, "reason": why})
        for served, done in by_version(passes).items():
            for one in done:
                self._batch.observe(len(one.raw), _tags(served))
            for label, number in _distribution(served, joined([one.raw for one in done])).items():
                self._predictions.inc(number, {**_tags(served), "label": label})
            validator = served.predictor.validator
            for one in done if validator.warns else ():
                for feature, rows in validator.warnings(one.columns).items():
                    self._warned.inc(rows, {**_tags(served), "feature": feature})

    def loaded(self, table: Table) -> None:
        """Show which versions are loaded now."""
        now = {(model.name, version) for model in table.models.values() for version in model.versions}
        for name, version in self._shown - now:
            self._loaded.set(0.0, {"model": name, "version": version})
        self._shown = now
        self._show()

    def _show(self) -> None:
        for name, version in self._shown:
            self._loaded.set(1.0, {"model": name, "version": version})

    def load_failed(self, model: str, version: str) -> None:
        self._failures.inc(1, {"model": model, "version": version})

    def close(self) -> None:
        """Nothing is held back."""


def _tags(served: Served) -> dict[str, str]:
    return {"model": served.model, "version": served.version}


def _distribution(served: Served, raw: Raw) -> dict[str, int]:
    signature = served.signature
    if signature.classes:
        counts = np.bincount(decided(signature, raw), minlength=len(signature.classes)).tolist()
        labels: Sequence[str] = signature.classes
    elif served.reference is not None:
        counts = served.reference.predictions.count(raw)
        labels = served.reference.predictions.labels()
    else:
        return {}
    return {label: number for label, number in zip(labels, counts, strict=True) if number}
