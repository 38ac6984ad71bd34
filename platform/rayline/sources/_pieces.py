"""Where a large text file can be cut between records, found in one pass of its bytes.

A line break within quotes does not end a record. A quote opens a value only where the value begins, as every reader
of CSV has it, so each chunk's quotes are paired by their parity, checked against that rule all at once, and walked
one by one only where the check fails (`5" pipe`). Compared with the reader itself in the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs

from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._source import Fragment

LARGE_BYTES = 256 << 20
"""Files above this size are cut …"""
PIECE_BYTES = 64 << 20
"""… into pieces of about this size."""
CHUNK_BYTES = 8 << 20
LF, CR = 10, 13
BOM = b"\xef\xbb\xbf"

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Range:
    """Bytes of a file that begin with a record and end with one."""

    start: int
    stop: int
    records: int
    """Records within; empty lines are none."""
    first_line: int
    """The line of the file at `start`, from 1."""


def divisible(fragment: Fragment) -> bool:
    """Whether a whole file is worth cutting, and can be: large, local and not compressed."""
    local = isinstance(_files.locate(fragment.uri)[0], pafs.LocalFileSystem)
    packed = fragment.path.rpartition(".")[2].lower() in _files.PACKED
    return fragment.file_bytes > LARGE_BYTES and local and not packed


def fragments(whole: Fragment, *, quote: str | None, delimiter: str, header: bool) -> list[Fragment]:
    """The pieces of a file's fragment; `parts` holds the bytes from and to, the line at the first, and the records.

    Raises:
        DataError: the file is gone or cannot be read.
    """
    with _files.open_file(whole.uri, whole.path, whole.file_bytes) as file:
        ranges = cut(file, quote=quote, delimiter=delimiter)
    found: list[Fragment] = []
    first_row = 0
    for place, part in enumerate(ranges):
        parts = (part.start, part.stop, part.first_line, part.records)
        size_bytes = part.stop - part.start
        found.append(replace(whole, index=whole.index + place, parts=parts, first_row=first_row, size_bytes=size_bytes))
        first_row += part.records - (header and place == 0)
    return found


def open_bytes(fragment: Fragment) -> pa.NativeFile:
    """The bytes of a fragment, decompressed; all of its file where no part of it is meant.

    Raises:
        DataError: the file is gone, cannot be read, or has changed since it was listed.
    """
    if not fragment.parts:
        return _files.open_stream(fragment.uri, fragment.path, fragment.file_bytes)
    start, stop = fragment.parts[:2]
    with _files.open_file(fragment.uri, fragment.path, fragment.file_bytes) as file:
        file.seek(start)
        return pa.BufferReader(file.read_buffer(stop - start))


def begins_file(fragment: Fragment) -> bool:
    """Whether a fragment holds the beginning of its file, and with it the header."""
    return not fragment.parts or fragment.parts[0] == 0


def first_line(fragment: Fragment) -> int:
    """The line of the file that a fragment begins with, from 1."""
    return fragment.parts[2] if fragment.parts else 1


def check_count(fragment: Fragment, rows: int, *, header: bool) -> None:
    """Refuse a piece whose rows are not as many as were counted: keys of rows would not be theirs.

    Raises:
        DataError: they are not.
    """
    if not fragment.parts:
        return
    start, _, line, records = fragment.parts
    expected = records - (header and start == 0)
    if rows != expected:
        raise DataError(
            f"{fragment.label} from line {line:,}: {rows:,} rows were read where {expected:,} were counted. "
            "Is a quote left open, or the file being written?"
        )


def cut(file: pa.NativeFile, *, quote: str | None, delimiter: str, piece_bytes: int | None = None) -> list[Range]:
    """Pieces of a file of records that lines end; with `quote`, of CSV records (no escape character).

    The encoding must be one whose bytes below 128 stand for ASCII alone: UTF-8, or any of one byte a character.
    """
    piece_bytes = PIECE_BYTES if piece_bytes is None else piece_bytes
    size = file.size()
    walk = _Walk(quote, delimiter)
    found: list[Range] = []
    start = records = 0
    line = 1
    for offset, chunk in _chunks(file, walk.ambiguous):
        ends, counts, lines = walk.step(offset, chunk)
        while (place := int(np.searchsorted(ends, start + piece_bytes))) < len(ends):
            stop = int(ends[place])
            found.append(Range(start, stop, int(counts[place]) - records, line))
            start, records, line = stop, int(counts[place]), int(lines[place]) + 1
    total = walk.records + (walk.record_start < size)  # a last line without an end
    if start < size:
        found.append(Range(start, size, total - records, line))
    return found


def _chunks(file: pa.NativeFile, ambiguous: bytes) -> Iterator[tuple[int, bytes]]:
    """The bytes of a file in chunks that end with no byte whose meaning the next one decides."""
    file.seek(0)
    offset = 0
    while chunk := file.read(CHUNK_BYTES):
        while chunk[-1] in ambiguous and (more := file.read(1)):
            chunk += more
        yield offset, chunk
        offset += len(chunk)


class _Walk:
    """Reads chunks one after the other and knows at their end whether a value is still open."""

    def __init__(self, quote: str | None, delimiter: str) -> None:
        self.quote = ord(quote) if quote else None
        self.breaks = (LF, CR, ord(delimiter))
        self.csv = quote is not None
        self.ambiguous = bytes([CR, *([self.quote] if self.quote is not None else [])])
        self.inside = False
        self.last = LF
        self.lines = 0
        self.records = 0
        self.record_start = 0

    def step(self, offset: int, chunk: bytes) -> tuple[Places, Places, Places]:
        """Where records end in the file, and how many records and lines there are up to each."""
        data = np.frombuffer(chunk, np.uint8)
        if offset == 0 and chunk.startswith(BOM):
            data, offset = data[len(BOM) :], len(BOM)
            self.record_start = offset
        # the position after each line's end; a carriage return ends one where no line feed follows
        at = np.flatnonzero(data == LF)
        first = at - ((at > 0) & (data[at - 1] == CR)) if self.csv else at
        if self.csv and CR in chunk:
            returns = np.flatnonzero(data == CR)
            lone = returns[np.append(data, 0)[returns + 1] != LF]
            order = np.argsort(np.concatenate([at, lone]), kind="stable")
            at = np.concatenate([at, lone])[order]
            first = np.concatenate([first, lone])[order]
        line_numbers = self.lines + 1 + np.arange(len(at))
        self.lines += len(at)
        if self.quote is not None:
            quotes = self._quotes(data)
            closed = (int(self.inside) + np.searchsorted(quotes, at)) % 2 == 0
            at, first, line_numbers = at[closed], first[closed], line_numbers[closed]
            self.inside = (int(self.inside) + len(quotes)) % 2 == 1
        self.last = int(data[-1]) if len(data) else self.last
        ends = at + 1 + offset
        starts = np.concatenate([[self.record_start], ends[:-1]]) if len(ends) else ends
        filled = first + offset > starts
        counts = self.records + np.cumsum(filled)
        if len(ends):
            self.records, self.record_start = int(counts[-1]), int(ends[-1])
        return ends, counts, line_numbers

    def _quotes(self, data: npt.NDArray[np.uint8]) -> Places:
        """The quotes that open or close a value, in turn."""
        quotes = np.flatnonzero(data == self.quote)
        opening = quotes[int(self.inside) :: 2]
        if not len(opening):
            return quotes
        before = np.where(opening > 0, data[opening - 1], self.last)
        # right after the one that closed: a doubled quote, which leaves the value open
        if not bool(np.isin(before, [*self.breaks, int(data[opening[0]])]).all()):
            return self._one_by_one(data, quotes)
        return quotes

    def _one_by_one(self, data: npt.NDArray[np.uint8], quotes: Places) -> Places:
        kept: list[int] = []
        inside = self.inside
        places = quotes.tolist()
        index = 0
        while index < len(places):
            place = places[index]
            before = int(data[place - 1]) if place else self.last
            if inside and index + 1 < len(places) and places[index + 1] == place + 1:
                index += 2
                continue
            if inside or before in self.breaks:
                kept.append(place)
                inside = not inside
            index += 1
        return np.array(kept, np.int64)
