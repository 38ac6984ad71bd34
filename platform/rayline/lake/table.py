"""One table: append, states by number or time, and its rows in pieces."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from rayline.core.errors import DataError, InputError, RunError, listing, nearest
from rayline.lake import parquet
from rayline.lake.columns import Columns, arrow, conform, of_schema, widened
from rayline.lake.log import GUARD_S, Log, as_text
from rayline.lake.place import Place
from rayline.lake.snapshot import Change, State, Summary, Value, Zone


@dataclass(frozen=True)
class Appended:
    """What an append did."""

    snapshot: int
    """The snapshot that holds the batch, made now or by an earlier append of the same batch."""
    rows: int
    repeated: bool
    """The batch was in already, so nothing was added; `rows` is 0."""


@dataclass(frozen=True)
class Advance:
    """How far a batch brings a stream: in the same snapshot as the rows, or not at all."""

    stream: str
    start: Any
    """The position that the table must hold when the batch comes in; `None` where it holds none."""
    end: Any


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
        return self.log.at(number)

    def append(
        self,
        schema: pa.Schema,
        tables: Iterable[pa.Table],
        *,
        where: str = "the batch",
        batch: str | None = None,
        advance: Advance | None = None,
        media: str | None = None,
    ) -> Appended:
        """Add the rows of `tables`, all of `schema`, as one snapshot: every row is in, or none is.

        Args:
            where: what messages call the rows.
            batch: what tells this batch from others. One that is in already is not added again.
            advance: the stream these rows come from.
            media: what the files are that the rows name.

        Raises:
            DataError: rows that the table's columns do not take.
            RunError: another process brought the stream on, or the append took longer than its files are safe.
            StorageError: the place cannot be written.
        """
        began = time.time()
        state = self.latest()
        if batch is not None and batch in state.batches:
            return Appended(state.batches[batch], 0, repeated=True)
        columns = self._columns(state, schema, where)
        writer = parquet.Writer(self.place, columns, state.by, weights="size" if state.kind == "files" else None)
        try:
            for table in tables:
                writer.write(conform(table, columns, where, first_row=writer.rows))
            files = writer.finish()
        except BaseException:
            writer.discard()
            raise

        def plan(newest: State) -> Change | None:
            if batch is not None and batch in newest.batches:
                return None
            if time.time() - began > GUARD_S / 2:
                raise RunError(
                    f"appending {where} took more than 12 hours, in which its files may count as left over. "
                    "Nothing was added; append less at a time."
                )
            if advance is not None:
                self._follows(newest, advance)
            if media is not None and newest.media not in (None, media):
                raise DataError(
                    f"{where} are {media}, and another batch has brought {newest.media}. "
                    "Keep each kind in its own table."
                )
            return Change(
                "append",
                files,
                columns=self._agreed(newest, schema, columns, where),
                batch=batch,
                streams={advance.stream: advance.end} if advance else {},
                media=media,
            )

        try:
            after, made = self.log.commit(plan)
        except (DataError, RunError):  # of `plan`; when storage fails, the commit may be in all the same
            writer.discard()
            raise
        if not made:
            writer.discard()
            assert batch is not None
            return Appended(after.batches[batch], 0, repeated=True)
        return Appended(after.number, writer.rows, repeated=False)

    def _follows(self, newest: State, advance: Advance) -> None:
        held = newest.streams.get(advance.stream)
        if held != advance.start:
            raise RunError(
                f"another process reads {advance.stream} into {self.name}: the table is at {held}, these rows "
                f"begin at {advance.start}. Nothing was added; run one of them."
            )

    def _columns(self, state: State, schema: pa.Schema, where: str) -> Columns:
        if state.columns:
            return widened(state.columns, schema, where)
        columns = of_schema(schema, where)
        if not columns:
            raise DataError(
                f"{where} has no column with a value. Give a table that is declared without columns one first."
            )
        parquet.check_partitions(state.by, columns)
        return columns

    def _agreed(self, newest: State, schema: pa.Schema, written: Columns, where: str) -> Columns | None:
        """The columns after this batch where they change, whatever others have added while it was written."""
        if not newest.columns:
            return written
        columns = widened(newest.columns, schema, where)
        kinds = {column.name: column.kind for column in columns}
        for column in written:
            if kinds[column.name] != column.kind:
                raise DataError(
                    f"{where}: while it was written, another batch brought column {column.name!r} as "
                    f"{kinds[column.name]}, and here it is {column.kind}. Convert it and append again."
                )
        return columns if columns != newest.columns else None

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
