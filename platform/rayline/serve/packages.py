"""From a package to a version that answers: fetch, verify, load, replay the golden rows, warm up."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress

from rayline.core.errors import RaylineError, SignatureError
from rayline.profile.reference import Reference
from rayline.registry import manifest
from rayline.serve import state
from rayline.serve.answers import Answers
from rayline.serve.batcher import Batcher, Pass
from rayline.serve.observe import Observer
from rayline.serve.state import Desired, ServedModel, Settings
from rayline.serve.table import Predictor, Served

log = logging.getLogger("rayline.serve")

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
        predictor.clean,
        predictor.answer,
        functools.partial(Answers.of, predictor.signature),
        max_rows=ServedModel.model_fields["max_batch_rows"].default,
        max_waiting_rows=settings.max_waiting_rows,
        executor=executor,
        on_pass=passed,
    )
    example = predictor.example()
    served = Served(model, version, package, predictor, batcher, reference, example)
    columns = {name: (value,) for name, value in example.items()}
    for _ in range(WARM_UPS):
        started = time.perf_counter()
        with suppress(SignatureError):  # an example is not always to be had that breaks nothing of what is expected
            predictor.answer(predictor.clean(columns))
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


def still_there(desired: Desired) -> Desired:
    """`desired` without versions whose package is gone; each is told on the log."""
    for name, model in desired.models.items():
        for version, package in model.versions.items():
            try:
                manifest.read(package)
            except RaylineError as error:
                log.warning("%s %s is no longer served: %s", name, version, error)
                desired = state.without(desired, name, version if len(desired.models[name].versions) > 1 else None)
    return desired
