"""The manifest of a package: what files it holds, and their digests.

`manifest.json` is `{"format": 1, "digest": …, "files": {path: {"sha256": …, "bytes": …}}}`; its `digest` is that
of the list of files, hence names the whole package. It is written last, so a package without one is unfinished.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import orjson
import pyarrow.fs as pafs

from rayline.core import files
from rayline.core.errors import PackageError, StorageError, listing

FORMAT = 1
MANIFEST = "manifest.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of one file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Manifest:
    """Files by their path within the package (`/` between parts), sorted."""

    files: dict[str, FileEntry]

    @property
    def digest(self) -> str:
        """Hex sha256 over the names, sizes and digests of all files; what a package is known and cached by."""
        return hashlib.sha256(orjson.dumps(self._files_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "digest": self.digest, "files": self._files_json()}

    def _files_json(self) -> dict[str, dict[str, str | int]]:
        return {path: {"sha256": entry.sha256, "bytes": entry.size_bytes} for path, entry in sorted(self.files.items())}


def seal(folder: str) -> Manifest:
    """Write `manifest.json` over everything that lies in `folder`; call it when the last file is written."""
    filesystem, root = files.locate(folder)
    paths = sorted(_found(filesystem, root) - {MANIFEST})
    manifest = Manifest({path: _measure(filesystem, f"{root}/{path}") for path in paths})
    files.write_json(files.join(folder, MANIFEST), manifest.to_json())
    return manifest


def read(uri: str) -> Manifest:
    """The manifest of the package at `uri`, itself checked: format, digest, and paths that stay inside.

    Raises:
        PackageError: there is none, it is damaged, or of a format this version of Rayline does not read.
    """
    try:
        document = orjson.loads(files.read_bytes(files.join(uri, MANIFEST)))
    except (FileNotFoundError, NotADirectoryError, StorageError) as error:
        raise PackageError(
            f"{uri} is not a model package: {MANIFEST} cannot be read there ({error}). "
            "Give the folder that `rayline run` reported, or NAME@champion; `rayline models list` shows the names."
        ) from None
    except orjson.JSONDecodeError:
        raise PackageError(f"{uri}: {MANIFEST} is not JSON; the package is damaged. Publish it again.") from None
    return _parse(uri, document)


def verify(uri: str) -> str:
    """Check every file of the package at `uri` (a local folder, or any storage URI) and return its digest.

    Raises:
        PackageError: it names every file that is missing, altered, or not in the manifest.
    """
    manifest = read(uri)
    filesystem, root = files.locate(uri)
    found = _found(filesystem, root) - {MANIFEST}
    missing = sorted(set(manifest.files) - found)
    extra = sorted(found - set(manifest.files))
    changed = [
        path
        for path, entry in sorted(manifest.files.items())
        if path in found and _measure(filesystem, f"{root}/{path}") != entry
    ]
    problems = [
        f"{label}: {listing(paths)}"
        for label, paths in (("altered", changed), ("missing", missing), ("not in the manifest", extra))
        if paths
    ]
    if problems:
        raise PackageError(
            f"{uri} is not the package that was sealed; {'; '.join(problems)}. "
            "Publish it again, or serve another version (`rayline models list`)."
        )
    return manifest.digest


def _parse(uri: str, document: Any) -> Manifest:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        given = document.get("format") if isinstance(document, dict) else None
        raise PackageError(
            f"{uri} has package format {given!r}; this version of Rayline reads format {FORMAT}. "
            "Use the Rayline it was written with (environment.txt), or train again."
        )
    try:
        manifest = Manifest(
            {path: FileEntry(str(entry["sha256"]), int(entry["bytes"])) for path, entry in document["files"].items()}
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise PackageError(f"{uri}: {MANIFEST} lacks what format {FORMAT} holds; the package is damaged.") from None
    outside = [path for path in manifest.files if not _stays_inside(path)]
    if outside:
        raise PackageError(f"{uri}: {MANIFEST} names paths outside the package: {listing(outside)}. It was not loaded.")
    if document.get("digest") != manifest.digest:
        raise PackageError(
            f"{uri}: {MANIFEST} was altered; its digest is not that of its list of files. Publish it again."
        )
    return manifest


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    plain = path == "/".join(parts) and "\\" not in path and ":" not in path and "\0" not in path
    return bool(parts) and plain and not path.startswith("/") and ".." not in parts and path != MANIFEST


def _found(filesystem: pafs.FileSystem, root: str) -> set[str]:
    entries = filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    return {entry.path[len(root) :].strip("/") for entry in entries if entry.type == pafs.FileType.File}


def _measure(filesystem: pafs.FileSystem, path: str) -> FileEntry:
    digest = hashlib.sha256()
    size = 0
    try:
        with filesystem.open_input_stream(path) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error}.") from None
    return FileEntry(digest.hexdigest(), size)
