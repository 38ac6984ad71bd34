"""Sources of files that are one value each, an image, a sound, a text: a folder a class, or a manifest.

Bytes are read in the task that reads a fragment. A fragment carries its own paths and labels, so that a task needs to
list nothing.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, listing
from rayline.sources import _files, _manifest
from rayline.sources._columns import canonical_schema
from rayline.sources._source import Fragment, Source

FRAGMENT_FILES = 256
FRAGMENT_BYTES = 128 << 20
"""Files are read together up to so many, and up to this size."""
READERS = 16
"""Files read at once from a URL, where each waits for the network."""


class BrokenFileError(ValueError):
    """Why a file is not what it should be, in words without its name."""


@dataclass(frozen=True)
class FilesFragment(Fragment):
    """Some of a source's files."""

    files: tuple[str, ...] = field(default=(), repr=False)
    """Their paths on the filesystem of `uri`."""
    rows: bytes = field(default=b"", repr=False)
    """What is known of each: an Arrow stream of `path`, and labels."""

    def table(self) -> pa.Table:
        return pa.ipc.open_stream(self.rows).read_all()


class MediaConfig(PluginConfig, ABC):
    """Options of every source of files."""

    suffixes: ClassVar[tuple[str, ...]]
    column: ClassVar[str]
    """The column that holds the value."""
    kind: ClassVar[pa.DataType] = pa.binary()

    path: str
    """A folder with a folder a class, a glob, or a URL; or a manifest (CSV, JSON lines, Parquet): a row a file."""
    file: str | None = None
    """The manifest's column of paths, relative to it; `null`: `path`, `file`, `file_name` or `filename`."""
    label: Literal["parent", "first"] = "parent"
    """Which folder below `path` names a file's class, in column `label`: the one it lies in, or the first."""
    on_broken: Literal["refuse", "skip"] = "refuse"
    """A file that is gone, cut off or of another kind: an error with its name, or left out, counted and reported."""

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Claims names of files of its kind, and folders that hold some and no tables."""
        if _files.has_suffix(text, cls.suffixes):
            return cls(path=text)
        claimed = _files.folder_holds(text, cls.suffixes) and not _files.folder_holds(text, _manifest.SUFFIXES)
        return cls(path=text) if claimed else None

    @abstractmethod
    def value(self, data: bytes) -> bytes | str:
        """What a file's row holds.

        Raises:
            BrokenFileError: the bytes are not a file of this kind, or not all of one.
        """

    def build(self) -> Source:
        return MediaSource(self)


class MediaSource(Source):
    """Fragments are runs of files, by path (of a manifest: in its order)."""

    def __init__(self, config: MediaConfig) -> None:
        self.config = config
        self._place = _files.absolute(config.path)

    def __getstate__(self) -> dict[str, Any]:
        # a million paths would be shipped to every task: a fragment brings its own
        return {key: value for key, value in self.__dict__.items() if key != "_fragments"}

    @property
    def name(self) -> str:
        return self.config.path

    def _find(self) -> list[Fragment]:
        paths, sizes, rows = self._listed()
        fragments: list[Fragment] = []
        for start, end in runs(sizes):
            part = rows.slice(start, end - start)
            first, last = (part.column("path")[place].as_py() for place in (0, -1))
            fragments.append(
                FilesFragment(
                    len(fragments),
                    first if end - start == 1 else f"{first} to {last}",
                    uri=self._place,
                    first_row=start,
                    size_bytes=sum(sizes[start:end]),
                    files=tuple(paths[start:end]),
                    rows=stream_bytes(part),
                )
            )
        return fragments

    def _decide(self) -> pa.Schema:
        first = self.fragments()[0]
        assert isinstance(first, FilesFragment)
        return first.table().schema.append(pa.field(self.config.column, self.config.kind))

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        assert isinstance(fragment, FilesFragment)
        rows = fragment.table()
        if self.config.column not in names and self.config.on_broken == "refuse":
            return rows
        shown = rows.column("path").to_pylist()
        values: list[bytes | str] = []
        kept: list[int] = []
        broken: list[str] = []
        for place, read in enumerate(readers(fragment.uri, fragment.files)):
            try:
                values.append(self.config.value(read()))
                kept.append(place)
            except (BrokenFileError, FileNotFoundError) as error:
                why = "is not there" if isinstance(error, FileNotFoundError) else str(error)
                if self.config.on_broken == "refuse":
                    raise refused(shown[place], self.name, why) from None
                broken.append(shown[place])
            except OSError as error:
                raise _files.unreadable(shown[place], error) from None
        if broken:
            self.notes[fragment.index] = f"{self.name}: {len(broken)} broken files were left out: {listing(broken, 5)}."
        column = pa.chunked_array([pa.array(values, self.config.kind)])
        return rows.take(pa.array(kept, pa.int64())).append_column(self.config.column, column)

    def _listed(self) -> tuple[list[str], list[int], pa.Table]:
        """Paths and sizes of the files, and what is known of each: `path`, then labels."""
        config = self.config
        if not _manifest.is_manifest(self._place):
            found = _files.find(self._place, config.suffixes)
            return [f.path for f in found], [f.size_bytes for f in found], by_folder([f.label for f in found], config)
        table = _manifest.read(self._place)
        column = _manifest.path_column(table.column_names, config.path, config.file, config.column)
        others = [name for name in table.column_names if name != column]
        for name in ("path", config.column):
            if name in others:
                raise DataError(f"{config.path}: column {name!r} would be there twice. Rename it.")
        shown = table.column(column).cast(pa.string())
        paths = _manifest.resolve(self._place, shown.to_pylist())
        rows = pa.table([shown, *(table.column(name) for name in others)], names=["path", *others])
        local = isinstance(_files.locate(self._place)[0], pafs.LocalFileSystem)
        sizes = [os.path.getsize(path) if local and os.path.exists(path) else 0 for path in paths]
        return paths, sizes, rows.cast(canonical_schema(rows.schema, config.path))


def by_folder(labels: Sequence[str], config: Any) -> pa.Table:
    """`path`, and `label` from the folders where there are any."""
    folders = [label.split("/")[:-1] for label in labels]
    names = [f[-1 if config.label == "parent" else 0] if f else None for f in folders]
    columns = {"path": pa.array(labels, pa.string())}
    if any(names):
        columns["label"] = pa.array(names, pa.string())
    return pa.table(columns)


def runs(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Starts and ends of runs of files of bounded number and size."""
    start, held = 0, 0
    for place, size in enumerate(sizes):
        if place > start and (place - start == FRAGMENT_FILES or held + size > FRAGMENT_BYTES):
            yield start, place
            start, held = place, 0
        held += size
    yield start, len(sizes)


def stream_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def readers(uri: str, paths: Sequence[str]) -> Iterator[Callable[[], bytes]]:
    """For each path, in order, a function that returns the file's bytes or raises what the system says."""
    filesystem, _ = _files.locate(uri)

    def read(path: str) -> bytes:
        with filesystem.open_input_stream(path, compression=None) as stream:
            data: bytes = stream.read()
        return data

    if isinstance(filesystem, pafs.LocalFileSystem):
        for path in paths:
            yield lambda path=path: read(path)  # type: ignore[misc]
        return
    with ThreadPoolExecutor(READERS) as pool:
        for future in [pool.submit(read, path) for path in paths]:
            yield future.result


def refused(shown: str, source: str, why: str) -> DataError:
    """The error for a file that is not what it should be."""
    return DataError(
        f"{shown} (of {source}) {why}. Correct it or take it out, or leave all such files out: "
        "data.source.on_broken: skip."
    )
