"""Files of text, whose columns' types are guessed from values: CSV and JSON lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import KINDS, Kind, common, other_columns, unknown_column
from rayline.sources._source import Fragment, RefusedError, Source

WHOLE_BYTES = 64 << 20
"""Files up to this size together are read whole to decide on types."""
HEAD_BYTES = 8 << 20
"""Of larger ones, this much of a fragment's beginning …"""
MOST_HEADS = 8
"""… of at most so many of the fragments, evenly spaced."""


class GuessedSource(Source):
    """One fragment a file, or a piece of a large one."""

    same_columns: ClassVar[bool] = True
    """Whether every file has all columns."""

    def __init__(self, path: str, suffixes: tuple[str, ...], types: Mapping[str, Kind]) -> None:
        self.path = path
        self.suffixes = suffixes
        self.types = types

    @property
    def name(self) -> str:
        return self.path

    @abstractmethod
    def _cut(self, whole: Fragment) -> list[Fragment]:
        """The pieces of a file: itself, or several where it is large."""

    @abstractmethod
    def _infer(self, fragment: Fragment) -> tuple[dict[str, pa.DataType], int]:
        """What the columns of a fragment look like, and how many rows said so.

        All of it where the source is settled, else its first HEAD_BYTES. Null: no value said anything.
        """

    def _find(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        for place, file in enumerate(_files.find(self.path, self.suffixes)):
            size = file.size_bytes
            whole = Fragment(
                len(fragments),
                file.label,
                uri=file.uri,
                path=file.path,
                file=place,
                size_bytes=size,
                file_bytes=size,
            )
            fragments.extend(self._cut(whole))
        return fragments

    def _decide(self) -> pa.Schema:
        fragments = self.fragments()
        self.settled = sum(f.size_bytes for f in fragments) <= WHOLE_BYTES
        kinds: dict[str, pa.DataType] = {}
        rows = 0
        for fragment in fragments if self.settled else fragments[:: -(-len(fragments) // MOST_HEADS)]:
            found, found_rows = self._infer(fragment)
            rows += found_rows
            if self.same_columns and kinds and set(found) != set(kinds):
                raise other_columns(fragment.label, list(found), fragments[0].label, list(kinds))
            for column, kind in found.items():
                kinds[column] = common(kinds.get(column, pa.null()), kind)
        if not rows:
            raise self._empty()
        for column, kind in self.types.items():
            if column not in kinds:
                raise unknown_column(f"data.source.types: {self.name}", column, list(kinds))
            kinds[column] = KINDS[kind]
        return pa.schema(list(kinds.items()))

    def _empty(self) -> DataError:
        """The error for files without a row."""
        return DataError(
            f"{self.name} has {'a header line and ' if self.same_columns else ''}no rows. Give a file with rows."
        )

    def _wider(self, column: str, met: pa.DataType) -> pa.DataType | None:
        """The type that holds a column with values of type `met` too; `None` where text alone would."""
        if self.settled or column in self.types:
            return None
        kind = self._schema.field(column).type
        wider = common(kind, met)
        hopeless = wider == kind or (pa.types.is_string(wider) and not pa.types.is_null(kind))
        return None if hopeless else wider

    def _refused(self, fragment: Fragment, column: str, wider: pa.DataType) -> RefusedError:
        kind = self._schema.field(column).type
        return RefusedError(
            f"{fragment.label}: column {column!r} holds values that are no {kind}, which it looked like at first. "
            "Read it by a scan, or give data.source.types.",
            column,
            wider,
        )
