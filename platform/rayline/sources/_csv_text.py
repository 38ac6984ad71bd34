"""A CSV file as text: how it is written, its bytes without comments, and its records with their lines."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import pyarrow as pa

from rayline.sources import _pieces
from rayline.sources._source import Fragment

END = "\0end"
CHUNK_BYTES = 1 << 20
TAIL_BYTES = 256
"""Of the end of a file, what is looked at for a quote that closes its last value."""


@dataclass(frozen=True)
class Dialect:
    """How files are written."""

    delimiter: str | None = None
    encoding: str = "utf8"
    decimal: str = "."
    missing: tuple[str, ...] = ()
    header: tuple[str, ...] | Literal["none"] | None = None
    quote: str | None = '"'
    escape: str | None = None
    comment: str | None = None
    ragged: Literal["refuse", "skip"] = "refuse"


@dataclass(frozen=True)
class Layout:
    """The columns of one file."""

    names: tuple[str, ...]
    delimiter: str
    header_rows: int
    """Rows of the file to leave out before the first of its records: the header and empty lines before it."""
    bare: bool = False
    """Whether the file holds no more than these."""


def records(fragment: Fragment, dialect: Dialect, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line each record of a fragment begins on, and its values; bytes of another encoding become U+FFFD."""
    with (
        _pieces.open_bytes(fragment) as stream,
        io.TextIOWrapper(stream, encoding=_plain(dialect.encoding), errors="replace", newline="") as text,
    ):
        yield from parse(text, dialect, delimiter, _pieces.first_line(fragment))


def open_quote(fragment: Fragment, dialect: Dialect, delimiter: str) -> int | None:
    """The line of the record that a quote leaves open to the end of a fragment; `None` where all are closed."""
    with (
        _pieces.open_bytes(fragment) as stream,
        io.TextIOWrapper(stream, encoding=_plain(dialect.encoding), errors="replace", newline="") as text,
    ):
        line, last = 0, [""]
        for line, last in parse(chain(text, ["\n", END]), dialect, delimiter, _pieces.first_line(fragment)):  # noqa: B007
            pass
        return None if last == [END] else line


def ends_closed(fragment: Fragment, dialect: Dialect, delimiter: str) -> bool:
    """Whether the last bytes alone say that no quote is open at the end: quick, where `open_quote` reads all records.

    They do where the quotes at the end close a value, or are part of one: an odd number of them, after some text.
    """
    if dialect.quote != '"' or dialect.escape:
        return False
    tail = b""
    with _pieces.open_bytes(fragment) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            tail = (tail + chunk)[-TAIL_BYTES:]
    text = tail.rstrip(b"\r\n")
    before = text.rstrip(b'"')
    # after a delimiter or a line break they may open one; a zero is half of a character
    may_open = not before or before.endswith((b"\n", b"\r", b"\0", delimiter.encode()))
    return not may_open and (len(text) - len(before)) % 2 == 1


def parse(
    text: Iterable[str], dialect: Dialect, delimiter: str, line: int = 1, kept: list[str] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """As `records`, of a text that begins on `line`; its lines other than comments are added to `kept`."""
    csv.field_size_limit(sys.maxsize)
    lines = _Lines(text, dialect.comment, line - 1, kept)
    quoting: dict[str, Any] = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    for row in csv.reader(lines, delimiter=delimiter, escapechar=dialect.escape, **quoting):
        began, lines.began = lines.began, 0
        if row:
            yield began, row


class _Lines:
    """Lines for a reader of records: a comment is one only where no record is open."""

    def __init__(self, text: Iterable[str], comment: str | None, number: int, kept: list[str] | None) -> None:
        self.text = iter(text)
        self.comment = comment
        self.number = number
        self.began = 0
        """The line that the record being read began on; 0 between records."""
        self.kept = kept

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self.text)
            self.number += 1
            if self.comment and not self.began and line.startswith(self.comment):
                continue
            self.began = self.began or self.number
            if self.kept is not None:
                self.kept.append(line)
            return line


def without_comments(fragment: Fragment, dialect: Dialect, delimiter: str) -> pa.NativeFile:
    """The lines of a file that are no comments, as UTF-8.

    Raises:
        UnicodeError: text in another encoding.
    """
    kept: list[str] = []
    with (
        _pieces.open_bytes(fragment) as stream,
        io.TextIOWrapper(stream, encoding=_plain(dialect.encoding), newline="") as text,
    ):
        for _ in parse(text, dialect, delimiter, kept=kept):
            pass
    return pa.BufferReader("".join(kept).encode())


def is_utf8(encoding: str) -> bool:
    """Whether this is one of the names of UTF-8."""
    return encoding.lower().replace("-", "").replace("_", "") in {"utf8", "utf8sig", "u8"}


def _plain(encoding: str) -> str:
    """The encoding that leaves out a byte order mark."""
    return "utf-8-sig" if is_utf8(encoding) else encoding
