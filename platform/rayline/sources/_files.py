"""Files behind a path, folder, glob or URL, in an order that depends on their paths alone."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core import files
from rayline.core.errors import DataError, RaylineError, nearest_file
from rayline.sources import _globs, _remote

ARROW_SCHEMES = frozenset({"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss", "mock"})
PACKED = {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}
TABLE_MARKS = {
    "_delta_log": "delta",
    "metadata": "iceberg",
    "dataset_dict.json": "huggingface",
    "state.json": "huggingface",
}
"""What a folder holds beside files that are a table together, and whose: the files alone are not its rows."""
TABLES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".arrow": "frame",
          ".feather": "frame"}  # fmt: skip
"""How files of tables end, and who reads them."""


@dataclass(frozen=True)
class File:
    """One file to read: a path on the filesystem of a URI."""

    uri: str
    """What was asked for, absolute: it tells the filesystem, with its options."""
    path: str
    label: str
    """Its name, with the folders below the place that was asked for."""
    size_bytes: int


@lru_cache(maxsize=64)  # an S3 filesystem asks for its bucket's region when it is made
def locate(uri: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem and path of a local path or URL: pyarrow's own filesystems first, fsspec's for the rest.

    Raises:
        DataError: a scheme that neither knows, or whose package is not installed.
    """
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if scheme in ARROW_SCHEMES:
        try:
            return files.locate(_remote.bounded(uri))
        except RaylineError as error:
            cause = error.__context__ if scheme != "file" else None  # what the store answered
            raise DataError(f"cannot open {uri!r}: {_remote.said(uri, cause)}" if cause else str(error)) from None
    try:
        filesystem, path = fsspec.core.url_to_fs(uri, **_remote.options(scheme))
    except OSError as error:
        raise DataError(f"cannot open {uri!r}: {_remote.said(uri, error)}") from None
    except (ValueError, ImportError) as error:
        raise DataError(
            f"cannot open {uri!r}: {error}. Give a local path, or an s3://, gs:// or http(s):// URL."
        ) from None
    return pafs.PyFileSystem(_remote.Handler(filesystem)), path


def path_of(text: str) -> str:
    """The path part of a URL or path, without a URL's `?query`."""
    return text.partition("?")[0] if "://" in text else text


def is_glob(text: str) -> bool:
    """Whether `text` is a pattern: no file here is called so. A `?` in a URL starts its query."""
    return _globs.is_pattern(path_of(text)) and ("://" in text or not os.path.exists(absolute(text)))


def has_suffix(text: str, suffixes: Sequence[str]) -> bool:
    """Whether a path, URL or pattern ends like a file of one of these kinds."""
    return path_of(text).lower().endswith(tuple(suffixes))


def find(uri: str, suffixes: Sequence[str]) -> list[File]:
    """The files that `uri` stands for, by path: one file, a glob, or all with one of `suffixes` below a folder.

    Raises:
        DataError: nothing is there, nothing matches, or the place cannot be read.
    """
    uri = absolute(uri)
    filesystem, path = locate(uri)
    try:
        if is_glob(uri):
            found, root = _globs.matching(filesystem, path), _globs.fixed(path)
            if not found:
                raise DataError(f"no file matches {uri!r}. Check the pattern, or name the folder.")
        else:
            info = filesystem.get_file_info(path)
            if info.type == pafs.FileType.File:
                found, root = [info], path.rpartition("/")[0]
            elif info.type == pafs.FileType.NotFound:
                raise _absent(uri, filesystem, path)
            else:
                found, root = _below(filesystem, path, suffixes, uri), path
    except (OSError, pa.ArrowException) as error:
        raise unreadable(uri, error) from None
    prefix = root.rstrip("/") + "/"
    return [
        File(uri, entry.path, path_of(entry.path.removeprefix(prefix)), entry.size or 0)
        for entry in sorted(found, key=lambda entry: entry.path)
    ]


def is_folder(text: str) -> bool:
    """Whether `text` names a folder: a local one that is there, or a URL that ends with a slash."""
    return not is_glob(text) and (path_of(text).endswith("/") if "://" in text else os.path.isdir(absolute(text)))


def folder_holds(text: str, suffixes: Sequence[str]) -> bool:
    """Whether `text` is a folder with a file of one of these kinds in it, and no table of a kind of its own.

    Raises:
        DataError: a folder at a URL that cannot be listed.
    """
    if not is_folder(text) or table_kind(text):
        return False
    filesystem, path = locate(absolute(text))
    try:
        return bool(_held(filesystem, path, suffixes)[0])
    except OSError as error:
        raise unreadable(text, error) from None


def table_kind(text: str) -> str | None:
    """Whose table a folder is: delta, iceberg or huggingface; `None` where it is no more than its files.

    Raises:
        DataError: a folder at a URL that cannot be looked at.
    """
    if not is_folder(text):
        return None
    filesystem, path = locate(absolute(text))
    try:
        found = filesystem.get_file_info([f"{path.rstrip('/')}/{mark}" for mark in TABLE_MARKS])
        for entry, kind in zip(found, TABLE_MARKS.values(), strict=True):
            if entry.type == pafs.FileType.NotFound:
                continue
            if kind != "iceberg" or _held(filesystem, entry.path, (".metadata.json",))[0]:
                return kind
    except OSError as error:
        raise unreadable(text, error) from None
    return None


def open_file(uri: str, path: str, size_bytes: int = 0) -> pa.NativeFile:
    """A file for reading anywhere in it; local files are memory-mapped.

    Raises:
        DataError: it is gone, cannot be read, or is no longer of `size_bytes` (where given).
    """
    filesystem, _ = locate(uri)
    try:
        if isinstance(filesystem, pafs.LocalFileSystem):
            # an empty file cannot be mapped
            handle = pa.memory_map(path) if os.path.getsize(path) else filesystem.open_input_file(path)
        else:
            handle = filesystem.open_input_file(path)
        found = handle.size() if size_bytes else 0
    except OSError as error:
        raise unreadable(path, error) from None
    if found != size_bytes:
        handle.close()
        raise _changed(path, size_bytes, found)
    return handle


def open_stream(uri: str, path: str, size_bytes: int = 0) -> pa.NativeFile:
    """A file for reading from its beginning; .gz, .bz2 and .zst are decompressed.

    Raises:
        DataError: it is gone, cannot be read, or is no longer of `size_bytes` (where given).
    """
    filesystem, _ = locate(uri)
    packed = "detect" if "://" not in path else PACKED.get(path_of(path).rpartition(".")[2].lower())
    try:
        found = filesystem.get_file_info(path).size if size_bytes else None
        if found is not None and found != size_bytes:
            raise _changed(path, size_bytes, found)
        return filesystem.open_input_stream(path, compression=packed)
    except OSError as error:
        raise unreadable(path, error) from None


def _changed(path: str, listed: int, found: int) -> DataError:
    # rows read from a file that has changed would not be those that types and keys were decided on
    return DataError(
        f"{path!r} has changed since it was listed: it had {listed:,} bytes and has {found:,} now. "
        "Let whatever writes it finish, then run again."
    )


def unreadable(path: str, error: Exception) -> DataError:
    """The `DataError` for a file that the system, or the place where it is, does not let us read."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"there is no file {path!r}.")
    if isinstance(error, PermissionError):
        return DataError(f"{path!r} may not be read. Check its permissions, or your credentials.")
    if "://" in path:
        return DataError(f"cannot read {path!r}: {_remote.said(path, error.__cause__ or error)}")
    packed = PACKED.get(path.rpartition(".")[2].lower())
    if packed and re.search("decompress|inflate|Truncated", str(error)):
        return DataError(
            f"{path!r} is no whole {packed} file: {error}. Fetch or write it again; if it is not compressed, take the "
            "ending off its name."
        )
    return DataError(f"cannot read {path!r}: {error}")


def root_of(text: str) -> str:
    """The folder that labels of `find` begin below: a folder itself, that of a file, or what a glob fixes."""
    if is_folder(text):
        return absolute(text)
    base, mark, query = text.partition("?") if "://" in text else (absolute(text), "", "")
    return (_globs.fixed(base) if is_glob(text) else base.rpartition("/")[0] or "/") + mark + query


def absolute(text: str) -> str:
    """A path from the root, for a worker's folder is not ours; URLs as they are."""
    return text if "://" in text else os.path.abspath(os.path.expanduser(text))


def _below(filesystem: pafs.FileSystem, path: str, suffixes: Sequence[str], uri: str) -> list[pafs.FileInfo]:
    found, others = _held(filesystem, path, suffixes)
    if not found:
        kinds = sorted({os.path.splitext(entry.path)[1] or entry.base_name for entry in others})
        held = f"it holds {', '.join(kinds[:8])}" if kinds else "it is empty"
        raise DataError(f"folder {uri!r} has no {' or '.join(suffixes)} file: {held}.")
    return found


def _held(
    filesystem: pafs.FileSystem, path: str, suffixes: Sequence[str]
) -> tuple[list[pafs.FileInfo], list[pafs.FileInfo]]:
    """The files below a folder: those with one of `suffixes`, and the others."""
    prefix = path.rstrip("/") + "/"
    present = [
        entry
        for entry in filesystem.get_file_info(pafs.FileSelector(path, recursive=True))
        if entry.type == pafs.FileType.File
        # names that begin with these are notes of other programs: _SUCCESS, .part-0.crc
        and not any(part[0] in "._" for part in entry.path.removeprefix(prefix).split("/") if part)
    ]
    found: list[pafs.FileInfo] = []
    others: list[pafs.FileInfo] = []
    for entry in present:
        (found if has_suffix(entry.path, suffixes) else others).append(entry)
    return found, others


def _absent(uri: str, filesystem: pafs.FileSystem, path: str) -> DataError:
    """The error where nothing is found, with a name that is close, or what a server said."""
    if isinstance(filesystem, pafs.PyFileSystem):
        try:
            filesystem.handler.fs.info(path)
        except OSError as error:  # fsspec finds no file where a server does not answer either
            status = getattr(error.__cause__, "status", None)
            if error.__cause__ and status not in (404, 410):
                return DataError(f"cannot read {uri!r}: {_remote.said(uri, error.__cause__)}")
            if error.__cause__:
                return DataError(f"there is no file or folder {uri!r}. {_remote.said(uri, error.__cause__)}")
    return DataError(f"there is no file or folder {uri!r}.{_nearby(filesystem, path)}")


def _nearby(filesystem: pafs.FileSystem, path: str) -> str:
    """A name that is close."""
    if not isinstance(filesystem, pafs.LocalFileSystem):
        return ""
    folder, _, name = path.rpartition("/")
    try:
        return nearest_file(name, os.listdir(folder or "/"))
    except OSError:
        return f" There is no folder {folder!r} either."
