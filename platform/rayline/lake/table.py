"""One table: append, states by number or time, and its rows in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from rayline.core.errors import DataError, InputError, RunError, StorageError, listing, nearest
from rayline.lake import parquet
from rayline.lake.arrival import Advance, Arrival, columns_with
from rayline.lake.columns import arrow
from rayline.lake.log import Log, as_text
from rayline.lake.place import Place
from rayline.lake.snapshot import State, Summary, Value, Zone

MOST_BATCH_LETTERS = 1000


@dataclass(frozen=True)
class Appended:
    """What an append did."""

    snapshot: int
    """The snapshot that holds the batch, made now or by an earlier append of the same batch."""
    rows: int
    repeated: bool
    """The batch was in already, so nothing was added; `rows` is 0."""
    new_columns: tuple[str, ...] = ()
    """Columns that the table did not have: missing in the rows before. Of a first batch none is new, nor ever of
    a curated one."""
    absent_columns: tuple[str, ...] = ()
    """The table's columns that the batch does not have: missing in its rows."""


class Table:
    """A table of a lake. For one thread; any number of processes may append at a time."""

    def __init__(self, name: str, zone: Zone, place: Place) -> None:
        self.name = name
        self.zone = zone
        self.place = place
        self.log = Log(place)

    def latest(self) -> State:
        """The newest state.

        Raises:
            StorageError: it cannot be read.
        """
        return self.log.latest()

    def at(self, number: int | None = None, moment: datetime | None = None) -> State:
        """The state at a snapshot, or as of a time (UTC where it has no zone); the newest without either.

        Raises:
            InputError: there is no such snapshot, or it was expired; the table did not exist then.
            StorageError: a file of its snapshots cannot be read, or is gone.
        """
        newest = self.latest()
        if moment is not None:
            number = _number_at(newest, moment, self.name)
        if number is None or number == newest.number:
            return newest
        if not newest.oldest <= number <= newest.number:
            why = " It was expired." if 0 <= number < newest.oldest else ""
            raise InputError(
                f"{self.name} has no snapshot {number}; it has {newest.oldest} to {newest.number}.{why} "
                f"See: rayline lake snapshots {self.name}"
            )
        try:
            return self.log.at(number)
        except FileNotFoundError:
            raise StorageError(
                f"{self.place.shown()} lacks a file that snapshot {number} is read from: it was expired just now, or "
                f"deleted by hand. Restore it from a copy, or read a newer one: rayline lake snapshots {self.name}"
            ) from None

    def append(
        self,
        schema: pa.Schema,
        tables: Iterable[pa.Table],
        *,
        where: str = "the batch",
        batch: str | None = None,
        advance: Advance | None = None,
        media: str | None = None,
        undo: Callable[[], None] | None = None,
    ) -> Appended:
        """Add the rows of `tables`, all of `schema`, as one snapshot: every row is in, or none is.

        Args:
            where: what messages call the rows.
            batch: what tells this batch from others. One that is in already is not added again; its rows are read
                and compared.
            advance: the stream these rows come from.
            media: what the files are that the rows name.
            undo: called where nothing of it comes in, to remove what was kept beside the rows.

        Raises:
            InputError: an empty id, or one that is too long.
            DataError: rows that the table's columns do not take, or that are not those that came as this batch.
            RunError: another process brought the stream on, or the append took longer than its files are safe.
            StorageError: the place cannot be written.
        """
        if batch is not None and not 0 < len(batch) <= MOST_BATCH_LETTERS:
            raise InputError(
                f"a batch's id has 1 to {MOST_BATCH_LETTERS} characters, and this one {len(batch)}. "
                "Name the batch by what it holds, such as its day."
            )
        state = self.latest()
        arrival = Arrival(self.name, where, schema, columns_with(state, schema, where), batch, advance, media)
        if batch is not None and batch in state.batches:
            return self._repeated(state, arrival, tables)
        writer = parquet.Writer(
            self.place, arrival.columns, state.by, weights="size" if state.kind == "files" else None
        )

        def discard() -> None:
            with suppress(StorageError):  # what is left is removed when the table is expired
                writer.discard()
                if undo is not None:
                    undo()

        try:
            for table in arrival.fitted(tables):
                writer.write(table)
            files = writer.finish()
        except BaseException:
            discard()
            raise
        try:
            after, made = self.log.commit(lambda newest: arrival.plan(newest, files))
        except (DataError, RunError):  # of the plan; when storage fails, the commit may be in all the same
            discard()
            raise
        if made:
            return Appended(after.number, writer.rows, repeated=False, **_differing(state, arrival))
        discard()
        return self._repeated(after, arrival, ())

    def _repeated(self, state: State, arrival: Arrival, left: Iterable[pa.Table]) -> Appended:
        """The answer for a batch that is in, by the rows that were seen and those that are `left`."""
        assert arrival.batch is not None
        if arrival.batch in state.digests:
            for _ in arrival.fitted(left):
                pass
            arrival.check_same(state)
        return Appended(state.batches[arrival.batch], 0, repeated=True)

    def pieces(self, state: State, only: Mapping[str, Sequence[Value]] | None = None) -> list[parquet.Piece]:
        """What to read, in order: partitions by when they first came, rows in the order of commits.

        Neither a piece's partition nor a row's place in it changes by a later append or compaction.

        Args:
            only: by partition column, the values to read; the others' files are not looked at.

        Raises:
            InputError: a column in `only` that the table is not partitioned by.
        """
        for name in only or {}:
            if name not in state.by:
                parted = f"It is by {listing(state.by)}." if state.by else "It is not partitioned."
                raise InputError(f"{self.name} is not partitioned by {name!r}.{nearest(name, state.by)} {parted}")
        found: list[parquet.Piece] = []
        for place, (values, files) in enumerate(state.partitions.items()):
            named = dict(zip(state.by, values, strict=True))
            if all(named[name] in wanted for name, wanted in (only or {}).items()):
                found.extend(parquet.pieces(files, place, values))
        return found

    def read(self, state: State, piece: parquet.Piece, names: Sequence[str] | None = None) -> pa.Table:
        """The rows of a piece.

        Raises:
            DataError: the file is gone or damaged.
        """
        every = [column.name for column in state.columns]
        return parquet.read(self.place, piece, state.columns, state.by, every if names is None else names)

    def batches(self, state: State) -> Iterator[pa.Table]:
        """All rows, piece by piece."""
        for piece in self.pieces(state):
            yield self.read(state, piece)

    def schema(self, state: State) -> pa.Schema:
        return arrow(state.columns)


def _differing(state: State, arrival: Arrival) -> dict[str, tuple[str, ...]]:
    """In which columns a batch and the table it came to differ."""
    held, brought = [column.name for column in state.columns], arrival.schema.names
    return {
        "new_columns": tuple(column.name for column in arrival.columns if held and column.name not in held),
        "absent_columns": tuple(name for name in held if name not in brought),
    }


def as_value(value: Any) -> Value:
    """A partition value as snapshots keep it."""
    return value.isoformat() if isinstance(value, date) else value  # type: ignore[no-any-return]


def _number_at(newest: State, moment: datetime, name: str) -> int:
    text = as_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    before = [summary for summary in newest.history if summary.time <= text]
    if not before:
        first: Summary = newest.history[0]
        raise InputError(f"{name} has no snapshot as old as {text}; its oldest is {first.number}, of {first.time}.")
    return before[-1].number
