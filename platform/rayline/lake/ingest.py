"""A stream into a table, each record exactly once, whatever is killed when.

A micro-batch is committed with the position after it in the same snapshot, and the next one begins at the position of
the newest snapshot: the broker's own memory of positions decides nothing. What a killed process had read but not
committed is read again; two processes on one stream cannot both commit the same records.

Compaction goes on beside the appends, one at a time, in a thread with a table of its own: appends do not wait for it,
and what it fails at is left to the next.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, Self

import pyarrow as pa

from rayline.core.errors import DataError, RunError, StorageError
from rayline.lake.arrival import Advance
from rayline.lake.compact import compact, due
from rayline.lake.place import Place
from rayline.lake.table import Appended, Table

log = logging.getLogger("rayline.lake")
MAX_ROWS = 10_000
POLL_S = 1.0


class Micro(Protocol):
    """Rows, and the positions they lie between."""

    @property
    def table(self) -> pa.Table: ...

    @property
    def start(self) -> Any: ...

    @property
    def end(self) -> Any:
        """JSON-able; equal positions are equal after a turn through JSON."""


class Stream(Protocol):
    """What can be ingested. Room `sources` makes such; anything with these methods will do."""

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str:
        """The same for the same stream, however its address is written."""

    def seek(self, offsets: Any) -> None:
        """Continue at an `end`; `None`: from the beginning."""

    def poll(self, max_rows: int, timeout_s: float) -> Micro | None:
        """The next rows, or `None` where none come in time."""

    def commit(self, offsets: Any) -> None:
        """What lies before `offsets` is kept for good."""


@dataclass(frozen=True)
class Ingested:
    """What one call of `ingest` added."""

    batches: int
    rows: int
    position: Any
    """Where the next one begins; `None` where nothing was ever read."""


def ingest(
    table: Table,
    stream: Stream,
    *,
    key: str | None = None,
    max_batches: int | None = None,
    seconds: float | None = None,
    max_rows: int = MAX_ROWS,
    compact_after: int | None = None,
    on_batch: Callable[[Appended, Any], None] | None = None,
) -> Ingested:
    """Append micro-batches until there were `max_batches`, `seconds` have passed, or the process is stopped.

    Args:
        key: what the table keeps the stream's position under; default: the stream's own.
        max_rows: of one micro-batch.
        compact_after: merge small files once more than so many of them end a partition; `None`: leave them.
        on_batch: told of each after it is in, with the position after it.

    Raises:
        DataError: the stream gives what the table does not take, or is gone.
        RunError: another process reads the stream into the table.
        StorageError: the place cannot be written.
    """
    key = key or stream.key
    position = table.latest().streams.get(key)
    stream.seek(position)
    if position is not None:
        # what the last process committed to the table, and was killed before it could tell the stream
        stream.commit(position)
    until = None if seconds is None else time.monotonic() + seconds
    batches = rows = 0
    with Upkeep(table, compact_after) as upkeep:
        upkeep.look()
        while max_batches is None or batches < max_batches:
            left = POLL_S if until is None else min(POLL_S, until - time.monotonic())
            if left <= 0:
                break
            micro = stream.poll(max_rows, left)
            if micro is None:
                continue
            where = f"{stream.name} from {micro.start}"
            advance = Advance(key, position, micro.end)
            added = table.append(micro.table.schema, [micro.table], where=where, advance=advance)
            position = micro.end
            stream.commit(position)
            batches, rows = batches + 1, rows + added.rows
            if on_batch is not None:
                on_batch(added, position)
            upkeep.look()
    return Ingested(batches, rows, position)


class Upkeep:
    """Compacts a table beside the appends to it; nothing where `after` is `None`.

    The end of the block waits for it, and raises the error that nobody foresaw of the last compaction.
    """

    def __init__(self, table: Table, after: int | None) -> None:
        self._table, self._after = table, after
        self._pool = ThreadPoolExecutor(1, "compact")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown()
        error = None if self._running is None else self._running.exception()
        if error is None:
            return
        if kind is None:
            raise error
        # what ended the block comes first, and this is not lost beside it
        log.error("%s was not compacted: %s: %s", self._table.name, type(error).__name__, error)

    def look(self) -> None:
        """Begin to compact, where that is due and not under way."""
        if self._after is None:
            return
        if self._running is not None:
            if not self._running.done():
                return
            done, self._running = self._running, None
            done.result()  # an error that nobody foresaw is not kept silent
        if due(self._table.log.seen(), self._after):
            self._running = self._pool.submit(self._compact, self._after)

    def _compact(self, after: int) -> None:
        table = Table(self._table.name, self._table.zone, Place(self._table.place.uri))  # one is for one thread
        try:
            compact(table, after=after)
        except (DataError, RunError, StorageError) as error:
            log.warning("%s was not compacted: %s Rows still come in.", table.name, error)
