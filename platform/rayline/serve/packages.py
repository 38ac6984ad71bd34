"""From a package to a version that answers: fetch, verify, load, replay the golden rows, warm up."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from rayline.core.columns import FeatureType, InputColumn
from rayline.core.errors import SignatureError
from rayline.profile.bins import CategoryBins, NumberBins
from rayline.profile.reference import Reference
from rayline.serve.answers import Answers
from rayline.serve.batcher import Batcher, Pass
from rayline.serve.intake import Columns
from rayline.serve.observe import Observer
from rayline.serve.state import ServedModel, Settings
from rayline.serve.table import Predictor, Served

WARM_UPS = 3
"""Passes before a version takes traffic: the first ones of a network allocate and choose kernels."""


def load(
    model: str,
    version: str,
    package: str,
    *,
    open_package: Callable[[str], tuple[Predictor, Reference | None]],
    executor: Executor,
    observer: Observer,
    settings: Settings,
) -> Served:
    """A version that has answered its golden rows as it did when its package was made.

    Raises:
        PackageError: the package is altered, incomplete, or answers differently here.
    """
    predictor, reference = open_package(package)
    predictor.check_golden()
    served: Served

    def passed(done: Pass) -> None:
        observer.passed(served, done)

    batcher = Batcher(
        predictor.columns,
        functools.partial(Answers.of, predictor.signature),
        max_rows=ServedModel.model_fields["max_batch_rows"].default,
        max_waiting_rows=settings.max_waiting_rows,
        executor=executor,
        on_pass=passed,
    )
    example: Columns = {column.name: [_example(column, reference)] for column in predictor.signature.inputs}
    served = Served(model, version, package, predictor, batcher, reference, example)
    for _ in range(WARM_UPS):
        started = time.perf_counter()
        with suppress(SignatureError):  # what corrections make of it may break what is expected of their columns
            predictor.columns(example)
        seconds = time.perf_counter() - started
    batcher.observe(1, seconds)
    return served


def open_registry(package: str) -> tuple[Predictor, Reference | None]:
    """Predictor and drift reference of a sealed package.

    Raises:
        PackageError: it is not what was sealed.
    """
    from rayline.registry import predictor  # brings torch

    loaded = predictor.load(package)
    return loaded, loaded.reference


def _example(column: InputColumn, reference: Reference | None) -> Any:
    """A value in the middle of what training held, within what is declared."""
    bins = reference.features.get(column.name) if reference else None
    if column.allowed:
        return column.allowed[0]
    if column.type is FeatureType.CATEGORY:
        return bins.values[0] if isinstance(bins, CategoryBins) and bins.values else None if column.nullable else ""
    value: float | None = bins.edges[len(bins.edges) // 2] if isinstance(bins, NumberBins) and bins.edges else None
    if value is None:
        value = None if column.nullable else 0.0
    if value is not None:
        value = max(value, column.minimum) if column.minimum is not None else value
        value = min(value, column.maximum) if column.maximum is not None else value
        value = int(value) if value == int(value) or column.value_type == "integer" else round(value, 6)
    return value
