"""A manifest: a table with a line for each file, its path among the columns. CSV, Parquet, Arrow or JSON lines."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest
from rayline.sources import _files, _json_text
from rayline.sources._columns import canonical, canonical_schema
from rayline.sources._source import Fragment
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

PACKED = ("", *(f".{ending}" for ending in _files.PACKED))
LINES = tuple(plain + packed for plain in (".jsonl", ".ndjson") for packed in PACKED)
PARQUET = (".parquet", ".pq", ".parq")
TABLES = tuple(plain + packed for plain in (".csv", ".tsv") for packed in PACKED) + PARQUET + (".arrow", ".feather")
SUFFIXES = LINES + TABLES
PATH_COLUMNS = ("path", "file", "file_name", "filename")
HEAD_BYTES = 1 << 20
"""Of JSON lines, what is read to tell which files they name."""


def is_manifest(path: str) -> bool:
    """Whether a source's path is one table, rather than the files themselves."""
    return _files.has_suffix(path, SUFFIXES) and not _files.is_glob(path)


def read(path: str) -> pa.Table:
    """The whole table at `path`; nested values of JSON lines and Parquet (boxes, polygons) are JSON text.

    Raises:
        DataError: it is not there, cannot be read, or has no rows.
    """
    if _files.has_suffix(path, LINES):
        return _of_objects(_objects(path))
    source: Any = as_source(path)
    if _files.has_suffix(path, PARQUET):
        names, nested = _parquet_columns(path)
        if nested:
            flat = source.model_copy(update={"columns": tuple(name for name in names if name not in nested)})
            parts = {**_columns(_scanned(flat)), **nested}
            return pa.table({name: parts[name] for name in names})
    return _scanned(source)


def labelled(
    table: pa.Table, where: str, declared: str | None, contents: Sequence[str], option: str = "data.source.file"
) -> pa.Table:
    """A manifest's rows as `path`, then its other columns, in the eight types of sources.

    Args:
        table: the manifest's rows.
        where: what messages call it.
        declared: the column of paths; `None`: one of PATH_COLUMNS, or of `contents`.
        contents: what the column of the files' content may be called (`image`), which no other column can be.
        option: how the column of paths is declared.

    Raises:
        DataError: there is no such column, one would be there twice, or a column of no type that sources have.
    """
    column = path_column(table.column_names, where, declared, contents, option)
    others = [name for name in table.column_names if name != column]
    for name in ("path", *contents):
        if name in others:
            raise DataError(f"{where}: column {name!r} would be there twice. Rename it.")
    paths = table.column(column)
    if not pa.types.is_null(paths.type) and canonical(paths.type) != pa.string():
        raise DataError(f"{where}: column {column!r} holds {paths.type}, and paths of files are text.")
    rows = pa.table([paths.cast(pa.string()), *(table.column(name) for name in others)], names=["path", *others])
    return rows.cast(canonical_schema(rows.schema, where))


def first_paths(path: str, columns: Sequence[str]) -> list[str]:
    """Files that the first rows of a table name, on its filesystem, by the first of `columns` that it has.

    Raises:
        DataError: it cannot be read.
    """
    if _files.has_suffix(path, LINES):
        rows = _objects(path, HEAD_BYTES)
        table = pa.table({name: _column([row.get(name) for row in rows]) for name in columns if name in rows[0]})
    elif _files.has_suffix(path, PARQUET):
        table = _first_group(path, columns)
    else:
        source: Any = as_source(path)
        source = source.build()
        names = [name for name in columns if name in source.schema().names]
        table = source.read(source.fragments()[0], names[:1])
    found = [table.column(name) for name in columns if name in table.column_names]
    values = found[0].to_pylist() if found else []
    return resolve(path, [value for value in values if isinstance(value, str) and value and "://" not in value])


def path_column(columns: Sequence[str], where: str, declared: str | None, contents: Sequence[str], option: str) -> str:
    """The column that holds the paths: as declared, or the first of the usual names.

    Raises:
        DataError: there is none.
    """
    if declared is not None:
        if declared not in columns:
            raise DataError(
                f"{option}: {where} has no column {declared!r}.{nearest(declared, columns)} "
                f"Columns: {listing(columns)}."
            )
        return declared
    for name in (*PATH_COLUMNS, *contents):
        if name in columns:
            return name
    raise DataError(
        f"{where} has no column {listing([repr(name) for name in (*PATH_COLUMNS, *contents)], 9)}. Name the one that "
        f"holds the paths of the files: {option}. Columns: {listing(columns)}."
    )


def resolve(manifest: str, paths: Sequence[str | None], missing: str | None = None) -> list[str]:
    """The manifest's paths on its filesystem, each relative to its folder where it is not absolute.

    A row without a path has `missing` instead, where that is given.

    Raises:
        DataError: a row without a path, or with a URL of another place.
    """
    folder = posixpath.dirname(_files.locate(_files.absolute(manifest))[1])
    found = []
    for row, path in enumerate(paths, start=1):
        if not path:
            if missing is not None:
                found.append(missing)
                continue
            raise DataError(f"{manifest} row {row} has no path. Give one, or take the row out.")
        if "://" in path:
            if path.partition("://")[0] != manifest.partition("://")[0]:
                raise DataError(
                    f"{manifest} row {row} names a URL of another kind of place. Keep the manifest beside its files."
                )
            found.append(_files.locate(path)[1])
        else:
            found.append(posixpath.normpath(posixpath.join(folder, path)))
    return found


def _scanned(config: Any) -> pa.Table:
    return pl.concat(scan(config.build(), lambda rows, _: rows.drop(ROW))).to_arrow()


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _parquet_columns(path: str) -> tuple[list[str], dict[str, pa.Array]]:
    """All columns of a Parquet file, and those of them that are nested, as JSON text."""
    uri = _files.absolute(path)
    try:
        with _files.open_file(uri, _files.locate(uri)[1]) as handle:
            file = pq.ParquetFile(handle)
            schema = file.schema_arrow
            names = [field.name for field in schema if pa.types.is_nested(field.type) and not canonical(field.type)]
            table = file.read(columns=names) if names else None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}. Write it again from where it came.") from None
    return schema.names, {name: _column(table.column(name).to_pylist()) for name in names if table is not None}


def _first_group(path: str, columns: Sequence[str]) -> pa.Table:
    """The first of `columns` that a Parquet file has, of its first rows."""
    uri = _files.absolute(path)
    try:
        with _files.open_file(uri, _files.locate(uri)[1]) as handle:
            file = pq.ParquetFile(handle)
            names = [name for name in columns if name in file.schema_arrow.names]
            return file.read_row_group(0, columns=names[:1]) if file.num_row_groups else pa.table({})
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}. Write it again from where it came.") from None


def _objects(path: str, most: int | None = None) -> list[dict[str, Any]]:
    """The objects of JSON lines; with `most`, those of about its first `most` bytes.

    Raises:
        DataError: a line that is no object, or no line at all.
    """
    uri = _files.absolute(path)
    whole = Fragment(0, path, uri=uri, path=_files.locate(uri)[1])
    rows = [row for _, row in _json_text.objects(whole, most)]
    if not rows:
        raise DataError(f"{path} has no rows. Give a line for each file.")
    return rows


def _of_objects(rows: Sequence[dict[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds and (kinds <= {int} or kinds <= {bool}) and all(-(2**63) <= v < 2**63 for v in values if v is not None):
        return pa.array(values)
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array([v if v is None or isinstance(v, str) else json.dumps(v, default=str) for v in values], pa.string())
