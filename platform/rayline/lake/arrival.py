"""What an append brings: rows made to fit, and what the newest state of the table makes of them.

A plan may be asked for several times, each with a newer state, when other processes commit in between.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rayline.core.errors import DataError, RunError
from rayline.lake.columns import Columns, conform, of_schema, widened
from rayline.lake.digest import Digest, rows_of
from rayline.lake.log import GUARD_S
from rayline.lake.partitions import check_partitions
from rayline.lake.snapshot import Change, FileChange, State

PLACES = ("object",)
"""Columns of a files table that tell where content is kept and not what came: two copies of a file differ in them."""


@dataclass(frozen=True)
class Advance:
    """How far a batch brings a stream: in the same snapshot as the rows, or not at all."""

    stream: str
    start: Any
    """The position that the table must hold when the batch comes in; `None` where it holds none."""
    end: Any


@dataclass
class Arrival:
    """One append on its way in."""

    table: str
    """The table's name."""
    where: str
    """What messages call the rows."""
    schema: pa.Schema
    columns: Columns
    """The table's columns when the append began, and those that only it has."""
    batch: str | None
    advance: Advance | None
    media: str | None
    began: float = field(default_factory=time.time)
    digest: Digest = field(default_factory=Digest)

    def fitted(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The rows in the table's columns.

        Raises:
            DataError: rows that the columns do not take.
        """
        rows = 0
        for table in tables:
            made = conform(table, self.columns, self.where, first_row=rows)
            rows += table.num_rows
            if self.batch is not None:  # nothing else is ever compared
                kept = [name for name in made.column_names if self.media is None or name not in PLACES]
                self.digest.add(made.select(kept))
            yield made

    def plan(self, newest: State, files: tuple[FileChange, ...]) -> Change | None:
        """What bringing in `files` changes; `None` where the batch is in.

        Raises:
            DataError: another append brought what these rows do not agree with.
            RunError: another process brought the stream on, or the append took longer than its files are safe.
        """
        if self.batch is not None and self.batch in newest.batches:
            return None
        if time.time() - self.began > GUARD_S / 2:
            raise RunError(
                f"appending {self.where} took more than 12 hours, in which its files may count as left over. "
                "Nothing was added; append less at a time."
            )
        if self.advance is not None:
            self._follows(newest, self.advance)
        if self.media is not None and newest.media not in (None, self.media):
            raise DataError(
                f"{self.where} are {self.media}, and another batch has brought {newest.media}. "
                "Keep each kind in its own table."
            )
        return Change(
            "append",
            files,
            columns=self._agreed(newest),
            batch=self.batch,
            digest=str(self.digest) if self.batch is not None else None,
            streams={self.advance.stream: self.advance.end} if self.advance else {},
            media=self.media,
        )

    def check_same(self, state: State) -> None:
        """Raise unless the rows are those that came as this batch before, once all have passed `fitted`.

        Raises:
            DataError: they are others.
        """
        assert self.batch is not None
        held = state.digests.get(self.batch)
        if held not in (None, str(self.digest)):
            assert held is not None
            raise DataError(
                f"{self.where}: batch {self.batch!r} is in already, by snapshot {state.batches[self.batch]}, with "
                f"other content ({rows_of(held):,} rows, and here {self.digest.rows:,}). Nothing was added: give new "
                "content an id of its own."
            )

    def _follows(self, newest: State, advance: Advance) -> None:
        held = newest.streams.get(advance.stream)
        if held != advance.start:
            raise RunError(
                f"another process reads {advance.stream} into {self.table}: the table is at {held}, these rows "
                f"begin at {advance.start}. Nothing was added; run one of them."
            )

    def _agreed(self, newest: State) -> Columns | None:
        """The columns after this batch where they change, whatever others have added while it was written."""
        if not newest.columns:
            return self.columns
        columns = widened(newest.columns, self.schema, self.where, curated=newest.zone == "curated")
        kinds = {column.name: column.kind for column in columns}
        for column in self.columns:
            if kinds[column.name] != column.kind:
                raise DataError(
                    f"{self.where}: while it was written, another batch brought column {column.name!r} as "
                    f"{kinds[column.name]}, and here it is {column.kind}. Convert it and append again."
                )
        return columns if columns != newest.columns else None


def columns_with(state: State, schema: pa.Schema, where: str) -> Columns:
    """The table's columns, and those that only a batch of `schema` has.

    Raises:
        DataError: columns that the table does not take, or none at all.
    """
    if state.columns:
        return widened(state.columns, schema, where, curated=state.zone == "curated")
    columns = of_schema(schema, where)
    if not columns:
        raise DataError(f"{where} has no column with a value. Give a table that is declared without columns one first.")
    check_partitions(state.by, columns)
    return columns
