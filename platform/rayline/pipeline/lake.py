"""`rayline lake`: data of any source into tables of the lake, and out of them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

import pyarrow as pa

from rayline.core import files
from rayline.core.errors import DataError, InputError
from rayline.lake import media
from rayline.lake.columns import Columns, of_schema, parse
from rayline.lake.lake import FILES, Lake
from rayline.lake.snapshot import Kind, Zone
from rayline.lake.table import Appended, Table
from rayline.pipeline.given import as_config
from rayline.registry.outputs import FileOutput, open_output
from rayline.sources import _files, _manifest
from rayline.sources._listing import listed
from rayline.sources._media import MediaConfig
from rayline.sources._path_config import labelled_in
from rayline.sources._source import Source
from rayline.sources.lake import PREFIX
from rayline.sources.scan import scan
from rayline.spec.sections import as_source


def create(
    name: str,
    *,
    zone: Zone = "raw",
    kind: Kind = "table",
    schema: str | None = None,
    like: str | None = None,
    by: Sequence[str] = (),
    lake: str | None = None,
) -> Table:
    """A new table, with the columns of `schema` (`NAME:TYPE, …`), those of the data `like`, or none.

    Raises:
        InputError: both are given, or what they say is not a table's.
        DataError: the data cannot be read.
        StorageError: the lake cannot be written.
    """
    columns: Columns = ()
    if schema is not None and like is not None:
        raise InputError("--schema and --like both say which columns the table has. Give one of them.")
    if schema is not None:
        columns = parse(schema)
    elif like is not None:
        columns = of_schema(_source(like).schema(), like)
    return Lake(lake).create(name, zone=zone, kind=kind, columns=columns, by=by)


def append(name: str, data: str, *, batch: str | None = None, lake: str | None = None) -> Appended:
    """Add the rows of `data`, any source, to a table; to one of files those of a folder, or of a manifest.

    A manifest names files below its folder, as those that sources of media read do (`path`, `file`, `file_name`,
    `filename`, or `{name: images, path: m.csv, file: COLUMN}`); its other columns are labels, nested ones JSON text,
    and with `masks: [COLUMN]` the bytes of further files. A folder with one in it is read by it; of one without, the
    first folder below it is the label.

    Raises:
        NotFoundError: there is no such table.
        DataError: the data cannot be read, the table does not take it, or it is not what came as this batch before.
        StorageError: the lake cannot be written.
    """
    table = Lake(lake).open(name)
    state = table.latest()
    if state.kind == "files":
        return media.append_files(table, _incoming(data, table), batch=batch)
    source = _source(data)
    return table.append(source.schema(), _rows(source), where=data, batch=batch)


def read(
    name: str, output: str, *, snapshot: int | None = None, at: datetime | None = None, lake: str | None = None
) -> int:
    """Write a table as of a snapshot or a time to `output`: .csv, .parquet, or for a table of files a folder.

    Returns the number of rows, or of files. A file is written whole or not at all.

    Raises:
        NotFoundError: there is no such table.
        InputError: no such snapshot, or an output of another kind.
        StorageError: the output cannot be written.
    """
    table = Lake(lake).open(name)
    if snapshot is not None and at is not None:
        raise InputError("--snapshot and --at both say which state to read. Give one of them.")
    state = table.at(snapshot, at)
    suffix = os.path.splitext(output.partition("?")[0])[1].lower()
    if state.kind == "files" and suffix not in (".csv", ".parquet"):
        return media.put_back(table, state, output)
    if suffix not in (".csv", ".parquet"):
        raise InputError(f"{name} is a table of rows: give OUT.csv or OUT.parquet, not {output!r}.")
    out = open_output(output)
    assert isinstance(out, FileOutput)
    nested = [column.name for column in state.columns if column.kind in ("binary", "list<float64>")]
    if nested and suffix == ".csv":
        raise InputError(f"{name} has columns that CSV does not hold ({', '.join(nested)}). Give OUT.parquet.")
    return out.write(table.batches(state), table.schema(state))


def _source(data: str) -> Source:
    return cast(Source, cast(Any, as_config(data)).build())


def _rows(source: Source) -> Iterator[pa.Table]:
    """Every fragment, in order, of types that will not change on the way."""
    if not source.settled:
        scan(source, lambda frame, fragment: None)  # noqa: ARG005
    names = source.schema().names
    for fragment in source.fragments():
        yield source.read(fragment).select(names)


def _incoming(data: str, table: Table) -> media.Incoming:
    """The files that `data` names, and their labels: of a folder those of the manifest in it, where there is one."""
    if not data.startswith("{") and _is_folder(data):
        found = labelled_in(files.join(data, "") if "://" in data else data)
        if found is None:
            return media.found_below(data, _label(table))
        data = found.manifest
    config: Any = as_config(data)
    path = getattr(config, "path", None)
    if not isinstance(path, str) or path.startswith(PREFIX):
        raise DataError(f"{data} is no place where files lie. Give a folder of files, or a manifest with their paths.")
    if isinstance(config, MediaConfig):
        return _of_media(config, table)
    if _manifest.is_manifest(path) and config == as_source(path):
        rows = _manifest.read(path)  # which keeps nested values as JSON text
    else:
        rows = pa.concat_tables(list(_rows(config.build())))
    option = f"'{{name: images, path: {path}, file: COLUMN}}'"
    return _below(path, _manifest.labelled(rows, path, None, tuple(media.SUFFIXES), option))


def _of_media(config: MediaConfig, table: Table) -> media.Incoming:
    """What a source of media reads, whole files; masks as bytes."""
    if config.on_broken == "skip":
        raise InputError("on_broken: skip is for reading: the lake keeps files as they are. Leave it out.")
    if _manifest.is_manifest(_files.absolute(config.path)):
        rows = listed(config).rows
        if config.beside:
            names = rows.column_names
            source = config.build()
            rows = pa.concat_tables([source.read(fragment, names).select(names) for fragment in source.fragments()])
        return _below(config.path, rows)
    rows = listed(config).rows
    label = _label(table)
    if label is None and "label" in rows.column_names:
        rows = rows.drop_columns(["label"])
    elif label is not None:
        rows = rows.rename_columns([label if name == "label" else name for name in rows.column_names])
    return media.Incoming(_files.root_of(config.path), rows)


def _below(manifest: str, rows: pa.Table) -> media.Incoming:
    """A manifest's files by their paths below its folder."""
    folder = _files.root_of(manifest)
    root = posixpath.dirname(_files.locate(_files.absolute(manifest))[1])
    paths = [posixpath.relpath(path, root) for path in _manifest.resolve(manifest, rows.column("path").to_pylist())]
    return media.Incoming(folder, rows.set_column(0, "path", pa.array(paths, pa.string())))


def _is_folder(data: str) -> bool:
    if "://" not in data:
        return os.path.isdir(data)
    filesystem, path = files.locate(data)
    return filesystem.type_name in ("s3", "gcs") and not filesystem.get_file_info(path).is_file


def _label(table: Table) -> str | None:
    """The column that the names of folders go to: the only label, or `label`."""
    own = {column.name for column in FILES}
    labels = [column.name for column in table.latest().columns if column.name not in own]
    if len(labels) <= 1:
        return labels[0] if labels else "label"
    return "label" if "label" in labels else None
