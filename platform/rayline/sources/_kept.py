"""Rows that can be had once, kept as Arrow files, so that whoever reads them reads the same rows again.

    FOLDER/read-000001.arrow            the rows of the first read, and the places in the stream they lie between
    FOLDER/read-000002.monday.arrow     the next, which has a name

A file is there whole or not at all, and says itself where the next read begins: rows and offsets advance in one step,
and a kill at any moment neither loses nor doubles a row.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from rayline.core import files
from rayline.core.errors import DataError, StorageError
from rayline.core.home import ensure_home
from rayline.sources import _files, frame
from rayline.sources._source import Fragment, Source

READ_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
_READ = re.compile(rf"read-(\d{{6,}})(?:\.({READ_NAME}))?\.arrow")
OFFSETS = "rayline.offsets"
"""Note in a file: where the read after it begins."""


@dataclass(frozen=True)
class Read:
    """One file of rows that were read once."""

    number: int
    name: str | None
    uri: str

    def offsets(self) -> dict[str, int]:
        """Where the next read begins.

        Raises:
            DataError: the file cannot be read.
        """
        path = _files.absolute(self.uri)
        try:
            with pa.ipc.open_file(_files.open_file(path, _files.locate(path)[1])) as reader:
                notes = reader.schema.metadata or {}
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{self.uri} cannot be read as an Arrow file: {error}. Delete it to begin anew.") from None
        if OFFSETS.encode() not in notes:
            raise DataError(f"{self.uri} is none of the files that reads are kept in. Move it elsewhere.")
        found: dict[str, int] = orjson.loads(notes[OFFSETS.encode()])
        return found


class Reads:
    """The reads of one stream, in a folder or at a URI; after those of `before`, which are kept elsewhere."""

    def __init__(self, uri: str, before: Reads | None = None) -> None:
        self.uri = uri
        self.before = before

    def all(self) -> list[Read]:
        """Those that are kept here, by number.

        Raises:
            StorageError: the folder cannot be read.
        """
        found = [(_READ.fullmatch(name), files.join(self.uri, name)) for name in files.list_names(self.uri)]
        return sorted(
            (Read(int(match[1]), match[2], uri) for match, uri in found if match), key=lambda read: read.number
        )

    def called(self, name: str) -> Read | None:
        """The read of that name."""
        found = next((read for read in self.all() if read.name == name), None)
        return self.before.called(name) if found is None and self.before is not None else found

    def last(self) -> Read | None:
        """The read that the next one continues."""
        every = self.all()
        if not every and self.before is not None:
            return self.before.last()
        return every[-1] if every else None

    def next(self, name: str | None) -> Read:
        """The place of a further read."""
        every = self.all()
        number = every[-1].number + 1 if every else 1
        return Read(number, name, files.join(self.uri, f"read-{number:06d}{f'.{name}' if name else ''}.arrow"))

    @contextmanager
    def locked(self) -> Iterator[Path]:
        """One reader at a time on this machine; a folder of this disk for what is not finished, swept before.

        Raises:
            StorageError: `RAYLINE_HOME` cannot be written.
        """
        local = Path(files.locate(self.uri)[1]) if "://" not in self.uri else Path(place("unfinished", None, self.uri))
        with ExitStack() as stack:
            try:
                local.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context((local / ".lock").open("wb"))
                fcntl.flock(lock, fcntl.LOCK_EX)
                for left in [*local.glob(".*.spool"), *local.glob(".*.arrow")]:  # of one that was killed
                    left.unlink()
            except OSError as error:
                raise StorageError(
                    f"cannot write {local}: {error.strerror or error}. Free some space, or set RAYLINE_HOME to a "
                    "folder you may write to."
                ) from None
            yield local


def place(kind: str, keep: str | None, *parts: str) -> str:
    """The folder for what is told apart by `parts`, below `keep` or `RAYLINE_HOME/sources/KIND`: `…/orders-1f3a…`.

    Raises:
        StorageError: `RAYLINE_HOME` cannot be written.
    """
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", parts[-1]).strip("-.")[:40]
    if keep is None:
        folder = str(ensure_home() / "sources" / kind)
    else:
        folder = files.locate(keep)[1] if keep.startswith("file://") else _files.absolute(keep)
    return files.join(folder, "-".join(filter(None, [plain, digest])))


class KeptSource(Source):
    """Fetches its rows when they are first asked for, and reads them from their file ever after."""

    _path: str | None = None

    @abstractmethod
    def _fetch(self) -> str:
        """Fetch the rows and return the path of the Arrow file that keeps them.

        Raises:
            DataError: there are none, or they cannot be had.
        """

    @property
    def kept(self) -> frame.Config:
        """The same rows as an Arrow file: a source that fetches nothing, for whoever reads them later.

        Raises:
            DataError: as `fragments`.
        """
        if self._path is None:
            self._path = self._fetch()
        return frame.Config(path=self._path)

    def __getstate__(self) -> dict[str, Any]:
        """Fetched before it goes elsewhere, for its copies would each fetch other rows."""
        _ = self.kept
        return dict(self.__dict__)

    @cached_property
    def _file(self) -> Source:
        return self.kept.build()

    def _find(self) -> list[Fragment]:
        return self._file.fragments()

    def _decide(self) -> pa.Schema:
        return self._file.schema()

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        return self._file._read(fragment, names)
