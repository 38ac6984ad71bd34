"""The data plane: who answers, under which rules, and what is seen of it. Protocols call it; it knows none of them."""

from __future__ import annotations

import importlib.metadata
from concurrent.futures import ThreadPoolExecutor

from rayline.serve.keys import Guard, Key
from rayline.serve.observe import Observer, Request
from rayline.serve.state import Settings
from rayline.serve.table import Served, Table


class Dataplane:
    """Everything a replica answers from. The table and the settings are replaced whole, from any thread.

    Args:
        replica: this replica's name.
        observer: sees what happens.
    """

    def __init__(self, replica: str, observer: Observer) -> None:
        self.replica = replica
        self.release = importlib.metadata.version("rayline")
        self.table = Table()
        self.settings = Settings()
        self.guard = Guard(())
        self.executor = ThreadPoolExecutor(2, thread_name_prefix="rayline-pass")
        self._observer = observer

    def configure(self, settings: Settings, keys: tuple[Key, ...] = ()) -> None:
        """Take new settings; `keys` are good beside theirs."""
        self.settings = settings
        self.guard = Guard((*keys, *settings.keys))
        for model in self.table.models.values():
            for served in model.versions.values():
                served.batcher.max_waiting_rows = settings.max_waiting_rows

    def swap(self, table: Table) -> None:
        """Answer from `table` from now on."""
        self.table = table

    def note(self, request: Request, served: Served | None) -> None:
        """See a request that was answered, by `served` if it got that far."""
        if served is not None:
            tally = served.tally
            tally.last = request.time
            if request.status < 400:
                tally.answered += 1
                tally.answered_s += request.seconds
            else:
                tally.refused += 1
                tally.refused_s += request.seconds
        self._observer.request(request)

    def close(self) -> None:
        """Hand over what was seen, and stop the threads."""
        self._observer.close()
        self.executor.shutdown(wait=False, cancel_futures=True)
