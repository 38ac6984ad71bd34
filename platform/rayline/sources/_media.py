"""Sources of files that are one value each, an image, a sound, a text: a folder a class, a manifest, or a lake's table.

Bytes are read in the task that reads a fragment. A fragment carries its own paths and labels, so that a task needs to
list nothing.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs

from rayline.core.columns import ROW, FeatureType
from rayline.core.errors import DataError, listing
from rayline.core.shown import counted
from rayline.sources import _files, _listing, _manifest
from rayline.sources._path_config import PathConfig
from rayline.sources._source import Fragment, Source
from rayline.sources.lake import PREFIX

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
    digests: tuple[str, ...] = field(default=(), repr=False)
    """SHA-256 of each, where the lake knows it."""

    def table(self) -> pa.Table:
        return pa.ipc.open_stream(self.rows).read_all()


class MediaConfig(PathConfig, ABC):
    """Options of every source of files."""

    kind: ClassVar[pa.DataType] = pa.binary()
    holds: ClassVar[str]
    """What the lake calls files of this kind."""

    path: str
    """A folder with a folder a class, a glob, or a URL; a manifest (CSV, JSON lines, Parquet): a row a file; or
    `lake:TABLE` (`lake:TABLE@SNAPSHOT`), a table of files of the lake."""
    file: str | None = None
    """The manifest's column of paths, relative to it; `null`: `path`, `file`, `file_name` or `filename`."""
    label: Literal["parent", "first"] = "parent"
    """Which folder below `path` names a file's class, in column `label`: the one it lies in, or the first."""
    on_broken: Literal["refuse", "skip"] = "refuse"
    """A file that is gone, cut off or of another kind: an error with its name, or left out, counted and reported."""

    @property
    def roles(self) -> dict[str, FeatureType]:
        """What columns are, whatever they hold: a file's path is its name, and often that of its class."""
        return {"path": FeatureType.ID} | ({self.column: FeatureType.TEXT} if self.holds == "text" else {})

    @property
    def beside(self) -> tuple[str, ...]:
        """Columns of a manifest that name further files of this kind, to be read as their bytes."""
        return ()

    @abstractmethod
    def value(self, data: bytes) -> bytes | str:
        """What a file's row holds.

        Raises:
            BrokenFileError: the bytes are not a file of this kind, or not all of one.
        """

    def build(self) -> Source:
        return MediaSource(self)


class MediaSource(Source):
    """Fragments are runs of files, by path (of a manifest or a lake's table: in its order)."""

    def __init__(self, config: MediaConfig) -> None:
        """Raises:
        DataError: a table of the lake that is not there, or holds other files.
        """
        if config.path.startswith(PREFIX):
            config = config.model_copy(update={"path": _listing.pinned(config.path, config.holds)})
        self.config = config
        self._naming: tuple[str, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # a million paths would be shipped to every task: a fragment brings its own
        return {key: value for key, value in self.__dict__.items() if key != "_fragments"}

    @property
    def name(self) -> str:
        return self.config.path

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        self.fragments()  # a manifest's columns are known once it was read
        return dict.fromkeys(self._naming, FeatureType.ID) | self.config.roles

    @property
    def kept(self) -> MediaConfig | None:
        """Of a lake's table, the same snapshot."""
        return self.config if self.config.path.startswith(PREFIX) else None

    def label_of(self, fragment: Fragment, row: int) -> str:
        known = self.read(fragment, ["path"])  # of files that are left out, no row tells
        place = pc.index(known.column(ROW), pa.scalar(row, pa.int64())).as_py()
        return fragment.label if place < 0 else str(known.column("path")[place].as_py())

    def _find(self) -> list[Fragment]:
        every = self._listed()
        fragments: list[Fragment] = []
        for start, end in runs(every.sizes):
            part = every.rows.slice(start, end - start)
            first, last = (part.column("path")[place].as_py() for place in (0, -1))
            fragments.append(
                FilesFragment(
                    len(fragments),
                    first if end - start == 1 else f"{first} to {last}",
                    uri=every.uri,
                    first_row=start,
                    size_bytes=sum(every.sizes[start:end]),
                    files=tuple(every.paths[start:end]),
                    rows=stream_bytes(part),
                    digests=tuple(every.digests[start:end]),
                )
            )
        return fragments

    def _decide(self) -> pa.Schema:
        first = self.fragments()[0]
        assert isinstance(first, FilesFragment)
        schema = first.table().schema
        for name in self.config.beside:
            schema = schema.set(schema.get_field_index(name), pa.field(name, self.config.kind))
        return schema.append(pa.field(self.config.column, self.config.kind))

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        assert isinstance(fragment, FilesFragment)
        rows = fragment.table()
        wanted = [self.config.column, *self.config.beside]
        if self.config.on_broken == "refuse":
            wanted = [name for name in wanted if name in names]
        values: dict[str, list[bytes | str | None]] = {}
        broken: dict[int, str] = {}
        for name in wanted:
            values[name] = self._values(fragment, rows, name, broken)
        if broken:
            shown = [path for _, path in sorted(broken.items())]
            files = f"{counted(len(broken), 'broken file')} {'was' if len(broken) == 1 else 'were'}"
            self.notes[fragment.index] = f"{self.name}: {files} left out: {listing(shown, 5)}."
        kept = [place for place in range(rows.num_rows) if place not in broken]
        rows = rows.take(pa.array(kept, pa.int64()))
        for name, found in values.items():
            column = pa.chunked_array([pa.array([found[place] for place in kept], self.config.kind)])
            at = rows.schema.get_field_index(name)
            rows = rows.append_column(name, column) if at < 0 else rows.set_column(at, name, column)
        return rows

    def _values(
        self, fragment: FilesFragment, rows: pa.Table, name: str, broken: dict[int, str]
    ) -> list[bytes | str | None]:
        """What the files of one column hold; those that cannot be used are added to `broken`, by their row."""
        content = name == self.config.column
        shown = rows.column("path" if content else name).to_pylist()
        files = fragment.files if content else _manifest.resolve(_files.absolute(self.name), shown, missing="")
        values: list[bytes | str | None] = [None] * len(files)
        places = [place for place, path in enumerate(files) if path]
        for place, read in zip(places, readers(fragment.uri, [files[place] for place in places]), strict=True):
            try:
                data = read()
                if content and fragment.digests:
                    _listing.check_digest(
                        hashlib.sha256(data).hexdigest(), fragment.digests[place], shown[place], self.name
                    )
                values[place] = self.config.value(data)
            except (BrokenFileError, FileNotFoundError) as error:
                why = "is not there" if isinstance(error, FileNotFoundError) else str(error)
                if self.config.on_broken == "refuse":
                    raise refused(shown[place], self.name, why) from None
                broken[place] = shown[place]
            except OSError as error:
                raise _files.unreadable(shown[place], error) from None
        return values

    def _listed(self) -> _listing.Listed:
        every = _listing.listed(self.config)
        self._naming = every.naming
        if every.note:
            self.notes[-1] = every.note
        return every


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
