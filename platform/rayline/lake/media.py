"""Files tables: images, audio, text or video kept by content, and a table with a row for each.

A file is copied to `objects/ab/SHA256.COMMIT.png` first and its row committed after, so that a row's file is always
there. Content that the table holds already is not copied again. An object made by a commit that never came in is never
taken over by another: it may be on its way out.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core import files
from rayline.core.errors import DataError, InputError, listing
from rayline.lake import parquet
from rayline.lake.lake import FILES
from rayline.lake.place import Place, translated
from rayline.lake.snapshot import State
from rayline.lake.table import Appended, Table

SUFFIXES: dict[str, tuple[str, ...]] = {
    "image": (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"),
    "audio": (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".aif", ".au", ".m4a"),
    "text": (".txt", ".md", ".html", ".xml", ".json"),
    "video": (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg"),
}
MEDIA_OF = {suffix: media for media, suffixes in SUFFIXES.items() for suffix in suffixes}
COPY_BYTES = 1 << 20
AT_ONCE = 8
"""Files copied or read at a time."""
CHUNK_ROWS = 1024


@dataclass(frozen=True)
class Incoming:
    """Files below a folder that are to be appended, and the labels of each."""

    folder: str
    """A local path or URI."""
    rows: pa.Table
    """A column `path`, below the folder, and any label columns."""


def found_below(folder: str, label: str | None) -> Incoming:
    """Every file of a known kind below `folder`, by path; `label` (if given) is the name of the first folder below it.

    Raises:
        DataError: nothing is there, or nothing of a known kind.
    """
    filesystem, root = files.locate(folder)
    with translated("list", folder):
        entries = filesystem.get_file_info(pafs.FileSelector(root, recursive=True, allow_not_found=True))
    names = [e.path[len(root.rstrip("/")) + 1 :] for e in entries if e.type == pafs.FileType.File]
    # names that begin with these are notes of other programs: .DS_Store, _SUCCESS
    names = sorted(name for name in names if not any(part.startswith((".", "_")) for part in name.split("/")))
    paths = [name for name in names if PurePosixPath(name).suffix.lower() in MEDIA_OF]
    if not paths:
        held = sorted({PurePosixPath(name).suffix or name for name in names})
        said = f"it holds {listing(held, 8)}" if held else "it is empty, or not there"
        raise DataError(
            f"folder {folder} has no image, audio, text or video file: {said}. Known: {listing(MEDIA_OF, 40)}."
        )
    columns: dict[str, pa.Array] = {"path": pa.array(paths, pa.string())}
    if label is not None:
        columns[label] = pa.array([path.split("/")[0] if "/" in path else None for path in paths], pa.string())
    return Incoming(folder, pa.table(columns))


def append_files(table: Table, incoming: Incoming, *, batch: str | None = None) -> Appended:
    """Add files with their labels as one snapshot: all are in, or none is.

    Raises:
        DataError: a file that is not there, a path that leaves the folder, files of several kinds, or labels that the
            table does not take.
        InputError: a table of rows.
        RunError, StorageError: as `Table.append`.
    """
    state = table.latest()
    if state.kind != "files":
        raise InputError(f"{table.name} is a table of rows. Append data to it, or create one with --kind files.")
    where = f"the files of {incoming.folder}"
    media = _media(incoming, state, table.name)
    labels = incoming.rows.drop_columns([c.name for c in FILES if c.name in incoming.rows.column_names])
    for name in set(labels.column_names) & set(SUFFIXES):
        raise DataError(f"{where} have a label column {name!r}, which is what the content is called. Rename it.")
    schema = pa.schema([*((column.name, column.type) for column in FILES), *labels.schema])

    store = _Store(table, state, incoming.folder, copies=batch not in state.batches)

    def kept() -> Iterator[pa.Table]:
        for start in range(0, incoming.rows.num_rows, CHUNK_ROWS):
            rows = store.keep(incoming.rows.column("path").slice(start, CHUNK_ROWS).to_pylist())
            given = labels.slice(start, CHUNK_ROWS)
            yield pa.table([*rows.columns, *given.columns], names=[*rows.column_names, *given.column_names])

    return table.append(schema, kept(), where=where, batch=batch, media=media, undo=store.undo)


def read(table: Table, state: State, piece: parquet.Piece, names: Sequence[str]) -> pa.Table:
    """As `Table.read`; a column called by what the files are (`image`, `audio`, `text`, `video`) holds their content.

    Raises:
        DataError: a file is gone, altered, or text that is not UTF-8; with its path.
    """
    media = state.media
    if media is None or media not in names:
        return table.read(state, piece, names)
    own = list(dict.fromkeys([*(name for name in names if name != media), "path", "sha256", "object"]))
    rows = table.read(state, piece, own)
    told = [rows.column(name).to_pylist() for name in ("object", "sha256", "path")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        content = list(pool.map(lambda row: _content(table.place, row), zip(*told, strict=True)))
    if media == "text":
        values = pa.array([_text(data, path) for data, path in zip(content, told[2], strict=True)], pa.string())
    else:
        values = pa.array(content, pa.binary())
    return rows.append_column(media, values).select(list(names))


def content_bytes(table: Table, state: State) -> int:
    """Bytes of the content that a state names, each counted once."""
    sizes: dict[str, int] = {}
    for piece in table.pieces(state):
        rows = table.read(state, piece, ["object", "size"])
        sizes.update(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))
    return sum(sizes.values())


class _Store:
    """Copies content into a table's objects, each once; without `copies` it only looks at what came."""

    def __init__(self, table: Table, state: State, folder: str, *, copies: bool) -> None:
        self._copies = copies
        self._place = table.place
        self._filesystem, root = files.locate(folder)
        self._root = root.rstrip("/")
        self._commit = uuid.uuid4().hex[:12]
        self._made: list[str] = []
        self._held: dict[str, str] = {}
        for piece in table.pieces(state):
            rows = table.read(state, piece, ["sha256", "object"])
            self._held.update(zip(rows.column(0).to_pylist(), rows.column(1).to_pylist(), strict=True))

    def keep(self, paths: Sequence[str]) -> pa.Table:
        """The rows (FILES) of these paths, once their content is kept."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = list(pool.map(self._pass, paths))
            new: dict[str, str] = {}
            for path, (_, sha256) in zip(paths, told, strict=True):
                if sha256 not in self._held:
                    new.setdefault(sha256, path)
            self._held.update(zip(new, pool.map(self._copy, new.values(), new), strict=True))
        columns = [paths, [size for size, _ in told], [sha for _, sha in told], [self._held[sha] for _, sha in told]]
        return pa.table(
            [pa.array(v, c.type) for v, c in zip(columns, FILES, strict=True)], names=[c.name for c in FILES]
        )

    def undo(self) -> None:
        """Remove what was copied, which a commit that does not come in would have named.

        Raises:
            StorageError: a file cannot be deleted.
        """
        self._place.delete(self._made)

    def _copy(self, path: str, sha256: str) -> str:
        if not self._copies:
            return ""
        name = f"objects/{sha256[:2]}/{sha256}.{self._commit}{PurePosixPath(path).suffix.lower()}"
        self._made.append(name)
        with translated("write", self._place.shown()), self._place.begin(name) as stream:
            _, found = self._pass(path, stream)
        self._place.settle(name)
        if found != sha256:
            raise DataError(f"{path!r} changed while it was read. Append again when nothing writes to it.")
        return name

    def _pass(self, path: str, into: pa.NativeFile | None = None) -> tuple[int, str]:
        """A file's bytes and digest, copied on the way."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._filesystem.open_input_stream(f"{self._root}/{path}", compression=None) as stream:
                while chunk := stream.read(COPY_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    if into is not None:
                        with translated("write", self._place.shown()):
                            into.write(chunk)
        except FileNotFoundError:
            raise DataError(f"there is no file {path!r} below {self._root}.") from None
        except OSError as error:
            raise DataError(f"cannot read {path!r} below {self._root}: {error.strerror or error}.") from None
        return size, digest.hexdigest()


def _media(incoming: Incoming, state: State, name: str) -> str:
    """What the files are; all of one kind, and of the kind that the table holds."""
    first: tuple[str, str] | None = None if state.media is None else (state.media, f"the table {name}")
    for row, path in enumerate(incoming.rows.column("path").to_pylist()):
        if path is None or not _lies_below(path):
            raise DataError(f"row {row + 1}: path {path!r} does not lie below {incoming.folder}. Give paths below it.")
        media = MEDIA_OF.get(PurePosixPath(path).suffix.lower())
        if media is None:
            raise DataError(f"row {row + 1}: {path!r} is of no known kind. Known: {listing(MEDIA_OF, 40)}.")
        if first is None:
            first = media, repr(path)
        if media != first[0]:
            raise DataError(
                f"row {row + 1}: {path!r} is {media}, and {first[1]} {first[0]}. Keep each kind in a table of its own."
            )
    if first is None:
        raise DataError(f"{incoming.folder}: the manifest names no file.")
    return first[0]


def _content(place: Place, row: tuple[str, str, str]) -> bytes:
    name, sha256, path = row
    try:
        data = place.read(name)
    except FileNotFoundError:
        raise DataError(f"{path!r} is gone: there is no {place.shown(name)}. Restore it from a copy.") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{path!r} was altered: {place.shown(name)} has another digest. Restore it from a copy.")
    return data


def _text(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path!r} is not UTF-8 text: byte {error.start} is no part of it. Convert it.") from None


def put_back(table: Table, state: State, folder: str) -> int:
    """Write the files of a state to `folder` under their own paths; how many.

    Raises:
        DataError: a file is gone or altered, or two of the same path differ.
        StorageError: the folder cannot be written.
    """
    written: dict[str, str] = {}
    for piece in table.pieces(state):
        rows = table.read(state, piece, ["object", "sha256", "path"])
        for name, sha256, path in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            if not _lies_below(path):
                raise DataError(f"path {path!r} leaves the folder it is written to. It was put there by other means.")
            if written.setdefault(path, sha256) != sha256:
                raise DataError(f"{path!r} was appended twice with other content; one folder holds one of them only.")
            files.write_bytes(files.join(folder, path), _content(table.place, (name, sha256, path)))
    return len(written)


def _lies_below(path: str) -> bool:
    return bool(path) and not path.startswith("/") and ".." not in path.replace("\\", "/").split("/")
