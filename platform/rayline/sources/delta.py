"""Delta Lake tables, at their latest version or an earlier one.

Choose it where a lakehouse keeps its tables in this format. The version is fixed when the table is first looked at, so
that every task reads the same rows while others write. Files are read as Parquet, in runs of row groups; deletion
vectors, partition values and columns that came later are applied. Credentials of object storage come from the
environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`). Needs `rayline[lake]`.
Reference: https://github.com/delta-io/delta/blob/master/PROTOCOL.md
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, model_validator

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, SpecError
from rayline.sources import _files
from rayline.sources._columns import canonical_schema
from rayline.sources._source import Fragment, Source
from rayline.sources._stored import broken
from rayline.sources.parquet import pieces, read_groups

NEEDS = "data.source: delta needs an extra: pip install 'rayline[lake]'"
READ = frozenset({"deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "appendOnly", "invariants"})
"""Features of tables that change nothing here, or are applied."""


class Config(PluginConfig):
    path: str
    """The table's folder or URL."""
    version: int | None = Field(default=None, ge=0)
    """An earlier version's number; `null`: the latest."""
    as_of: datetime | None = None
    """The version at this time (UTC where it names no zone), such as `2024-06-01T00:00:00Z`; `null`: the latest."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all."""

    @model_validator(mode="after")
    def _one_version(self) -> Config:
        if self.version is not None and self.as_of is not None:
            raise ValueError("give version or as_of, not both")
        return self

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims folders that hold a `_delta_log`."""
        return cls(path=text) if _files.table_kind(text) == "delta" else None

    def build(self) -> Source:
        return DeltaSource(self)


class DataFile(NamedTuple):
    """A file of the table."""

    path: str
    """Below the table's folder."""
    partition: dict[str, Any]
    kept: bytes | None
    """The rows that a deletion vector leaves, packed to bits; `None`: all."""
    size_bytes: int


class DeltaSource(Source):
    """Fragments are runs of row groups within a file."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._data: list[DataFile] = []
        self._found: pa.Schema | None = None

    @property
    def name(self) -> str:
        return self.config.path

    def _find(self) -> list[Fragment]:
        uri = _files.absolute(self.config.path)
        table, self._data = _open(self.config, uri)
        self._found = canonical_schema(pa.schema(table.schema().to_arrow()), self.name, self.config.columns)
        _, root = _files.locate(uri)
        fragments: list[Fragment] = []
        for place, file in enumerate(self._data):
            path = f"{root.rstrip('/')}/{file.path}"
            try:
                with _files.open_file(uri, path) as handle:
                    metadata = pq.read_metadata(handle)
            except (pa.ArrowException, OSError) as error:
                raise broken(file.path, "Parquet", error) from None
            first_row = 0
            for piece in pieces(file.path, metadata):
                if _kept(file, first_row, piece.num_rows).any():
                    fragments.append(
                        Fragment(
                            len(fragments),
                            piece.label,
                            uri=uri,
                            path=path,
                            file=place,
                            parts=piece.parts,
                            first_row=first_row,
                            size_bytes=piece.size_bytes,
                            file_bytes=file.size_bytes,
                        )
                    )
                first_row += piece.num_rows
        if not fragments:
            raise DataError(f"{self.name} has no rows at version {table.version()}. Give a table with rows.")
        return fragments

    def _decide(self) -> pa.Schema:
        self.fragments()
        assert self._found is not None
        return self._found

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        file = self._data[fragment.file]
        table = read_groups(fragment, names)
        if file.kept is not None:
            table = table.filter(pa.array(_kept(file, fragment.first_row, table.num_rows)))
        for column in names:
            if column not in table.column_names:  # of the folder, or added to the table after this file
                kind = self._schema.field(column).type
                value = pa.scalar(file.partition.get(column), kind)
                table = table.append_column(column, pa.repeat(value, table.num_rows))
        return table


def _kept(file: DataFile, first_row: int, rows: int) -> np.ndarray:
    """Which rows of a run are not deleted, bool [rows]."""
    if file.kept is None:
        return np.ones(rows, bool)
    bits = np.unpackbits(np.frombuffer(file.kept, np.uint8)).astype(bool)
    mask = np.ones(rows, bool)  # a vector may end with the last row that it deletes
    known = bits[first_row : first_row + rows]
    mask[: len(known)] = known
    return mask


def _open(config: Config, uri: str) -> tuple[Any, list[DataFile]]:
    """The table at the version meant, and its files."""
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError:
        raise DataError(NEEDS) from None
    try:
        table = DeltaTable(uri)
        _go_back(table, config)
        more = set(table.protocol().reader_features or ()) - READ
        if more:
            raise SpecError(
                f"{config.path} uses {', '.join(sorted(more))} of Delta, which cannot be read here. Write a copy of "
                "the table without it, or export it as Parquet."
            )
        return table, _data_files(table)
    except (SpecError, DataError):
        raise
    except (DeltaError, OSError, ValueError) as error:
        raise DataError(f"{config.path} cannot be read as a Delta table: {str(error).splitlines()[0]}") from None


def _go_back(table: Any, config: Config) -> None:
    """Load the earlier version that is meant."""
    latest = table.version()
    if config.version is not None:
        if config.version > latest:
            raise DataError(f"{config.path} has no version {config.version}: the latest is {latest}.")
        table.load_as_version(config.version)
    if config.as_of is not None:
        asked = config.as_of.astimezone() if config.as_of.tzinfo else config.as_of.replace(tzinfo=UTC)
        written = {entry["version"]: entry.get("timestamp") for entry in table.history()}
        table.load_as_version(asked)
        found = written.get(table.version())
        # the library answers with the oldest version where none is as old; it goes by times of files, near to these
        if found is not None and found > (asked.timestamp() + 1) * 1000:
            oldest = datetime.fromtimestamp(found / 1000, UTC).isoformat(timespec="seconds")
            raise DataError(
                f"{config.path} has no version as old as {asked.isoformat()}: version {table.version()}, the oldest, "
                f"is of {oldest}."
            )


def _data_files(table: Any) -> list[DataFile]:
    """The files of a version by path."""
    vectors = _vectors(table) if "deletionVectors" in (table.protocol().reader_features or ()) else {}
    files = []
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        # in the log, names of paths are written as those of a URL are
        path = unquote(action["path"])
        near = vectors.get(path.rpartition("/")[2], ())
        vector = next(
            (bits for uri, bits in near if any(each.endswith(f"/{path}") for each in (uri, unquote(uri)))), None
        )
        partition = {
            key.removeprefix("partition."): value for key, value in action.items() if key.startswith("partition.")
        }
        files.append(DataFile(path, partition, vector, action["size_bytes"]))
    return sorted(files, key=lambda file: file.path)


def _vectors(table: Any) -> dict[str, list[tuple[str, bytes]]]:
    """Deletion vectors, packed to bits, with the URIs of their files; by names, of which folders may have the same."""
    found: dict[str, list[tuple[str, bytes]]] = {}
    for batch in table.deletion_vectors():
        for row in pa.record_batch(batch).to_pylist():
            uri: str = row["filepath"]
            bits = np.packbits(row["selection_vector"]).tobytes()
            found.setdefault(unquote(uri).rpartition("/")[2], []).append((uri, bits))
    return found
