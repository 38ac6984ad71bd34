"""One replica: the parts put together. Ray Serve drives it (`on_ray.py`); so can a test, or any ASGI server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rayline.core.errors import InputError, RunError
from rayline.profile.reference import Reference
from rayline.serve import packages
from rayline.serve.access import AccessLog
from rayline.serve.asgi import App
from rayline.serve.dataplane import Dataplane
from rayline.serve.keys import Key, require_for
from rayline.serve.loader import Loader, Report
from rayline.serve.metrics import Meters, Metrics
from rayline.serve.observe import Observer
from rayline.serve.state import Desired, parse
from rayline.serve.table import Predictor, Served, Table
from rayline.serve.windows import Post, Windows

SWITCH_INTERVAL_S = 0.0005
"""How long a busy thread may hold the interpreter while the event loop waits for it. At Python's own 5 ms, a package
that loads beside the traffic puts 5 ms on every turn of the loop."""


class Replica:
    """Answers for every model of the desired state it was last given.

    Args:
        name: of this replica, in logs and records.
        host: address that the endpoint is bound to; beyond loopback, keys are required.
        meters: where metrics go.
        report: told what this replica has loaded; called in a thread, again when it raises.
        access_log: file of the access log.
        keys: API keys beside those of the desired state.
        open_package: what a package URI is loaded by.
        post: how windows reach the monitor.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str,
        meters: Meters,
        report: Callable[[Report], None],
        access_log: Path,
        keys: tuple[Key, ...] = (),
        open_package: Callable[[str], tuple[Predictor, Reference | None]] = packages.open_registry,
        post: Post | None = None,
    ) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._host = host
        self._keys = keys
        self._metrics = Metrics(meters)
        self._log = AccessLog(access_log)
        self._windows = Windows(name, post)
        self._observer = Observer((self._metrics, self._log, self._windows))
        self._open_package = open_package
        self._begun = False
        self.plane = Dataplane(name, self._observer)
        self.app = App(self.plane)
        self._loader = Loader(self._load, swap=self._swap, report=report, on_failure=self._metrics.load_failed)

    async def reconfigure(self, document: Any) -> None:
        """Take on a desired state (a `user_config`).

        The first call returns when everything has been loaded or has failed, because a replica takes traffic once it
        returned. A later one returns at once, whatever it is given: the replica goes on answering, loads beside it,
        and reports.

        Raises:
            InputError: the first document is no desired state, or asks for no keys on a bind beyond loopback.
            RunError: nothing of the first one could be loaded. Serve tries again, and sends no traffic meanwhile.
        """
        try:
            desired = parse(document)
            require_for(self._host, (*self._keys, *desired.settings.keys))
        except InputError as error:
            if not self._begun:
                raise
            self._loader.refuse(fingerprint_of(document), str(error))
            return
        self._configure(desired)
        done = self._loader.want(desired)
        if not self._begun:
            await asyncio.wrap_future(done)
            table = self.plane.table
            if table.models and not any(model.versions for model in table.models.values()):
                reasons = {reason for model in table.models.values() for reason in model.failures.values()}
                raise RunError(f"this replica could load none of its models: {' '.join(sorted(reasons))}")
            self._begun = True

    def close(self) -> None:
        self._loader.close()
        self.plane.close()

    def _configure(self, desired: Desired) -> None:
        self.plane.configure(desired.settings, self._keys)
        self._log.enabled = desired.settings.access_log
        self._windows.monitor = desired.settings.monitor
        self._windows.report_s = desired.settings.report_s

    def _swap(self, table: Table) -> None:
        self.plane.swap(table)
        self._metrics.loaded(table)

    def _load(self, model: str, version: str, package: str) -> Served:
        return packages.load(
            model,
            version,
            package,
            open_package=self._open_package,
            executor=self.plane.executor,
            observer=self._observer,
            settings=self.plane.settings,
        )


def fingerprint_of(document: Any) -> str:
    """A name for a document that is no desired state, in the report that says so."""
    return f"refused-{hash(repr(document)) & 0xFFFFFFFF:08x}"
