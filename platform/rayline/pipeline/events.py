"""What a run tells whoever watches it: stages begun and ended, notes, training progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Watcher(Protocol):
    """Receives a run's events in order, in the thread that runs it (progress: from a worker's thread too)."""

    def begin(self, stage: str) -> None: ...
    def end(self, stage: str, seconds: float, summary: str) -> None: ...
    def note(self, text: str) -> None: ...
    def progress(self, line: str, *, milestone: bool = False) -> None:
        """Where training or a search is, in one line; a milestone is worth keeping on a log."""


class Silent:
    """Watches and says nothing: the default in Python."""

    def begin(self, stage: str) -> None: ...
    def end(self, stage: str, seconds: float, summary: str) -> None: ...
    def note(self, text: str) -> None: ...
    def progress(self, line: str, *, milestone: bool = False) -> None: ...


@dataclass
class Stages:
    """Times the stages of one run."""

    watcher: Watcher
    seconds: dict[str, float] = field(default_factory=dict)
    """Of the stages that have ended."""
    begun: set[str] = field(default_factory=set)

    @contextmanager
    def stage(self, name: str) -> Iterator[Summary]:
        """Time a block under `name`; what it puts in `Summary.text` is shown when it ends."""
        summary = Summary()
        self.begun.add(name)
        self.watcher.begin(name)
        started = time.perf_counter()
        yield summary
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started
        self.watcher.end(name, self.seconds[name], summary.text)


@dataclass
class Summary:
    text: str = ""
