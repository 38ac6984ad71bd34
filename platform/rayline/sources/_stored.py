"""Files that say themselves which columns and pieces they hold: Parquet and Arrow.

One look at each file gives both the fragments and the schema; no row is read for them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import canonical_schema, union
from rayline.sources._source import Fragment, Source


@dataclass(frozen=True)
class Piece:
    """What becomes one fragment of a file."""

    label: str
    parts: tuple[int, ...]
    """Row groups or record batches."""
    num_rows: int
    size_bytes: int


class StoredSource(Source):
    """Fragments are pieces of files."""

    def __init__(self, path: str, suffixes: tuple[str, ...], columns: Sequence[str] | None) -> None:
        self.path = path
        self.suffixes = suffixes
        self.columns = columns
        self._found: pa.Schema | None = None

    @property
    def name(self) -> str:
        return self.path

    @abstractmethod
    def _look(self, file: _files.File) -> tuple[pa.Schema, list[Piece]]:
        """The columns of a file, and its pieces in order, those without rows too.

        Raises:
            DataError: it cannot be read.
        """

    def _find(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        schemas: list[tuple[str, pa.Schema]] = []
        for place, file in enumerate(_files.find(self.path, self.suffixes)):
            schema, pieces = self._look(file)
            schemas.append((file.label, canonical_schema(schema, file.label, self.columns, nulls=True)))
            first_row = 0
            for piece in pieces:
                if piece.num_rows:
                    fragments.append(
                        Fragment(
                            len(fragments),
                            piece.label,
                            uri=file.uri,
                            path=file.path,
                            file=place,
                            parts=piece.parts,
                            first_row=first_row,
                            size_bytes=piece.size_bytes,
                            file_bytes=file.size_bytes,
                        )
                    )
                first_row += piece.num_rows
        if not fragments:
            raise DataError(f"{self.name} has no rows. Give a file with rows.")
        self._found = union(schemas)
        return fragments

    def _decide(self) -> pa.Schema:
        self.fragments()
        assert self._found is not None
        return self._found


def broken(label: str, kind: str, error: Exception) -> DataError:
    """The error for a file that is not, or no longer, what its name says."""
    if isinstance(error, OSError) and not isinstance(error, pa.ArrowException) and error.errno:
        return _files.unreadable(label, error)
    return DataError(f"{label} cannot be read as {kind}: {str(error).rstrip('.')}. Is it complete?")
