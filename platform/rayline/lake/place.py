"""A folder, local, on S3 or on Google Cloud Storage: files by paths below it, and `create` for commits.

Everything about commits rests on `create`: of several processes that make the same file, one succeeds, and what it
made is there whole or not at all (`exclusive.py`).
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core import files
from rayline.core.errors import StorageError
from rayline.core.redact import redact
from rayline.lake.exclusive import GcsObjects, Objects, S3Objects, link, sync

PATIENCE = "retry_limit_seconds"
PATIENCE_S = 60
"""How long Google Cloud Storage is asked again, where a URI does not say."""


class Place:
    """Files below one URI, by paths relative to it. Pickled as its URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri if "://" in uri else os.path.abspath(os.path.expanduser(uri))
        filesystem, root = _located(self.uri)
        self.filesystem: pafs.FileSystem = filesystem
        self.root: str = root.rstrip("/")
        if filesystem.type_name not in ("local", "s3", "gcs"):
            raise StorageError(
                f"a lake cannot be kept at {redact(uri)}: it needs files that are made only where none is, "
                "which Rayline does on local folders, s3:// and gs://. Give one of these."
            )

    def __reduce__(self) -> tuple[type[Place], tuple[str]]:
        return Place, (self.uri,)

    @property
    def local(self) -> bool:
        return bool(self.filesystem.type_name == "local")

    def below(self, *parts: str) -> Place:
        return Place(files.join(self.uri, *parts))

    def path(self, name: str) -> str:
        """The path of `name` on `filesystem`."""
        return f"{self.root}/{name}"

    def exists(self, name: str) -> bool:
        with translated("look at", self.shown(name)):
            return bool(self.filesystem.get_file_info(self.path(name)).type != pafs.FileType.NotFound)

    def read(self, name: str) -> bytes:
        """The whole of a file.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it cannot be read.
        """
        with (
            translated("read", self.shown(name), missing=FileNotFoundError),
            self.filesystem.open_input_stream(self.path(name)) as stream,
        ):
            return bytes(stream.read())

    def open(self, name: str) -> pa.NativeFile:
        """A file for reading anywhere in it.

        Raises:
            FileNotFoundError: there is none.
            StorageError: it cannot be opened.
        """
        with translated("read", self.shown(name), missing=FileNotFoundError):
            if self.local:
                return pa.memory_map(self.path(name))
            return self.filesystem.open_input_file(self.path(name))

    def begin(self, name: str) -> pa.NativeFile:
        """A stream into a new file, under a name that nobody else uses; `settle` it once it is closed."""
        with translated("write", self.shown(name)):
            if self.local:
                os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            return self.filesystem.open_output_stream(self.path(name))

    def settle(self, name: str) -> None:
        """Have a closed file outlast a power cut; object storage does so by itself."""
        if self.local:
            with translated("write", self.shown(name)):
                sync(self.path(name))

    def create(self, name: str, data: bytes) -> bool:
        """Make a file whole where there is none; `False`, and nothing else, where there is one.

        Raises:
            StorageError: the place cannot be written, or cannot tell whether the file was there.
        """
        with translated("write", self.shown(name)):
            if self.local:
                return link(Path(self.path(name)), data)
            bucket, _, key = self.path(name).partition("/")
            return self._objects.create(bucket, key, data)

    @cached_property
    def _objects(self) -> Objects:
        if self.filesystem.type_name == "gcs":
            return GcsObjects(self.uri)
        return S3Objects(self.uri, self.filesystem.region)

    def prove_exclusive(self) -> None:
        """Prove that this place keeps the promise of `create`; some S3 stores take the condition and ignore it.

        Raises:
            StorageError: it cannot be written, or makes a file twice.
        """
        name = f".exclusive-{uuid.uuid4().hex[:12]}"
        kept = self.create(name, b"1") and not self.create(name, b"2") and self.read(name) == b"1"
        self.delete([name])
        if not kept:
            raise StorageError(
                f"{self.shown()} takes {self._objects.condition} and overwrites all the same, so two writers could "
                f"undo each other's work. Use a store that honours it ({self._objects.honoured_by}), or a local folder."
            )

    def names(self, folder: str) -> list[str]:
        """Names of the files directly in `folder`, sorted."""
        return sorted(entry.base_name for entry in self._entries(folder) if entry.type == pafs.FileType.File)

    def folders(self, folder: str) -> list[str]:
        """Names of the folders directly in `folder`, sorted."""
        if not self.local and isinstance(self._objects, GcsObjects):
            bucket, _, key = self.path(folder).partition("/")
            return self._objects.folders(bucket, key)
        return sorted(entry.base_name for entry in self._entries(folder) if entry.type == pafs.FileType.Directory)

    def tree(self, folder: str) -> dict[str, float]:
        """Each file below `folder`, by its path from here, and when it was last written (seconds since 1970)."""
        cut = len(self.root) + 1
        return {
            entry.path[cut:]: (entry.mtime or datetime.now(UTC)).timestamp()
            for entry in self._entries(folder, recursive=True)
            if entry.type == pafs.FileType.File
        }

    def _entries(self, folder: str, *, recursive: bool = False) -> list[pafs.FileInfo]:
        where = self.path(folder) if folder else self.root
        with translated("list", self.shown(folder)):
            selector = pafs.FileSelector(where, recursive=recursive, allow_not_found=True)
            return list(self.filesystem.get_file_info(selector))

    def delete(self, names: list[str]) -> None:
        """Delete files; those that are gone already are fine."""
        for name in names:
            with translated("delete", self.shown(name)):
                try:
                    self.filesystem.delete_file(self.path(name))
                except FileNotFoundError:
                    continue

    def shown(self, name: str = "") -> str:
        """A file, or the place itself, as people are told of it: without keys."""
        base = redact(self.uri.partition("?")[0])
        return f"{base}/{name}" if name else base


@lru_cache(maxsize=64)  # an S3 filesystem asks for its bucket's region when it is made
def _located(uri: str) -> tuple[pafs.FileSystem, str]:
    if uri.startswith(("gs://", "gcs://")) and PATIENCE not in uri:  # Arrow's own is 15 minutes
        uri += f"{'&' if '?' in uri else '?'}{PATIENCE}={PATIENCE_S}"
    return files.locate(uri)


@contextmanager
def translated(doing: str, where: str, *, missing: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    """Errors of the operating system and of Arrow's filesystems as ours; `missing` passes."""
    try:
        yield
    except missing:
        raise
    except OSError as error:
        hint = ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = " Free some space there; what is in the table stays."
        elif doing in ("write", "delete"):
            hint = " Choose a place you may write to."
        raise StorageError(f"cannot {doing} {where}: {error.strerror or error}.{hint}") from None
