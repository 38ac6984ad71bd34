"""Which files a source of images, sound, texts or video reads: those of a folder, of a manifest, of a lake's table."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core.errors import DataError, InputError, listing
from rayline.core.shown import counted
from rayline.lake.lake import FILES, Lake, root
from rayline.lake.snapshot import State
from rayline.lake.table import Table
from rayline.sources import _files, _manifest
from rayline.sources._columns import unknown_column
from rayline.sources.lake import PREFIX
from rayline.sources.lake import Config as LakeConfig

if TYPE_CHECKING:
    from rayline.sources._media import MediaConfig

DIGEST_BYTES = 1 << 20
MOST_ENTRIES = 20_000
"""Below a manifest's folder, names that are looked at for files that it does not name."""
SOURCES = {"image": "images", "audio": "audio", "text": "texts", "video": "video"}
"""By what a table of the lake holds, the source that reads it."""


@dataclass(frozen=True)
class Listed:
    """Files, in order, and what is known of each."""

    uri: str
    """It tells the filesystem, with its options."""
    paths: list[str]
    sizes: list[int]
    """In bytes, with those of the files beside; 0 where asking would take long."""
    rows: pa.Table
    """`path`, then labels."""
    digests: list[str] = field(default_factory=list)
    """SHA-256 of each, of a lake's table."""
    note: str = ""
    naming: tuple[str, ...] = ()
    """Columns of a manifest, beside its paths, that name further files, which are not read."""


def listed(config: MediaConfig) -> Listed:
    """The files that a source reads.

    Raises:
        DataError: nothing is there, or a manifest lacks a column or a path.
    """
    place = config.path if config.path.startswith(PREFIX) else _files.absolute(config.path)
    if _manifest.is_manifest(place):
        return _of_manifest(place, config)
    if config.beside:
        raise DataError(
            f"data.source.masks: {config.path} is no manifest. Masks are files that a column of a manifest names: "
            "a CSV, JSON lines or Parquet file with a row an image."
        )
    if config.path.startswith(PREFIX):
        return _of_lake(config)
    found = _files.find(place, config.suffixes)
    return Listed(
        place, [f.path for f in found], [f.size_bytes for f in found], by_folder([f.label for f in found], config.label)
    )


def by_folder(labels: Sequence[str], which: str) -> pa.Table:
    """`path`, and `label` from the folders where there are any: the nearest (`parent`) or the `first`."""
    folders = [label.split("/")[:-1] for label in labels]
    names = [f[-1 if which == "parent" else 0] if f else None for f in folders]
    columns = {"path": pa.array(labels, pa.string())}
    if any(names):
        columns["label"] = pa.array(names, pa.string())
    return pa.table(columns)


def pinned(path: str, holds: str) -> str:
    """`lake:TABLE` with the number of its newest snapshot, if it holds such files.

    Raises:
        DataError: there is no such table or snapshot, or it holds rows, or other files.
    """
    table, state = _opened(path)
    name = f"{PREFIX}{table.name}"
    if state.kind != "files":
        raise DataError(
            f"{name} is a table of rows, not of files. Read it as such: {{name: lake, table: {table.name}}}."
        )
    if state.media is None:
        raise DataError(f"{name} has no rows. Append some: rayline lake append {table.name} FOLDER")
    if state.media != holds:
        raise DataError(
            f"{name} holds {state.media}, not {holds}. Read it by {{name: {SOURCES[state.media]}, path: {name}}}."
        )
    return f"{name}@{state.number}"


def _opened(path: str) -> tuple[Table, State]:
    config = LakeConfig.from_text(path)
    assert config is not None
    try:
        table = Lake(root(config.lake)).open(config.table)
        return table, table.at(config.snapshot)
    except InputError as error:
        raise error if isinstance(error, DataError) else DataError(str(error)) from None


def _of_lake(config: MediaConfig) -> Listed:
    table, state = _opened(config.path)
    own = [column.name for column in FILES]
    labels = [column.name for column in state.columns if column.name not in own]
    names = ["path", *labels, "object", "size", "sha256"]
    kept = pa.concat_tables([table.read(state, piece, names) for piece in table.pieces(state)])
    paths = [table.place.path(name) for name in kept.column("object").to_pylist()]
    sizes, digests = (kept.column(name).to_pylist() for name in ("size", "sha256"))
    return Listed(table.place.uri, paths, sizes, kept.select(["path", *labels]), digests)


def _of_manifest(place: str, config: MediaConfig) -> Listed:
    rows = _manifest.labelled(_manifest.read(place), config.path, config.file, (config.column,))
    paths = _manifest.resolve(place, rows.column("path").to_pylist())
    every = [paths]
    for name in config.beside:
        if name not in rows.column_names:
            raise unknown_column(config.path, name, rows.column_names)
        if not pa.types.is_string(rows.schema.field(name).type):
            raise DataError(f"data.source.masks: column {name!r} of {config.path} holds no paths of files.")
        every.append(_manifest.resolve(place, rows.column(name).to_pylist(), missing=""))
    local = isinstance(_files.locate(place)[0], pafs.LocalFileSystem)
    sizes = [sum(map(_size, together)) if local else 0 for together in zip(*every, strict=True)]
    note, naming = _told(place, rows, set(paths), config) if local else ("", [])
    return Listed(place, paths, sizes, rows, note=note, naming=tuple(naming))


def _size(path: str) -> int:
    return os.path.getsize(path) if path and os.path.exists(path) else 0


def _told(place: str, rows: pa.Table, named: set[str], config: MediaConfig) -> tuple[str, list[str]]:
    """Which of a manifest's columns name further files, and how many files below its folder no column names: in words,
    and those of the columns that are not read."""
    folder = os.path.dirname(place)
    texts = [known.name for known in rows.schema if pa.types.is_string(known.type) and known.name != "path"]
    others = []
    for name in texts:
        values = [v for v in rows.column(name).to_pylist() if v and _files.has_suffix(v, config.suffixes)]
        found = {os.path.normpath(os.path.join(folder, value)) for value in values if "://" not in value}
        if found and os.path.isfile(min(found)):
            others.append(name)
        named = named | found
    notes = []
    unread = [name for name in others if name not in config.beside]
    if unread and "masks" in type(config).model_fields:
        notes.append(
            f"{config.path}: {listing(map(repr, unread), 4)} names files too, and is read as their paths. For what "
            f"they hold: data.source.masks: [{', '.join(unread)}]."
        )
    return " ".join([*notes, *_left_out(folder, named, config)]), unread


def _left_out(folder: str, named: set[str], config: MediaConfig) -> list[str]:
    found = unnamed = looked_at = 0
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "._"]
        looked_at += len(names) + len(folders)
        if looked_at > MOST_ENTRIES + 20 * len(named):
            return []  # a home folder with a manifest in it is not walked to its end
        these = [name for name in names if name[0] not in "._" and _files.has_suffix(name, config.suffixes)]
        found += len(these)
        unnamed += sum(os.path.join(where, name) not in named for name in these)
    are = "is" if unnamed == 1 else "are"
    told = (
        f"{config.path}: {unnamed:,} of the {counted(found, 'file')} below its folder {are} not named there and {are} "
        "left out."
    )
    return [told] if unnamed else []


def check_digest(found: str, kept: str, shown: str, source: str) -> None:
    """Raises:
    DataError: a file of the lake is no longer what was appended.
    """
    if found != kept:
        raise DataError(f"{shown!r} (of {source}) was altered: it has another digest. Restore it from a copy.")


def digest_of(uri: str, path: str) -> str:
    """SHA-256 of a file that may be larger than memory.

    Raises:
        DataError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with _files.locate(uri)[0].open_input_stream(path, compression=None) as stream:
            while chunk := stream.read(DIGEST_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise _files.unreadable(path, error) from None
    return digest.hexdigest()
