"""Messages of a broker as rows: streams of JSON objects, and reads of them that end and are kept."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import pyarrow as pa

from rayline.core.errors import DataError
from rayline.core.shown import counted
from rayline.sources import _records
from rayline.sources._kept import OFFSETS, Reads
from rayline.sources._stream import Micro, Stream

log = logging.getLogger("rayline.sources")

Invalid = Literal["stop", "skip"]
TAKE_ROWS = 20_000
"""Rows that a bounded read holds at a time."""


@dataclass(frozen=True)
class Taken:
    """Rows of messages, and the places they lie between."""

    rows: list[dict[str, Any]]
    start: dict[str, int]
    end: dict[str, int]


class MessageStream(Stream):
    """A stream of messages, each a JSON object and a row."""

    def __init__(self, declared: Mapping[str, pa.DataType], invalid: Invalid) -> None:
        self.declared = dict(declared)
        """Types of columns that do not follow from their values."""
        self.invalid = invalid
        self._refused: DataError | None = None
        self._passed = 0

    @abstractmethod
    def take(self, max_rows: int, timeout_s: float) -> Taken | None:
        """As `poll`, before the rows become a table."""

    def poll(self, max_rows: int, timeout_s: float) -> Micro | None:
        """See `Stream.poll`."""
        taken = self.take(max_rows, timeout_s)
        if taken is None:
            return None
        return Micro(_records.table(taken.rows, self.declared, self.name), taken.start, taken.end)

    def _row(self, data: bytes | None, where: str, more: Mapping[str, Any]) -> dict[str, Any] | None:
        """A message as a row with the columns `more`; `None` for one that is passed over.

        Raises:
            DataError: it is no JSON object, and such messages stop the reading.
        """
        if data is None:  # how Kafka says that a key is deleted
            return None
        try:
            row = _records.parse(data)
            if twice := next((name for name in more if name in row), None):
                raise _records.NoRecordError(f"has a column {twice!r}, a name its metadata take")
        except _records.NoRecordError as error:
            if self.invalid == "stop":
                raise DataError(
                    f"{self.name}: the message at {where} {error}. Correct what sends it, or set invalid: skip to pass "
                    "such messages over."
                ) from None
            self._passed += 1
            return None
        return {**more, **row}

    def _tell_passed(self) -> None:
        """Say how many messages were passed over."""
        if self._passed:
            are = "is no JSON object and was" if self._passed == 1 else "are no JSON objects and were"
            log.warning("%s: %s %s passed over (invalid: skip)", self.name, counted(self._passed, "message"), are)
        self._passed = 0


def keep(
    stream: MessageStream,
    reads: Reads,
    *,
    name: str | None,
    begin: Callable[[dict[str, int] | None], None],
    more: Callable[[int], Taken | None],
    nothing: str,
) -> str:
    """One read of `stream` that ends, kept as a file; its path. A name that is there already is not read again.

    Args:
        begin: Gets the offsets where the last read ended, `None` where there was none; places the stream.
        more: Gets how many rows there are; takes further ones, `None` at the end.
        nothing: What to say where no row came.

    Raises:
        DataError: no row came, or the stream cannot be read.
        StorageError: the rows cannot be kept.
    """
    with reads.locked() as local:
        if name is not None and (found := reads.called(name)) is not None:
            return found.uri
        last = reads.last()
        begin(None if last is None else last.offsets())
        end: dict[str, int] = {}
        with _records.Spool(local, stream.declared, stream.name) as spool:
            while (taken := more(spool.num_rows)) is not None:
                spool.add(taken.rows)
                end = taken.end
            if not spool.num_rows:
                raise DataError(f"{stream.name}: {nothing}")
            read = reads.next(name)
            # rows and offsets are one file: this is the moment in which both advance
            spool.finish(read.uri, {OFFSETS: orjson.dumps(end).decode()})
        stream.commit(end)
    return read.uri
