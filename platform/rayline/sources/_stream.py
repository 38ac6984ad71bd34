"""What every stream is: rows without an end, read in micro-batches that know where they begin and end.

    stream.seek(end of the last micro-batch that was kept, or None)
    micro = stream.poll(10_000, 5.0)      None: nothing came in five seconds
    keep micro.table and micro.end        in one atomic step
    stream.commit(micro.end)              a hint: what lies before it is not asked for again

Whoever keeps `end` in the same atomic step as the rows has each row exactly once, whatever is killed when: after a
restart `seek(end)` continues with the first row that was not kept. A micro-batch read again from the same start may
end elsewhere (it takes what there is), so neither its size nor a name made of its start alone tells it apart.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa


@dataclass(frozen=True)
class Micro:
    """At least one row, and the places in the stream that they lie between."""

    table: pa.Table
    """Columns in the eight types, or null where no value was met in this micro-batch and none is declared."""
    start: dict[str, int]
    """Position of every part of the stream before the first row: `{"0": 120, "1": 95}`. JSON-able."""
    end: dict[str, int]
    """Position of every part after the last row: what `seek` takes to read the row that follows."""


class Stream(ABC):
    """Reads one stream; not picklable, and for one thread. Closed by `close()`, or at the end of a `with` block."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the stream is called in messages."""

    @property
    def key(self) -> str:
        """What a reader keeps the stream's offsets under: the same however its address is written."""
        return self.name

    @abstractmethod
    def seek(self, offsets: dict[str, int] | None) -> None:
        """Continue at `offsets`, an `end` of this stream; `None`: at the first message that the broker still holds.

        Called once, before the first `poll`. Parts that `offsets` does not name are read from their beginning.

        Raises:
            DataError: the broker does not answer, or no longer holds the messages at `offsets`.
        """

    @abstractmethod
    def poll(self, max_rows: int, timeout_s: float) -> Micro | None:
        """The next rows, at most `max_rows`, as soon as some are there; `None` where none come within `timeout_s`.

        Raises:
            DataError: the broker is gone, or a message is none of the kind declared.
        """

    def commit(self, offsets: dict[str, int]) -> None:  # noqa: B027  streams that keep nothing need not act
        """Rows before `offsets` are kept for good by whoever reads: nothing asks for them again. May be left out."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the connection; what was not committed stays to be read again. Closing twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
