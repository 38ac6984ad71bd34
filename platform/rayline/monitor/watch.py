"""Every version being watched: takes records in, says how far each has drifted, survives a restart."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rayline.core import files
from rayline.core.errors import RaylineError
from rayline.core.records import WindowRecord
from rayline.monitor import packages
from rayline.monitor.packages import Watched
from rayline.monitor.reports import VersionReport, compare
from rayline.monitor.window import MismatchError, RollingWindow

log = logging.getLogger("rayline.monitor")

STATE_FORMAT = 1
MOST_VERSIONS = 64
"""Versions watched at once; the one longest without a record is forgotten first."""
RETRY_S = 60.0
"""How long a package that could not be read is left alone."""


class Outcome(StrEnum):
    """What became of a record."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    LATE = "late"
    """It ended before the window began."""
    MISMATCHED = "mismatched"
    """Its counts are not in the bins of the version's reference."""
    UNREADABLE = "unreadable"
    """The package it names cannot be read."""
    MALFORMED = "malformed"


@dataclass
class _Version:
    package: str
    watched: Watched
    window: RollingWindow
    last_record: float = 0.0


class Watch:
    """Windows of all versions that replicas tell of. Safe to use from many threads.

    Args:
        state: file (path or URI) that keeps the windows over a restart; `None` keeps nothing.
        clock: seconds since the epoch.
    """

    def __init__(self, state: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock
        self._lock = threading.Lock()
        self._versions: OrderedDict[tuple[str, str], _Version] = OrderedDict()
        self._unreadable: OrderedDict[str, float] = OrderedDict()
        self._changed = False
        self.outcomes: Counter[Outcome] = Counter(dict.fromkeys(Outcome, 0))
        self.failed_saves = 0
        if state is not None:
            self._restore(state)

    def accept(self, records: Iterable[WindowRecord]) -> Counter[Outcome]:
        """Merge records; how many came to which outcome."""
        met = Counter(self._accept(record) for record in records)
        with self._lock:
            self.outcomes.update(met)
        return met

    def refuse(self) -> None:
        """Count a body that holds no records."""
        with self._lock:
            self.outcomes[Outcome.MALFORMED] += 1

    def report(self) -> list[VersionReport]:
        """Every version with a record in its window, in the order of their names."""
        now = self._clock()
        with self._lock:
            gone = [key for key, v in self._versions.items() if v.last_record < now - v.window.window_s]
            for key in gone:
                del self._versions[key]
            counted = [(key, v, v.window.total(now)) for key, v in sorted(self._versions.items())]
        return [
            compare(*key, package=v.package, watched=v.watched, total=total, last_record=v.last_record)
            for key, v, total in counted
        ]

    def save(self) -> None:
        """Write the state when something changed; a failure is logged and counted, for the next try to mend."""
        with self._lock:
            if self._state is None or not self._changed:
                return
            self._changed = False
            versions = [
                {
                    "model": model,
                    "version": version,
                    "package": held.package,
                    "last_record": held.last_record,
                    "window_s": held.window.window_s,
                    "digest": held.watched.digest,
                    "window": held.window.to_json(),
                }
                for (model, version), held in self._versions.items()
            ]
        try:
            files.write_json(self._state, {"format": STATE_FORMAT, "versions": versions})
        except RaylineError as error:
            with self._lock:
                self._changed = True
                self.failed_saves += 1
            log.warning("the windows were not saved: %s", error)

    def _accept(self, record: WindowRecord) -> Outcome:
        held = self._version(record)
        if held is None:
            return Outcome.UNREADABLE
        with self._lock:
            try:
                held.window.check(record)
            except MismatchError as error:
                log.warning("record of %s %s from %s refused: %s", record.model, record.version, record.replica, error)
                return Outcome.MISMATCHED
            if held.window.is_repeat(record):
                return Outcome.DUPLICATE
            now = self._clock()
            if not held.window.add(record, now):
                return Outcome.LATE
            held.last_record = max(held.last_record, min(record.ended, now))
            self._changed = True
            return Outcome.ACCEPTED

    def _version(self, record: WindowRecord) -> _Version | None:
        key = (record.model, record.version)
        now = self._clock()
        with self._lock:
            held = self._versions.get(key)
            if held is not None and held.package == record.package:
                self._versions.move_to_end(key)
                return held
            if self._unreadable.get(record.package, -math.inf) > now - RETRY_S:
                return None
        try:
            watched = packages.read(record.package)  # may be far away: not under the lock
        except RaylineError as error:
            log.warning("%s %s is not watched: %s", record.model, record.version, error)
            with self._lock:
                self._unreadable[record.package] = now
                self._trim(self._unreadable)
            return None
        with self._lock:
            held = self._versions.get(key)
            if held is None or held.package != record.package:
                held = _Version(record.package, watched, RollingWindow(watched.reference, watched.window_s))
                self._versions[key] = held
                self._trim(self._versions)
            return held

    def _trim(self, held: OrderedDict[Any, Any]) -> None:
        while len(held) > MOST_VERSIONS:
            held.popitem(last=False)

    def _restore(self, state: str) -> None:
        try:
            document = files.read_json(state)
            if document["format"] != STATE_FORMAT:
                raise ValueError(f"format {document['format']!r}")
            for item in document["versions"]:
                self._restore_version(item)
        except FileNotFoundError:
            return
        except (RaylineError, ValueError, KeyError, TypeError) as error:
            log.warning("the windows in %s cannot be taken up, starting empty: %r", state, error)
            self._versions.clear()

    def _restore_version(self, item: dict[str, Any]) -> None:
        try:
            watched = packages.read(item["package"])
        except RaylineError as error:
            log.warning("%s %s is no longer watched: %s", item["model"], item["version"], error)
            return
        window = RollingWindow(watched.reference, watched.window_s)
        # slots are as long as the window is, and bins are the package's
        if (window.window_s, watched.digest) == (item["window_s"], item["digest"]):
            window.restore(item["window"])
        held = _Version(item["package"], watched, window, float(item["last_record"]))
        self._versions[(str(item["model"]), str(item["version"]))] = held
