"""Data files: batches written into immutable Parquet files by partition, and read back.

Hive's folder names (`city=Paris/`) show people and other tools what is where; what a snapshot says counts. Pages carry
checksums, which reading verifies. A row group takes about GROUP_BYTES once read, which makes it one task's work.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rayline.core.errors import DataError, StorageError, listing
from rayline.lake.columns import Columns, arrow
from rayline.lake.partitions import folder, parted
from rayline.lake.place import Place, translated
from rayline.lake.snapshot import DataFile, FileChange, Value

DATA = "data"
GROUP_BYTES = 64 << 20
FILE_BYTES = 4 * GROUP_BYTES
"""A file is closed when its rows take this much once read."""
HELD_BYTES = 4 * GROUP_BYTES
"""Rows of all partitions together that wait for their row groups to fill."""
MOST_OPEN = 32
MOST_PARTITIONS = 4096


@dataclass
class _Part:
    """The files of one partition that are being written."""

    values: tuple[Value, ...]
    held: list[pa.Table] = field(default_factory=list)
    held_bytes: int = 0
    path: str = ""
    writer: pq.ParquetWriter | None = None
    stream: pa.NativeFile | None = None
    groups: list[tuple[int, int]] = field(default_factory=list)
    done: list[DataFile] = field(default_factory=list)


class Writer:
    """Writes tables of one schema into new data files. Nothing refers to them until a snapshot does."""

    def __init__(self, place: Place, columns: Columns, by: Sequence[str], *, weights: str | None = None) -> None:
        self.place = place
        self.by = tuple(by)
        self._schema = arrow([column for column in columns if column.name not in self.by])
        self._weights = weights
        """A column that adds to the bytes a row takes once read: the size of the file it names."""
        self._parts: dict[tuple[Value, ...], _Part] = {}
        self.rows = 0

    def write(self, table: pa.Table) -> None:
        """Add rows; each partition's keep their order.

        Raises:
            DataError: more partitions than a table should have.
            StorageError: the place cannot be written.
        """
        self.rows += table.num_rows
        for values, whole in parted(table, self.by):
            part = self._parts.setdefault(values, _Part(values))
            if len(self._parts) > MOST_PARTITIONS:
                raise DataError(
                    f"partition columns {listing(self.by)} have more than {MOST_PARTITIONS:,} combinations of values "
                    "in one batch. Partition by something coarser."
                )
            rows = whole.select(self._schema.names)
            part.held.append(rows)
            part.held_bytes += self._size(rows)
            while part.held_bytes >= GROUP_BYTES and self._flush(part, whole=False):
                pass
        while sum(part.held_bytes for part in self._parts.values()) > HELD_BYTES:
            self._flush(max(self._parts.values(), key=lambda part: part.held_bytes), whole=True)

    def finish(self) -> tuple[FileChange, ...]:
        """Close every file; what a commit has to name."""
        for part in self._parts.values():
            self._flush(part, whole=True)
            self._close(part)
        return tuple(FileChange(part.values, tuple(part.done)) for part in self._parts.values() if part.done)

    def discard(self) -> None:
        """Remove what was written, of a batch that will not be committed.

        Raises:
            StorageError: a file cannot be deleted; `expire` will.
        """
        for part in self._parts.values():
            if part.stream is not None:
                if part.writer is not None:
                    # else it ends its file when it is collected, and complains on the terminal that this is closed
                    part.writer.is_open = False
                with suppress(OSError, pa.ArrowException):  # of a disk that is full, or a store that is gone
                    part.stream.close()
                part.done.append(DataFile(part.path, 0, ()))
        self.place.delete([file.path for part in self._parts.values() for file in part.done])

    def _size(self, rows: pa.Table) -> int:
        size = int(rows.nbytes)
        return size + int(pc.sum(rows.column(self._weights)).as_py() or 0) if self._weights else size

    def _flush(self, part: _Part, *, whole: bool) -> bool:
        """Write what is held as row groups: all of it, or the full groups only. Whether something was written."""
        table = pa.concat_tables(part.held) if part.held else None
        if table is None or not table.num_rows:
            return False
        counts = self._cut(table, part.held_bytes)
        if not whole:
            counts.pop()
        start = 0
        for count in counts:
            rows = table.slice(start, count)
            self._write_group(part, rows)
            start += count
        rest = table.slice(start)
        part.held = [rest] if rest.num_rows else []
        part.held_bytes = self._size(rest) if rest.num_rows else 0
        return bool(counts)

    def _cut(self, table: pa.Table, size: int) -> list[int]:
        """Rows of each row group: even shares of plain rows, as many files as fit of those that name files."""
        if self._weights is None:
            count = max(1, round(table.num_rows * GROUP_BYTES / max(size, GROUP_BYTES)))
            full, rest = divmod(table.num_rows, count)
            return [count] * full + ([rest] if rest else [])
        group = np.cumsum(table.column(self._weights).to_numpy()) // GROUP_BYTES
        return [int(count) for count in np.unique(group, return_counts=True)[1]]

    def _write_group(self, part: _Part, rows: pa.Table) -> None:
        if part.writer is None:
            self._open(part)
        assert part.writer is not None
        with translated("write", self.place.shown(part.path)):
            part.writer.write_table(rows, row_group_size=max(1, rows.num_rows))
        part.groups.append((rows.num_rows, self._size(rows)))
        if sum(size for _, size in part.groups) >= FILE_BYTES:
            self._close(part)

    def _open(self, part: _Part) -> None:
        opened = [other for other in self._parts.values() if other.writer is not None]
        if len(opened) >= MOST_OPEN:
            self._close(opened[0])
        folders = "".join(f"{folder(name, value)}/" for name, value in zip(self.by, part.values, strict=True))
        part.path = f"{DATA}/{folders}{uuid.uuid4().hex}.parquet"
        part.stream = self.place.begin(part.path)
        with translated("write", self.place.shown(part.path)):  # it begins with a few bytes
            part.writer = pq.ParquetWriter(part.stream, self._schema, compression="zstd", write_page_checksum=True)

    def _close(self, part: _Part) -> None:
        if part.writer is None:
            return
        assert part.stream is not None
        with translated("write", self.place.shown(part.path)):
            part.writer.close()
            size = part.stream.tell()
            part.stream.close()
        self.place.settle(part.path)
        part.done.append(DataFile(part.path, size, tuple(part.groups)))
        part.writer, part.stream, part.groups = None, None, []


@dataclass(frozen=True)
class Piece:
    """Row groups of one file, for one task to read."""

    path: str
    groups: tuple[int, ...]
    partition: int
    """The partition's place in the table, by when it first came."""
    values: tuple[Value, ...]
    first_row: int
    """Rows of the partition before this piece."""
    rows: int
    read_bytes: int

    @property
    def name(self) -> str:
        """The file's name without its folders, which hold values of columns that may be private."""
        return self.path.rpartition("/")[2]


def pieces(files: Sequence[DataFile], partition: int, values: tuple[Value, ...]) -> Iterator[Piece]:
    """A partition's files as runs of row groups of about GROUP_BYTES, in order."""
    first_row = 0
    for file in files:
        run: list[int] = []
        rows = size = 0
        for number, (group_rows, group_bytes) in enumerate(file.groups):
            if run and size + group_bytes > GROUP_BYTES:
                yield Piece(file.path, tuple(run), partition, values, first_row, rows, size)
                first_row, run, rows, size = first_row + rows, [], 0, 0
            run.append(number)
            rows, size = rows + group_rows, size + group_bytes
        if rows:
            yield Piece(file.path, tuple(run), partition, values, first_row, rows, size)
        first_row += rows


def read(place: Place, piece: Piece, columns: Columns, by: Sequence[str], names: Sequence[str]) -> pa.Table:
    """Columns `names` of a piece, in that order; those that came to the table later are null.

    Raises:
        DataError: the file is gone or damaged.
        StorageError: it cannot be opened.
    """
    where = f"{place.shown()}: {piece.name}"
    try:
        with place.open(piece.path) as handle:
            file = pq.ParquetFile(handle, page_checksum_verification=True, pre_buffer=not place.local)
            stored = [name for name in names if name in file.schema_arrow.names]
            table = file.read_row_groups(list(piece.groups), columns=stored)
    except FileNotFoundError:
        raise DataError(
            f"{where} is gone: its snapshot was expired, or the file deleted by hand. Read a newer snapshot."
        ) from None
    except StorageError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{where}, row groups {piece.groups[0]}-{piece.groups[-1]}, is damaged: {error}. "
            "Restore it from a copy, or read a snapshot without it."
        ) from None
    if not names:
        return table  # which knows its number of rows; one made of no arrays does not
    constants = dict(zip(by, piece.values, strict=True))
    kinds = {column.name: column.type for column in columns}
    arrays = [
        table.column(name) if name in stored else pa.repeat(_scalar(constants.get(name), kinds[name]), piece.rows)
        for name in names
    ]
    return pa.table(arrays, schema=pa.schema([(name, kinds[name]) for name in names]))


def _scalar(value: Value, kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(date.fromisoformat(value) if isinstance(value, str) and kind == pa.date32() else value, kind)
