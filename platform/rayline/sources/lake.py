"""A table of the lake, as of one snapshot: `lake:adult`, or `lake:adult@7`.

Choose it for data that grows: a run reads the snapshot that was newest when it began, whatever is appended meanwhile,
and can be repeated on it later. Only the columns and partitions asked for are read. Of a table of files (images, audio,
text, video) their content is a column of that name; no step prepares a whole video, so read its frames by `{name:
video, path: lake:TABLE}`. A row's key stays what it is when rows are appended and when the
table is compacted, for it is made of the row's partition and its place there. Reference: rayline/lake/README.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from pydantic import Field, field_validator

from rayline.core.catalog import PluginConfig
from rayline.core.columns import FeatureType
from rayline.core.errors import DataError, InputError
from rayline.lake import media
from rayline.lake.lake import FILES, Lake, root
from rayline.lake.parquet import Piece
from rayline.lake.place import Place
from rayline.lake.snapshot import State
from rayline.lake.table import Table, as_value
from rayline.sources._columns import unknown_column
from rayline.sources._source import Fragment, Source

PREFIX = "lake:"
OWN = tuple(column.name for column in FILES)
NAMES = ("path", "object", "sha256")
"""Of these, what only names a file."""


class Config(PluginConfig):
    table: str
    """The table's name, in either zone."""
    snapshot: int | None = None
    """Which snapshot; `null` for the newest when the run begins."""
    at: datetime | None = None
    """The newest snapshot of this time or before (UTC where it names no zone)."""
    where: dict[str, tuple[bool | int | date | str | None, ...]] = Field(default={})
    """By partition column, the value or values to read; other partitions' files are not opened."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all, of a table of files `path`, the labels and the content."""
    lake: str | None = None
    """The lake's URI; `null` for `RAYLINE_LAKE`, else `RAYLINE_HOME/lake`."""

    @field_validator("where", mode="before")
    @classmethod
    def _each_a_list(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: one if isinstance(one, list | tuple) else (one,) for name, one in value.items()}

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `lake:NAME` and `lake:NAME@SNAPSHOT`.

        Raises:
            DataError: what follows the `@` is no number.
        """
        if not text.startswith(PREFIX):
            return None
        name, mark, snapshot = text.removeprefix(PREFIX).partition("@")
        if mark and not re.fullmatch(r"\d{1,10}", snapshot):
            raise DataError(f"{text!r} names no snapshot. Write lake:NAME or lake:NAME@NUMBER, such as lake:adult@7.")
        return cls(table=name, snapshot=int(snapshot) if mark else None)

    def build(self) -> Source:
        """The source of one snapshot, chosen now.

        Raises:
            DataError: there is no such table, snapshot or partition column.
        """
        if self.snapshot is not None and self.at is not None:
            raise DataError(f"lake:{self.table} is asked for by snapshot and by time. Give one of them.")
        try:
            table = Lake(root(self.lake)).open(self.table)
            state = table.at(self.snapshot, self.at)
            only = {name: tuple(as_value(value) for value in values) for name, values in self.where.items()}
            pieces = table.pieces(state, only)
        except InputError as error:
            raise error if isinstance(error, DataError) else DataError(str(error)) from None
        pinned = self.model_copy(update={"snapshot": state.number, "at": None})
        return LakeSource(table, state, pieces, self.columns, pinned)


class LakeSource(Source):
    """One fragment a run of row groups. ROW is `(partition << 40) + place in the partition`."""

    def __init__(
        self, table: Table, state: State, pieces: list[Piece], columns: Sequence[str] | None, pinned: Config
    ) -> None:
        self._pinned = pinned
        self._table_name, self._zone, self._place = table.name, table.zone, table.place
        # tasks need to know what the columns are, not what else the table holds
        self._state = replace(state, partitions={}, batches={}, digests={}, streams={}, history=state.history[-1:])
        self._pieces = pieces
        self._columns = columns

    @property
    def kept(self) -> Config:
        """The same snapshot, by its number."""
        return self._pinned

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        if self._state.media is None:
            return {}
        names = dict.fromkeys(NAMES, FeatureType.ID)
        return names | ({"text": FeatureType.TEXT} if self._state.media == "text" else {})

    @property
    def name(self) -> str:
        return f"{PREFIX}{self._table_name}@{self._state.number}"

    def _find(self) -> list[Fragment]:
        if not self._pieces:
            raise DataError(f"{self.name} has no rows. Append some, or read another snapshot or partition.")
        return [
            Fragment(
                index,
                f"{self.name} {piece.name}" + (f" row groups {piece.groups[0]}-{piece.groups[-1]}" if many else ""),
                file=piece.partition,
                parts=(index,),
                first_row=piece.first_row,
                size_bytes=piece.read_bytes,
            )
            for index, piece in enumerate(self._pieces)
            for many in [len(piece.groups) > 1 or piece.groups[0] > 0]
        ]

    def _decide(self) -> pa.Schema:
        kinds = {column.name: column.type for column in self._state.columns}
        names = list(kinds)
        if self._state.media is not None:
            kinds[self._state.media] = pa.string() if self._state.media == "text" else pa.binary()
            names = ["path", *(name for name in names if name not in OWN), self._state.media]
        if "video" in (self._columns or names) and self._state.media == "video":
            self.notes[-1] = (
                f"{self.name}: each row is a whole video, which no step prepares. For its frames: "
                f"data.source: {{name: video, path: {PREFIX}{self._table_name}}}."
            )
        for name in self._columns or ():
            if name not in kinds:
                raise unknown_column(self.name, name, list(kinds))
        return pa.schema([(name, kinds[name]) for name in self._columns or names])

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        table = Table(self._table_name, self._zone, Place(self._place.uri))
        return media.read(table, self._state, self._pieces[fragment.parts[0]], names)
