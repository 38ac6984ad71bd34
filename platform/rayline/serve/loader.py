"""Brings what is loaded to what is wanted, in a thread, while the old versions go on answering.

    want(desired) ──wakes──> for each model: fetch, verify, load, replay golden rows of each new version
                             then swap the model's versions and aliases in the table at once
                             then report

A version that cannot be loaded leaves its model as it was; a model that is new here answers with those of its versions
that did load. Only the table is shared with the event loop, and it is replaced, never changed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from rayline.core.errors import RaylineError
from rayline.serve.state import Desired, ServedModel
from rayline.serve.table import Model, Served, Table

log = logging.getLogger("rayline.serve")

FIRST_RETRY_S = 10.0
LONGEST_RETRY_S = 300.0
"""What could not be loaded is tried again, ever more seldom: storage comes back, packages are published anew."""

Load = Callable[[str, str, str], Served]
"""Model name, version and package URI to a version that has answered its golden rows."""


@dataclass(frozen=True)
class Failure:
    """Why a version does not answer."""

    reason: str
    kind: str
    """Name of the error's class."""


@dataclass(frozen=True)
class Report:
    """What one replica has made of a desired state."""

    fingerprint: str
    """Of the desired state; `working` while it is not yet reached."""
    working: bool
    models: Mapping[str, Any] = field(default_factory=dict)
    """Model to `{versions: {version: package}, aliases, failures: {version: {reason, kind}}}`."""
    problem: str | None = None
    """Why the desired state as a whole was not taken on."""

    def to_json(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "working": self.working,
            "models": dict(self.models),
            "problem": self.problem,
        }


class Loader:
    """A thread that follows the desired state.

    Args:
        load: makes a version that can answer.
        swap: takes a new table; called in the loader's thread.
        report: tells whoever asked; what it raises is logged, and it is called again later.
        on_failure: called with model and version when a load fails.
    """

    def __init__(
        self,
        load: Load,
        *,
        swap: Callable[[Table], None],
        report: Callable[[Report], None],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._load = load
        self._swap = swap
        self._report = report
        self._on_failure = on_failure
        self._table = Table()
        self._failures: dict[tuple[str, str], Failure] = {}
        self._lock = threading.Lock()
        self._wanted: tuple[Desired, Future[None]] | None = None
        self._wake = threading.Event()
        self._stopping = False
        self._unreported: Report | None = None
        self._thread = threading.Thread(target=self._run, name="rayline-loader", daemon=True)
        self._thread.start()

    def want(self, desired: Desired) -> Future[None]:
        """Follow `desired` from now on. Returns at once; the future is done when all of it was loaded or has failed.

        A later call takes the place of one that has not been begun; both futures are then done together.
        """
        done: Future[None] = Future()
        with self._lock:
            if self._wanted is not None:
                replaced = self._wanted[1]
                done.add_done_callback(lambda _: replaced.set_result(None))
            self._wanted = (desired, done)
        self._wake.set()
        return done

    def refuse(self, fingerprint: str, problem: str) -> None:
        """Report that a desired state was not taken on, in the loader's thread."""
        with self._lock:
            self._unreported = Report(fingerprint, working=False, models=self._account(), problem=problem)
        self._wake.set()

    def close(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        desired: Desired | None = None
        while not self._stopping:
            woken = self._wake.wait(retry_s if self._failures or self._unreported else None)
            if self._stopping:
                return
            self._wake.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, None
            if wanted is not None:
                desired, retry_s = wanted[0], FIRST_RETRY_S
            elif not woken:
                retry_s = min(retry_s * 2, LONGEST_RETRY_S)
            if desired is not None and (wanted is not None or (self._failures and not woken)):
                self._follow(desired)
            self._tell()
            if wanted is not None:
                wanted[1].set_result(None)

    def _follow(self, desired: Desired) -> None:
        self._unreported = Report(desired.fingerprint, working=True, models=self._account())
        self._tell()
        self._failures = {}
        self._put({name: model for name, model in self._table.models.items() if name in desired.models})
        for name, wanted in desired.models.items():
            if self._stopping:
                return
            self._put({**self._table.models, name: self._model(name, wanted)})
        if self._table.loading:
            self._put(self._table.models, loading=False)
        self._unreported = Report(desired.fingerprint, working=False, models=self._account())

    def _model(self, name: str, wanted: ServedModel) -> Model:
        held = self._table.models.get(name)
        versions: dict[str, Served] = {}
        failures: dict[str, str] = {}
        for version, package in wanted.versions.items():
            served = held.versions.get(version) if held else None
            if served is None or served.package != package:
                served = self._loaded(name, version, package)
            if served is None:
                failures[version] = self._failures[name, version].reason
            else:
                served.batcher.max_rows = wanted.max_batch_rows
                versions[version] = served
        if failures and held is not None and held.versions:
            # all or nothing: what answered before goes on as it was, beside whatever else did load
            return replace(held, versions={**versions, **held.versions}, failures=failures)
        return Model(name, versions, wanted.aliases, wanted.default, failures)

    def _loaded(self, name: str, version: str, package: str) -> Served | None:
        started = time.monotonic()
        try:
            served = self._load(name, version, package)
        except Exception as error:
            reason = str(error) if isinstance(error, RaylineError) else f"{type(error).__name__}: {error}"
            self._failures[name, version] = Failure(reason, type(error).__name__)
            unexpected = not isinstance(error, RaylineError)
            log.warning("%s %s cannot be loaded from %s: %s", name, version, package, reason, exc_info=unexpected)
            self._on_failure(name, version)
            return None
        log.info("%s %s loaded from %s in %.1f s", name, version, package, time.monotonic() - started)
        return served

    def _put(self, models: Mapping[str, Model], *, loading: bool | None = None) -> None:
        self._table = Table(dict(models), self._table.loading if loading is None else loading)
        self._swap(self._table)

    def _account(self) -> dict[str, Any]:
        return {
            name: {
                "versions": {version: served.package for version, served in model.versions.items()},
                "aliases": dict(model.aliases),
                "default": model.answering,
                "failures": {
                    version: {"reason": failure.reason, "kind": failure.kind}
                    for (of, version), failure in self._failures.items()
                    if of == name
                },
            }
            for name, model in self._table.models.items()
        }

    def _tell(self) -> None:
        with self._lock:
            report, self._unreported = self._unreported, None
        if report is None:
            return
        try:
            self._report(report)
        except Exception as error:  # noqa: BLE001 - answering must not depend on being able to tell
            log.warning("the state of this replica could not be reported: %s", error)
            with self._lock:
                self._unreported = self._unreported or report
