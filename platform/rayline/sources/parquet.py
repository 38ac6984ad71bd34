"""Parquet files: one, a folder, a glob, or a URL.

Choose it for anything larger than memory, or read often: only the columns asked for are read, in fragments of about
64 MB of row groups. Columns that Hive's folder names hold (`year=2024/`) are columns. Reference: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import canonical_schema, union
from rayline.sources._source import Fragment, Source

SUFFIXES = (".parquet", ".pq", ".parq")
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
FRAGMENT_BYTES = 64 << 20
"""Row groups are read together up to this size in memory, about."""


class Config(PluginConfig):
    path: str
    """A file, folder, glob or URL (`s3://`, `gs://`, `http(s)://`, any fsspec scheme)."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all. Needed where others hold lists, structs or bytes."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims names of Parquet files, and folders that hold some."""
        claimed = _files.has_suffix(text, SUFFIXES) or _files.folder_holds(text, SUFFIXES)
        return cls(path=text) if claimed else None

    def build(self) -> Source:
        return ParquetSource(self)


class ParquetSource(Source):
    """Fragments are runs of row groups within a file."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._found: pa.Schema | None = None

    @property
    def name(self) -> str:
        return self.config.path

    def _find(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        schemas: list[tuple[str, pa.Schema]] = []
        for place, file in enumerate(_files.find(self.config.path, SUFFIXES)):
            try:
                with _files.open_file(file.uri, file.path) as handle:
                    metadata = pq.read_metadata(handle)
                    schema = metadata.schema.to_arrow_schema()
            except (pa.ArrowInvalid, OSError) as error:
                raise _broken(file.label, error) from None
            for column, value in partitions(file.label).items():
                if column not in schema.names:
                    schema = schema.append(pa.field(column, _kind(value)))
            schemas.append((file.label, canonical_schema(schema, file.label, self.config.columns)))
            fragments.extend(_group(file, place, metadata, len(fragments)))
        if not fragments:
            raise DataError(f"{self.name} has no rows. Give a file with rows.")
        self._found = union(schemas)
        return fragments

    def _decide(self) -> pa.Schema:
        self.fragments()
        assert self._found is not None
        return self._found

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        try:
            with _files.open_file(fragment.uri, fragment.path) as handle:
                file = pq.ParquetFile(handle, pre_buffer="://" in fragment.uri)
                stored = [name for name in names if name in file.schema_arrow.names]
                table = file.read_row_groups(list(fragment.parts), columns=stored)
        except (pa.ArrowInvalid, OSError) as error:
            raise _broken(fragment.label, error) from None
        for column, value in partitions(fragment.label).items():
            if column in names and column not in stored:
                constant = pa.scalar(value, pa.string()).cast(self.schema().field(column).type)
                table = table.append_column(column, pa.repeat(constant, table.num_rows))
        return table


def partitions(label: str) -> dict[str, str | None]:
    """The columns that Hive's folder names hold: `year=2024/city=Paris/part-0.parquet`."""
    pairs = (part.split("=", 1) for part in label.split("/")[:-1] if "=" in part)
    return {column: None if value == HIVE_NULL else unquote(value) for column, value in pairs}


def _kind(value: str | None) -> pa.DataType:
    if value is None:
        return pa.null()
    return pa.int64() if re.fullmatch(r"-?\d{1,18}", value) else pa.string()


def _group(file: _files.File, place: int, metadata: pq.FileMetaData, index: int) -> list[Fragment]:
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
    fragments: list[Fragment] = []
    first_row = 0
    for run, size in zip(runs, sizes, strict=True):
        rows = sum(metadata.row_group(group).num_rows for group in run)
        whole = f"{file.label} row groups {run[0]}-{run[-1]}" if len(runs) > 1 else file.label
        if rows:
            fragments.append(
                Fragment(
                    index + len(fragments),
                    whole,
                    uri=file.uri,
                    path=file.path,
                    file=place,
                    parts=tuple(run),
                    first_row=first_row,
                    size_bytes=size,
                )
            )
        first_row += rows
    return fragments


def _broken(label: str, error: Exception) -> DataError:
    if isinstance(error, OSError) and not isinstance(error, pa.ArrowException) and error.errno:
        return _files.unreadable(label, error)
    return DataError(f"{label} cannot be read as Parquet: {error}. Is it complete?")
