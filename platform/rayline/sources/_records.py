"""JSON objects as rows: what is nested becomes columns named with dots, and types are decided on all of them.

{"id": 7, "place": {"lat": 1.5}, "tags": ["a"], "trace": [1, 2]}
id: 7    place.lat: 1.5    tags: '["a"]'    trace: [1.0, 2.0]
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core import files
from rayline.core.errors import StorageError
from rayline.sources import _values
from rayline.sources._columns import check_names, common

BATCH_ROWS = 1 << 16
"""Rows of one record batch of a file that is kept, and of one fragment."""


class NoRecordError(ValueError):
    """What is no JSON object, or one that cannot be a row; the message says why and shows nothing of it."""


def parse(data: bytes) -> dict[str, Any]:
    """One JSON object as a row.

    Raises:
        NoRecordError: it is none.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise NoRecordError(f"is no JSON (at character {error.pos})") from None
    return flat(value)


def flat(value: Any) -> dict[str, Any]:
    """A JSON object as a row.

    Raises:
        NoRecordError: it is no object, or two of its values would be in one column.

    >>> flat({"id": 7, "place": {"lat": 1.5, "lon": 2.5}, "tags": ["a"]})
    {'id': 7, 'place.lat': 1.5, 'place.lon': 2.5, 'tags': ['a']}
    """
    if not isinstance(value, dict):
        raise NoRecordError(f"is {_kind(value)}, where an object is a row")
    row: dict[str, Any] = {}
    _flatten(value, "", row)
    return row


def _flatten(value: dict[str, Any], prefix: str, row: dict[str, Any]) -> None:
    for key, inner in value.items():
        name = prefix + key
        if isinstance(inner, dict):
            _flatten(inner, f"{name}.", row)
        elif name in row:
            raise NoRecordError(f"has two values for column {name!r}")
        else:
            row[name] = inner


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a truth"
    return "a list" if isinstance(value, list) else "a text" if isinstance(value, str) else "a number"


def table(rows: Sequence[Mapping[str, Any]], declared: Mapping[str, pa.DataType], where: str) -> pa.Table:
    """Rows as a table: `declared` columns in their types, others in those of their values, null where there is none.

    Raises:
        DataError: a value that its declared type does not hold.
    """
    kinds = dict(declared)
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys([*declared, *(name for row in rows for name in row)]):
        columns[name] = [row.get(name) for row in rows]
        if name not in kinds:
            kinds[name] = _values.kind(columns[name])
    check_names(list(columns), where)
    return pa.table({name: _values.array(values, kinds[name], name, where) for name, values in columns.items()})


class Spool:
    """Rows on disk until the last has come, for only then are the types of the columns known; then an Arrow file.

    Little of it is in memory. What is not finished leaves nothing behind.
    """

    def __init__(self, folder: Path, declared: Mapping[str, pa.DataType], where: str) -> None:
        self.where = where
        self.num_rows = 0
        self.digest = hashlib.blake2b(digest_size=12)
        """Of the rows, in order."""
        self._declared = dict(declared)
        self._kinds: dict[str, pa.DataType] = dict.fromkeys(declared, pa.null())
        self._path = folder / f".{uuid.uuid4().hex[:8]}.spool"
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # of a full disk: what was not written is thrown away
            self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put rows behind those there are.

        Raises:
            StorageError: the disk is full, or cannot be written.
        """
        for name in dict.fromkeys(name for row in rows for name in row):
            if name not in self._declared:
                found = _values.kind([row.get(name) for row in rows])
                self._kinds[name] = common(self._kinds.get(name, pa.null()), found)
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        self.digest.update(lines)
        with _told(self._path):
            self._file.write(lines)
        self.num_rows += len(rows)

    def finish(self, uri: str, notes: Mapping[str, str]) -> None:
        """Write the rows as an Arrow file with `notes` in it, whole or not at all.

        Raises:
            DataError: a value that its declared type does not hold, or two columns of one name.
            StorageError: the place cannot be written.
        """
        kinds = self._kinds | self._declared
        check_names(list(kinds), self.where)
        schema = pa.schema(list(kinds.items()), metadata=dict(notes))
        whole = self._path.with_suffix(".arrow")
        try:
            with _told(uri):
                self._file.flush()
                with whole.open("wb") as sink, pa.ipc.new_file(sink, schema) as writer:
                    for first, rows in self._batches():
                        arrays = [
                            _values.array([row.get(name) for row in rows], kind, name, self.where, first)
                            for name, kind in kinds.items()
                        ]
                        writer.write_batch(pa.record_batch(arrays, schema=schema))
                _place(whole, uri)
        finally:
            whole.unlink(missing_ok=True)

    def _batches(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        first = 1
        with self._path.open("rb") as lines:
            while rows := [orjson.loads(line) for line in islice(lines, BATCH_ROWS)]:
                yield first, rows
                first += len(rows)


def _place(whole: Path, uri: str) -> None:
    """A finished file of this disk at its place, there all at once."""
    with whole.open("rb+") as handle:
        os.fsync(handle.fileno())
    filesystem, path = files.locate(uri)
    if "://" not in uri:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        whole.replace(path)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return
    # an object store shows an object only when its upload is complete; a stream that was left half-way, by Ctrl-C
    # for one, would complete it on its way out, so none is open here
    pafs.copy_files(str(whole), path, source_filesystem=pafs.LocalFileSystem(), destination_filesystem=filesystem)


@contextmanager
def _told(place: object) -> Iterator[None]:
    """Errors of the operating system as ours."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {place}: {error.strerror or error}. Free some space, or choose a folder you may write to."
        ) from None
