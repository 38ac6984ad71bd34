"""Parquet files: one, a folder, a glob, or a URL.

Choose it for anything larger than memory, or read often: only the columns asked for are read, in fragments of about
64 MB of row groups. Columns that Hive's folder names hold (`year=2024/`) are columns. Reference: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._path_config import PathConfig
from rayline.sources._source import Fragment, Source
from rayline.sources._stored import Piece, StoredSource, broken

SUFFIXES = (".parquet", ".pq", ".parq")
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
CODE_BYTES = 4
"""A text column that takes less than this a value, texts included, is one of codes."""
FRAGMENT_BYTES = 64 << 20
"""Row groups are read together up to this size in memory, about."""


class Config(PathConfig):
    suffixes = SUFFIXES

    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all. Needed where others hold structs, or lists of anything but numbers."""

    def build(self) -> Source:
        return ParquetSource(self.path, SUFFIXES, self.columns)


class ParquetSource(StoredSource):
    """Fragments are runs of row groups within a file."""

    def _look(self, file: _files.File) -> tuple[pa.Schema, list[Piece]]:
        try:
            with _files.open_file(file.uri, file.path) as handle:
                metadata = pq.read_metadata(handle)
                schema = metadata.schema.to_arrow_schema()
        except (pa.ArrowException, OSError) as error:
            raise broken(file.label, "Parquet", error) from None
        for column, value in partitions(file.label).items():
            if column not in schema.names:
                schema = schema.append(pa.field(column, _kind(value)))
        return schema, pieces(file.label, metadata)

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        table = read_groups(fragment, names)
        for column, value in partitions(fragment.label).items():
            if column in names and column not in table.column_names:
                constant = pa.scalar(value, pa.string()).cast(self.schema().field(column).type)
                table = table.append_column(column, pa.repeat(constant, table.num_rows))
        return table


def read_groups(fragment: Fragment, names: Sequence[str]) -> pa.Table:
    """Those of `names` that a file holds, of the row groups of a fragment.

    Raises:
        DataError: they cannot be read; the first row group at fault is named, with its rows.
    """
    try:
        with _files.open_file(fragment.uri, fragment.path, fragment.file_bytes) as handle:
            remote = "://" in fragment.uri
            metadata = pq.read_metadata(handle)
            file = pq.ParquetFile(
                handle,
                metadata=metadata,
                read_dictionary=_repeated(metadata, fragment.parts, names),
                pre_buffer=remote,
                page_checksum_verification=True,
            )
            present = set(file.schema_arrow.names)
            stored = [name for name in names if name in present]
            try:
                return file.read_row_groups(list(fragment.parts), columns=stored)
            except (pa.ArrowException, OSError) as error:
                raise _first_broken(file, fragment, stored, error) from None
    except (pa.ArrowException, OSError) as error:
        raise broken(fragment.label, "Parquet", error) from None


def _repeated(metadata: pq.FileMetaData, groups: Sequence[int], names: Sequence[str]) -> list[str]:
    """Text columns that the file keeps as short codes of a dictionary: reading codes saves writing out the texts."""
    wanted, found = set(names), []
    for place in range(metadata.num_columns):
        column = metadata.schema.column(place)
        if column.path in wanted and column.physical_type == "BYTE_ARRAY" and column.logical_type.type == "STRING":
            chunks = [metadata.row_group(group).column(place) for group in groups]
            values = sum(chunk.num_values for chunk in chunks)
            if all(chunk.has_dictionary_page for chunk in chunks) and values * CODE_BYTES > sum(
                chunk.total_uncompressed_size for chunk in chunks
            ):
                found.append(column.path)
    return found


def _first_broken(file: pq.ParquetFile, fragment: Fragment, columns: list[str], whole: Exception) -> DataError:
    """The error for the first row group of a fragment that cannot be read, and the first such column of it."""
    label = fragment.label.partition(" row groups ")[0]
    first_row = fragment.first_row
    for group in fragment.parts:
        rows = file.metadata.row_group(group).num_rows
        for column in columns:
            try:
                file.read_row_group(group, columns=[column])
            except (pa.ArrowException, OSError) as error:
                where = f"{label}: row group {group} (rows {first_row + 1} to {first_row + rows}), column {column!r}"
                text = str(error).splitlines()[0].rstrip(".")
                return DataError(f"{where} cannot be read as Parquet: {text}. Write the file again from where it came.")
        first_row += rows
    return broken(fragment.label, "Parquet", whole)


def partitions(label: str) -> dict[str, str | None]:
    """The columns that Hive's folder names hold: `year=2024/city=Paris/part-0.parquet`."""
    pairs = (part.split("=", 1) for part in label.split("/")[:-1] if "=" in part)
    return {column: None if value == HIVE_NULL else unquote(value) for column, value in pairs}


def _kind(value: str | None) -> pa.DataType:
    if value is None:
        return pa.null()
    return pa.int64() if re.fullmatch(r"-?\d{1,18}", value) else pa.string()


def pieces(label: str, metadata: pq.FileMetaData) -> list[Piece]:
    """Runs of row groups of about FRAGMENT_BYTES."""
    runs: list[list[int]] = []
    sizes: list[int] = []
    for group in range(metadata.num_row_groups):
        stored = metadata.row_group(group)
        # few distinct values take few bytes in a file, and eight a value and row at least once read
        size = max(stored.total_byte_size, stored.num_rows * metadata.num_columns * 8)
        if runs and sizes[-1] + size <= FRAGMENT_BYTES:
            runs[-1].append(group)
            sizes[-1] += size
        else:
            runs.append([group])
            sizes.append(size)
    return [
        Piece(
            f"{label} row groups {run[0]}-{run[-1]}" if len(runs) > 1 else label,
            tuple(run),
            sum(metadata.row_group(group).num_rows for group in run),
            size,
        )
        for run, size in zip(runs, sizes, strict=True)
    ]
