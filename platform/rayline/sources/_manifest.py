"""A manifest: a table with a line for each file, its path among the columns. CSV, Parquet, Arrow or JSON lines."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest
from rayline.sources import _files
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather")
SUFFIXES = LINES + TABLES
PATH_COLUMNS = ("path", "file", "file_name", "filename")


def is_manifest(path: str) -> bool:
    """Whether a source's path is one table, rather than the files themselves."""
    return _files.has_suffix(path, SUFFIXES) and not _files.is_glob(path)


def read(path: str) -> pa.Table:
    """The whole table at `path`; nested values of JSON lines (boxes, masks) are text.

    Raises:
        DataError: it is not there, cannot be read, or has no rows.
    """
    if _files.has_suffix(path, LINES):
        return _read_lines(path)
    source: Any = as_source(path)
    source = source.build()
    return pl.concat(scan(source, lambda rows, _: rows.drop(ROW))).to_arrow()


def path_column(columns: Sequence[str], where: str, declared: str | None, also: str) -> str:
    """The column that holds the paths: as declared, or the first of the usual names.

    Raises:
        DataError: there is none.
    """
    if declared is not None:
        if declared not in columns:
            raise DataError(
                f"data.source.file: {where} has no column {declared!r}.{nearest(declared, columns)} "
                f"Columns: {listing(columns)}."
            )
        return declared
    for name in (*PATH_COLUMNS, also):
        if name in columns:
            return name
    raise DataError(
        f"{where} has no column {listing((*PATH_COLUMNS, also))}. Name the one that holds the paths of the files: "
        f"data.source.file. Columns: {listing(columns)}."
    )


def resolve(manifest: str, paths: Sequence[str | None]) -> list[str]:
    """The manifest's paths on its filesystem, each relative to its folder where it is not absolute.

    Raises:
        DataError: a row without a path, or with a URL of another place.
    """
    folder = posixpath.dirname(_files.locate(_files.absolute(manifest))[1])
    found = []
    for row, path in enumerate(paths, start=1):
        if not path:
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


def _read_lines(path: str) -> pa.Table:
    uri = _files.absolute(path)
    try:
        with _files.open_stream(uri, _files.locate(uri)[1]) as stream:
            lines = stream.read().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not utf8 text, as JSON lines are.") from None
    except OSError as error:
        raise _files.unreadable(path, error) from None
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                why = error.msg if isinstance(error, json.JSONDecodeError) else "not JSON"
                raise DataError(f"{path} line {number} cannot be read as JSON: {why}.") from None
            if not isinstance(row, dict):
                raise DataError(f"{path} line {number} is no JSON object. Give {{column: value, …}} on each line.")
            rows.append(row)
    if not rows:
        raise DataError(f"{path} has no rows. Give a line for each file.")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds and (kinds <= {int} or kinds <= {bool}) and all(-(2**63) <= v < 2**63 for v in values if v is not None):
        return pa.array(values)
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array([v if v is None or isinstance(v, str) else json.dumps(v) for v in values], pa.string())
