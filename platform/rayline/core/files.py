"""Files by URI (local path, `s3://`, `gs://`, any pyarrow filesystem), written whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core.errors import StorageError


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
    filesystem, path = locate(uri)
    return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)


def read_bytes(uri: str) -> bytes:
    """The whole of a file.

    Raises:
        FileNotFoundError: there is no such file.
        StorageError: it cannot be read.
    """
    filesystem, path = locate(uri)
    try:
        with filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"cannot read {uri}: {error}") from None


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file so that a reader, or a kill at any moment, sees all of it or none.

    Raises:
        StorageError: the place cannot be written.
    """
    filesystem, path = locate(uri)
    try:
        if isinstance(filesystem, pafs.LocalFileSystem):
            target = Path(path)
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
        else:  # an object store shows an object only when its upload is complete
            with filesystem.open_output_stream(path) as stream:
                stream.write(data)
    except OSError as error:
        raise StorageError(
            f"cannot write {uri}: {error.strerror or error}. Choose a folder you may write to."
        ) from None


def read_json(uri: str) -> Any:
    return orjson.loads(read_bytes(uri))


def write_json(uri: str, value: Any) -> None:
    """JSON with sorted keys and a final newline, so that equal values are equal bytes."""
    write_bytes(uri, orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))


def list_names(uri: str) -> list[str]:
    """Names of the files directly below `uri`, sorted; empty where there is nothing."""
    filesystem, path = locate(uri)
    entries = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    return sorted(entry.base_name for entry in entries if entry.type == pafs.FileType.File)


def list_folders(uri: str) -> list[str]:
    """Names of the folders directly below `uri`, sorted; empty where there is nothing."""
    filesystem, path = locate(uri)
    entries = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    return sorted(entry.base_name for entry in entries if entry.type == pafs.FileType.Directory)


def delete_folder(uri: str) -> None:
    """Delete a folder with all that is in it; nothing happens where there is none."""
    filesystem, path = locate(uri)
    if filesystem.get_file_info(path).type == pafs.FileType.Directory:
        filesystem.delete_dir(path)


def copy_folder(source: str, destination: str) -> None:
    """Copy every file below `source` (any filesystem) to below `destination` (any filesystem)."""
    from_fs, from_path = locate(source)
    to_fs, to_path = locate(destination)
    to_fs.create_dir(to_path, recursive=True)
    pafs.copy_files(from_path, to_path, source_filesystem=from_fs, destination_filesystem=to_fs)
