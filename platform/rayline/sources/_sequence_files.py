"""One file a sequence, with tables of labels joined by the id in each file's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv

from rayline.core.columns import ROW, FeatureType
from rayline.core.errors import DataError, listing
from rayline.core.shown import counted
from rayline.sources import _files, _manifest
from rayline.sources._columns import SEQUENCE, canonical_schema, other_columns, unknown_column
from rayline.sources._media import FilesFragment, readers, runs, stream_bytes
from rayline.sources._source import Fragment, Source
from rayline.sources.csv import MISSING
from rayline.sources.csv import Config as CsvConfig
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

if TYPE_CHECKING:
    from rayline.sources.sequences import Config

PLAIN = (".csv", ".tsv")
SUFFIXES = (*PLAIN, ".csv.gz", ".tsv.gz", ".parquet", ".arrow", ".feather")
DELIMITERS = (b",", b";", b"\t", b"|")


class SequenceFiles(Source):
    """Fragments are runs of files, by path."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._place = _files.absolute(config.path)
        self._labels = [_files.absolute(path) for path in config.labels]
        self._channels: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        # a fragment brings its own paths
        return {key: value for key, value in self.__dict__.items() if key != "_fragments"}

    @property
    def name(self) -> str:
        return self.config.path

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        return {self.schema().names[0]: FeatureType.ID}

    def _find(self) -> list[Fragment]:
        tables = [file for path in self._labels for file in _files.find(path, _manifest.TABLES)]
        beside = {file.path for file in tables}
        found = [file for file in _files.find(self._place, SUFFIXES) if file.path not in beside]
        if not found:
            raise DataError(f"{self.name} stands for no file but its labels. Give the files of sequences.")
        rows = self._joined(found, tables)
        return [
            FilesFragment(
                place,
                f"{found[start].label} to {found[end - 1].label}",
                uri=self._place,
                first_row=start,
                size_bytes=sum(file.size_bytes for file in found[start:end]),
                files=tuple(file.path for file in found[start:end]),
                rows=stream_bytes(rows.slice(start, end - start)),
            )
            for place, (start, end) in enumerate(runs([file.size_bytes for file in found]))
        ]

    def _decide(self) -> pa.Schema:
        first = self.fragments()[0]
        assert isinstance(first, FilesFragment)
        schema = first.table().schema
        [table] = self._tables(first, first.files[:1])
        numbers = [f.name for f in table.schema if pa.types.is_floating(f.type)]
        self._channels = list(self.config.columns or table.column_names)
        for channel in self._channels:
            if channel not in table.column_names:
                raise unknown_column(_shown(first.files[0]), channel, table.column_names)
            if channel not in numbers:
                raise DataError(
                    f"{_shown(first.files[0])}: column {channel!r} holds no numbers. "
                    "Name the columns that are channels: data.source.columns."
                )
            if channel in schema.names:
                raise DataError(f"{self.name}: column {channel!r} is in the labels too. Rename one of them.")
            schema = schema.append(pa.field(channel, SEQUENCE))
        return schema

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        assert isinstance(fragment, FilesFragment)
        rows = fragment.table()
        wanted = [name for name in names if name not in rows.column_names]
        if not wanted:
            return rows
        tables = []
        for path, table in zip(fragment.files, self._tables(fragment, fragment.files), strict=True):
            if not set(self._channels) <= set(table.column_names):
                raise other_columns(_shown(path), table.column_names, self.name, self._channels)
            tables.append(table.select(wanted))
        offsets = pa.array(np.cumsum([0, *(table.num_rows for table in tables)]), pa.int32())
        for channel in wanted:
            parts = [self._numbers(table, channel, path) for table, path in zip(tables, fragment.files, strict=True)]
            values = pa.concat_arrays(
                [chunk for part in parts for chunk in part.chunks] or [pa.array([], pa.float64())]
            )
            rows = rows.append_column(channel, pa.ListArray.from_arrays(offsets, values))
        return rows

    def _tables(self, fragment: FilesFragment, paths: Sequence[str]) -> Iterator[pa.Table]:
        for path, read in zip(paths, readers(fragment.uri, paths), strict=True):
            try:
                data = read()
            except OSError as error:
                raise _files.unreadable(_shown(path), error) from None
            yield self._table(path, data)

    def _numbers(self, table: pa.Table, channel: str, path: str) -> pa.ChunkedArray:
        column = table.column(channel)
        if not pa.types.is_floating(column.type):
            raise DataError(f"{_shown(path)}: column {channel!r}, a channel of {self.name}, holds no numbers there.")
        return column

    def _table(self, path: str, data: bytes) -> pa.Table:
        """One sequence; columns of numbers as float64, names without the `#` that some headers begin with."""
        table = self._quickly(data) if path.lower().endswith(PLAIN) else None
        if table is None:  # read as any table is, for what it says of what is wrong with it
            table = self._as_any_table(path)
        names = [_bare(name) for name in table.column_names]
        numbers = pa.types.is_integer, pa.types.is_floating, pa.types.is_null
        columns = [
            column.cast(pa.float64()) if any(is_number(column.type) for is_number in numbers) else column
            for column in table.columns
        ]
        return pa.table(columns, names=names)

    def _quickly(self, data: bytes) -> pa.Table | None:
        """A plain CSV file of numbers in one go; `None` where that fails. Thousands of small files are common."""
        first = data[:8192].partition(b"\n")[0]
        delimiter = max(DELIMITERS, key=first.count).decode()
        try:
            table = pacsv.read_csv(
                pa.BufferReader(data.removeprefix(b"\xef\xbb\xbf")),
                read_options=pacsv.ReadOptions(
                    column_names=list(self.config.header) if self.config.header else None, use_threads=False
                ),
                parse_options=pacsv.ParseOptions(delimiter=delimiter),
                convert_options=pacsv.ConvertOptions(null_values=list(MISSING), strings_can_be_null=True),
            )
        except pa.ArrowInvalid:
            return None
        wanted = self.config.columns or self._channels or [_bare(name) for name in table.column_names]
        kinds = [field.type for field in table.schema if _bare(field.name) in wanted]
        return None if any(pa.types.is_string(kind) for kind in kinds) else table

    def _as_any_table(self, path: str) -> pa.Table:
        config: Any = as_source(_address(self._place, path))
        if isinstance(config, CsvConfig):
            config = config.model_copy(update={"header": self.config.header})
        source = config.build()
        names = source.schema().names
        channels = self.config.columns or self._channels
        if isinstance(config, CsvConfig) and channels:
            kinds = {name: "number" for name in names if _bare(name) in channels}
            source = config.model_copy(update={"types": kinds}).build()
        return pa.concat_tables([source.read(f) for f in source.fragments()]).select(names)

    def _joined(self, found: list[_files.File], tables: list[_files.File]) -> pa.Table:
        """The files' ids, and the columns of the tables of labels."""
        ids = _ids([os.path.basename(file.path).partition(".")[0] for file in found], self.config.pattern, self.name)
        rows: pl.DataFrame | None = None
        for file in tables:
            labels = _labels(file)
            key = self.config.id if self.config.id in labels.columns else labels.columns[0]
            rows = _ids_frame(ids, self.config.id or key) if rows is None else rows
            rows = self._join(rows, labels.rename({key: rows.columns[0]}), file.label)
        if rows is None:
            rows = _ids_frame(ids, self.config.id or "id")
        table = rows.to_arrow()
        return table.cast(canonical_schema(table.schema, self.name))

    def _join(self, rows: pl.DataFrame, labels: pl.DataFrame, where: str) -> pl.DataFrame:
        key = rows.columns[0]
        if labels[key].dtype == pl.String or rows[key].dtype == pl.String:
            rows, labels = (frame.with_columns(pl.col(key).cast(pl.String)) for frame in (rows, labels))
        twice = labels[key].is_duplicated()
        if twice.any():
            raise DataError(f"{where} row {int(twice.arg_max() or 0) + 1}: its {key!r} is there twice. Give each once.")
        both = sorted(set(rows.columns[1:]) & set(labels.columns[1:]))
        if both:
            raise DataError(f"{where} and another table have a column {both[0]!r}. Rename one of them.")
        without = (~rows[key].is_in(labels[key].implode())).sum()
        if without == rows.height:
            files, table = (listing(map(str, frame[key].head(3)), 3) for frame in (rows, labels))
            raise DataError(
                f"no file of {self.name} has its id in {where}: ids of files are {files} …, of the table {table} …. "
                "Give data.source.pattern, a regular expression whose first group is the id."
            )
        if without:
            note = (
                f"{self.name}: {without:,} of {counted(rows.height, 'file')} "
                f"{'has' if without == 1 else 'have'} no row in {where}."
            )
            self.notes[-1] = f"{self.notes[-1]} {note}" if -1 in self.notes else note
        return rows.join(labels, on=key, how="left", maintain_order="left")


def _ids(stems: list[str], pattern: str | None, where: str) -> list[str]:
    if pattern is None:
        endings = [re.search(r"\d+$", stem) for stem in stems]
        ids = [ending[0] for ending in endings if ending]
        if len(ids) < len(stems) or len(set(ids)) < len(ids):
            ids = stems
    else:
        matches = [re.search(pattern, stem) for stem in stems]
        for stem, match in zip(stems, matches, strict=True):
            if match is None or match[1] is None:
                raise DataError(f"data.source.pattern {pattern!r} is not found in {stem!r}, a file of {where}.")
        ids = [match[1] for match in matches if match]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise DataError(f"{where}: two files have the id {twice!r}. Give data.source.pattern, which tells them apart.")
    return ids


def _ids_frame(ids: list[str], name: str) -> pl.DataFrame:
    whole = all(text.isdecimal() and str(int(text)) == text and len(text) < 19 for text in ids)
    return pl.DataFrame({name: [int(text) for text in ids] if whole else ids})


def _labels(file: _files.File) -> pl.DataFrame:
    config: Any = as_source(_address(file.uri, file.path))
    source = config.build()
    frame = pl.concat(scan(source, lambda rows, _: rows.drop(ROW)))
    return frame.rename({name: _bare(name) or name for name in frame.columns})


def _address(uri: str, path: str) -> str:
    """One file as a source's path: at a URL, with its scheme and options."""
    scheme, found, rest = uri.partition("://")
    if not found or "://" in path:
        return path
    return f"{scheme}://{path}{''.join(rest.partition('?')[1:])}"


def _bare(name: str) -> str:
    """A column's name without the `#` that some headers begin with."""
    return name.strip().lstrip("#").strip()


def _shown(path: str) -> str:
    return os.path.basename(path)
