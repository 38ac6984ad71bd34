"""Options of sources that are files, told by how their names end, and what the bare path of a folder means."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from rayline.core import catalog, files
from rayline.core.catalog import PluginConfig
from rayline.core.errors import SpecError, listing
from rayline.sources import _files, _manifest

LOOKED_INTO = 8
"""Tables of a folder that are looked into for names of the files beside them."""


class PathConfig(PluginConfig):
    """Options of a source that is files, told by how their names end."""

    suffixes: ClassVar[tuple[str, ...]]
    column: ClassVar[str] = ""
    """Where a file is one value (an image, a sound): the column that holds it. Of tables, empty."""

    path: str
    """A file, folder, glob or URL (`s3://`, `gs://`, `http(s)://`, any fsspec scheme)."""

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Claims names of files with one of `suffixes`, and folders that hold some.

        A folder of images (sound, texts, video) with one table that names them is those images with that table's
        other columns.

        Raises:
            SpecError: a folder with files of several kinds of table, or with tables and images of which it cannot be
                told what is meant; every reading is named.
            DataError: a folder that cannot be listed, or a table in it that cannot be read.
        """
        if _files.has_suffix(text, cls.suffixes):
            return cls(path=text)
        if not _files.folder_holds(text, cls.suffixes):
            return None
        labelled = labelled_in(text)
        if labelled is not None:
            return cls(path=labelled.manifest) if cls.plugin_name == labelled.kind else None
        if cls.column:
            return None if _files.folder_holds(text, _manifest.SUFFIXES) else cls(path=text)
        if set(cls.suffixes) & set(_files.TABLES):
            _refuse_mixed(text)
        return cls(path=text)


@dataclass(frozen=True)
class Labelled:
    """A folder of files that are one value each, with the table that names them."""

    kind: str
    """The source that reads them: images, audio, texts or video."""
    manifest: str
    """The table's path or URL."""


def labelled_in(folder: str) -> Labelled | None:
    """The manifest of a folder of images, sound, texts or video; `None` where it is files alone, or tables alone.

    Texts beside tables that name none of them are notes (README.md).

    Raises:
        SpecError: it holds tables and such files, and what is meant cannot be told.
        DataError: it cannot be listed, or a table cannot be read.
    """
    held = _files.find(folder, ("",)) if _files.is_folder(folder) else []
    tables = [file for file in held if _files.has_suffix(file.path, _manifest.SUFFIXES)]
    if not tables or len(tables) == len(held):
        return None
    kinds = _kinds()
    kind_of = {
        file.path: name for file in held for name, kind in kinds.items() if _files.has_suffix(file.path, kind.suffixes)
    }
    if not kind_of:
        return None
    columns = [*_manifest.PATH_COLUMNS, *dict.fromkeys(kind.column for kind in kinds.values())]
    named: dict[str, str] = {}
    for table in tables[:LOOKED_INTO]:
        place = files.join(folder, table.label)
        found = Counter(kind_of[path] for path in _manifest.first_paths(place, columns) if path in kind_of)
        if found:
            named[place] = found.most_common(1)[0][0]
    if len(tables) == len(named) == 1:
        return Labelled(*next((kind, place) for place, kind in named.items()))
    if named or set(kind_of.values()) != {"texts"}:
        raise _unclear(folder, [file.label for file in tables], list(kind_of), named, kind_of)
    return None


def _kinds() -> dict[str, type[PathConfig]]:
    """Sources whose files are one value each, by name."""
    every = {name: catalog.config_class("source", name) for name in catalog.names("source")}
    return {name: kind for name, kind in every.items() if issubclass(kind, PathConfig) and kind.column}


def _unclear(
    folder: str, tables: Sequence[str], paths: Sequence[str], named: dict[str, str], kind_of: dict[str, str]
) -> SpecError:
    ends = Counter(os.path.splitext(path)[1].lower() for path in paths)
    held = " and ".join(f"{count} {end} file{'s' if count > 1 else ''}" for end, count in ends.most_common(3))
    kind = Counter([*named.values()] or [kind_of[path] for path in paths]).most_common(1)[0][0]
    manifest = max(named) if named else files.join(folder, tables[-1])
    rows = _files.TABLES.get(os.path.splitext(tables[0])[1].lower(), "parquet")
    lacking = "" if named else f" that name{'s' if len(tables) == 1 else ''} none of them"
    return SpecError(
        f"folder {folder!r} holds {held} and {len(tables)} table{'s' if len(tables) > 1 else ''} ({listing(tables, 4)})"
        f"{lacking}. Say what is meant: {{name: {kind}, path: {folder}}} for the files, labelled by their folders; "
        f"{{name: {kind}, path: {manifest}, file: COLUMN}} for those that a table's column names, with its other "
        f"columns; or {{name: {rows}, path: {folder}}} for the rows of the tables alone."
    )


def _refuse_mixed(text: str) -> None:
    """Refuse a folder whose files are tables of several kinds, for one source reads one kind.

    Raises:
        SpecError: it is one; the message says how to name the files of one kind.
    """
    counts = Counter(os.path.splitext(file.path)[1].lower() for file in _files.find(text, tuple(_files.TABLES)))
    if len({_files.TABLES[end] for end in counts}) > 1:
        held = " and ".join(f"{count} {end}" for end, count in counts.most_common())
        first, most = min(counts), counts.most_common(1)[0][0]
        raise SpecError(
            f"folder {text!r} holds tables of several kinds: {held}. Name those to read: "
            f"{files.join(text, '**', f'*{most}')}, or {{name: {_files.TABLES[first]}, path: {text}}} for the {first} "
            "files."
        )
