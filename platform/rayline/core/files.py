"""Files by URI (local path, `s3://`, `gs://`, any pyarrow filesystem), written whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core.errors import StorageError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or what one may keep on it, is full."""


def locate(uri: str | os.PathLike[str]) -> tuple[pafs.FileSystem, str]:
    """The filesystem and path of `uri`; relative paths are local and made absolute.

    Raises:
        StorageError: a scheme nothing here reads, or options of it that are wrong.
    """
    text = os.fspath(uri)
    if "://" not in text:
        return pafs.LocalFileSystem(), os.path.abspath(text)
    try:
        filesystem, path = pafs.FileSystem.from_uri(text)
    except (pa.ArrowInvalid, OSError, ValueError) as error:
        raise StorageError(f"cannot open {text!r}: {error}. Give a local path, s3://, gs:// or file:// URI.") from None
    return filesystem, path


def join(uri: str, *parts: str) -> str:
    """`uri` with `parts` below it; keeps a `?query` of the URI at its end."""
    base, mark, query = uri.partition("?") if "://" in uri else (uri, "", "")
    return "/".join([base.rstrip("/"), *parts]) + mark + query


def exists(uri: str) -> bool:
    """Whether there is a file or folder.

    Raises:
        StorageError: the place cannot be looked at.
    """
    filesystem, path = locate(uri)
    with _translated("look at", uri):
        return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)


def read_bytes(uri: str) -> bytes:
    """The whole of a file.

    Raises:
        FileNotFoundError: there is no such file.
        StorageError: it cannot be read.
    """
    filesystem, path = locate(uri)
    with _translated("read", uri, missing=FileNotFoundError), filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file so that a reader, or a kill at any moment, sees all of it or none.

    Raises:
        StorageError: the place cannot be written.
    """
    filesystem, path = locate(uri)
    with _translated("write", uri):
        if isinstance(filesystem, pafs.LocalFileSystem):
            _write_local(Path(path), data)
        else:  # an object store shows an object only when its upload is complete
            with filesystem.open_output_stream(path) as stream:
                stream.write(data)


def prove_writable(uri: str) -> None:
    """Prove that the file `uri` can be written, before work whose result is to go there; leaves no file or folder.

    Raises:
        StorageError: it cannot, or is a folder.
    """
    filesystem, path = locate(uri)
    local = isinstance(filesystem, pafs.LocalFileSystem)
    new = [folder for folder in Path(path).parents if not os.path.exists(folder)] if local else []
    probe = f"{path}.{uuid.uuid4().hex[:8]}.probe"
    with _translated("write", uri):
        if local and os.path.isdir(path):
            raise IsADirectoryError
        try:
            if local:
                os.makedirs(os.path.dirname(path), exist_ok=True)
            filesystem.open_output_stream(probe).close()
            filesystem.delete_file(probe)
        finally:
            for folder in new:  # the deepest first
                with suppress(OSError):
                    folder.rmdir()


def _write_local(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(uri: str) -> Any:
    return orjson.loads(read_bytes(uri))


def write_json(uri: str, value: Any) -> None:
    """JSON with sorted keys and a final newline, so that equal values are equal bytes."""
    write_bytes(uri, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def list_names(uri: str) -> list[str]:
    """Names of the files directly below `uri`, sorted; empty where there is nothing.

    Raises:
        StorageError: the folder cannot be read, or is none.
    """
    return _list(uri, pafs.FileType.File)


def list_folders(uri: str) -> list[str]:
    """Names of the folders directly below `uri`, sorted; empty where there is nothing.

    Raises:
        StorageError: the folder cannot be read, or is none.
    """
    filesystem, path = locate(uri)
    if filesystem.type_name != "gcs":
        return _list(uri, pafs.FileType.Directory)
    # of folders that are there by what is in them alone, Arrow lists none here: all below is listed instead
    with _translated("list", uri):
        entries = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=True))
    start = len(path.rstrip("/")) + 1
    below = [(entry.path[start:].strip("/").partition("/"), entry.type) for entry in entries]
    return sorted({name for (name, mark, _), kind in below if name and (mark or kind == pafs.FileType.Directory)})


def _list(uri: str, kind: pafs.FileType) -> list[str]:
    filesystem, path = locate(uri)
    with _translated("list", uri):
        entries = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    return sorted(entry.base_name for entry in entries if entry.type == kind)


def delete_folder(uri: str) -> None:
    """Delete a folder with all that is in it; nothing happens where there is none.

    Raises:
        StorageError: it cannot be deleted.
    """
    filesystem, path = locate(uri)
    with _translated("delete", uri):
        if filesystem.get_file_info(path).type == pafs.FileType.Directory:
            filesystem.delete_dir(path)


def copy_folder(source: str, destination: str) -> None:
    """Copy every file below `source` (any filesystem) to below `destination` (any filesystem).

    Raises:
        StorageError: one cannot be read, or the other not written.
    """
    from_fs, from_path = locate(source)
    to_fs, to_path = locate(destination)
    with _translated(f"copy {source} to", destination):
        to_fs.create_dir(to_path, recursive=True)
        pafs.copy_files(from_path, to_path, source_filesystem=from_fs, destination_filesystem=to_fs)


@contextmanager
def _translated(doing: str, uri: str, *, missing: type[OSError] | tuple[()] = ()) -> Iterator[None]:
    """Errors of the operating system and of Arrow's filesystems as ours; `missing` passes."""
    try:
        yield
    except missing:
        raise
    except OSError as error:
        wrong = _wrong_kind(uri, error)
        if wrong:
            raise StorageError(f"cannot {doing} {uri}: {wrong}") from None
        hint = "" if doing in ("read", "look at", "list") else " Choose a folder you may write to."
        if error.errno in FULL:
            hint = " Free some space, or choose another folder."
        # without a strerror it is Arrow's, whose text names the place once more
        raise StorageError(f"cannot {doing} {uri}: {error.strerror or error}.{hint}") from None


def _wrong_kind(uri: str, error: OSError) -> str:
    """What stands where a file was to be, or a folder, and what to give instead; empty where that is not it."""
    if isinstance(error, IsADirectoryError):
        return "it is a folder. Give the name of a file."
    if isinstance(error, FileExistsError | NotADirectoryError):
        above = [str(folder) for folder in Path(locate(uri)[1]).parents if os.path.isfile(folder)]
        if above:
            return f"{above[0]} is a file, and no folder to put it in. Give another folder."
    return ""
