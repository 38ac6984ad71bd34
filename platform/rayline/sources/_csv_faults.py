"""What is wrong with a CSV file, and on which lines: read again, slowly, once something was refused."""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Sequence

from rayline.core.errors import DataError
from rayline.core.shown import counted
from rayline.sources import _csv_text, _pieces
from rayline.sources._csv_text import Dialect, Layout
from rayline.sources._source import Fragment

MOST_LINES = 20
CHUNK_BYTES = 1 << 20
LOOK_BYTES = 64 << 20
"""Beyond a byte of another encoding, this much of the file is looked at to tell which one it may be."""


def ragged_lines(fragment: Fragment, dialect: Dialect, found: Layout) -> tuple[list[tuple[int, int]], int]:
    """Line and number of values of the first records of another length than the header's, and how many there are."""
    expected = len(found.names)
    ragged = (
        (line, len(row)) for line, row in _csv_text.records(fragment, dialect, found.delimiter) if len(row) != expected
    )
    first = list(itertools.islice(ragged, MOST_LINES))
    return first, len(first) + sum(1 for _ in ragged)


def ragged(fragment: Fragment, dialect: Dialect, found: Layout) -> DataError | None:
    """The error for records of another length than the header's; `None` where all have it."""
    first, total = ragged_lines(fragment, dialect, found)
    if not first:
        return None
    line, values = first[0]
    whose = "data.source.header names" if isinstance(dialect.header, tuple) else "the header has"
    others = ""
    if total > 1:
        shown = ", ".join(f"line {each}: {number}" for each, number in first[1:])
        others = f" Other lines too ({shown}{', …' if total > len(first) else ''}; {total:,} lines in all)."
    if len(found.names) == 1 and len({number for _, number in first}) == 1:
        others += f" If the columns' names stand on line {line}, take out the lines above it."
    return DataError(
        f"{fragment.label} line {line}: {counted(values, 'value')}, and {whose} "
        f"{counted(len(found.names), 'column')}.{others} "
        f"Correct the line; a value with {found.delimiter!r} or a line break in it stands in double quotes. "
        "Or leave such lines out: data.source.ragged: skip."
    )


def skipped(fragment: Fragment, dialect: Dialect, found: Layout) -> str:
    """What `ragged: skip` left out of a fragment, in words."""
    first, total = ragged_lines(fragment, dialect, found)
    lines = ", ".join(str(line) for line, _ in first) + (", …" if total > len(first) else "")
    rows, where = ("1 row was", "line") if total == 1 else (f"{total:,} rows were", "lines")
    return f"{fragment.label}: {rows} skipped, not of the header's {len(found.names)} values ({where} {lines})."


def too_long(fragment: Fragment, dialect: Dialect, found: Layout, most_bytes: int) -> DataError:
    """The error for a record of more than `most_bytes`."""
    line = _long_line(fragment, most_bytes)
    if line is None:  # of several lines, within quotes
        line = _csv_text.open_quote(fragment, dialect, found.delimiter) if dialect.quote else None
        why = "a quote opens a value there and nothing closes it" if line else "one of its records does not end"
    else:
        why = "a line that long is most often a file of another kind, or one whose line breaks were lost"
    return DataError(
        f"{fragment.label}{f' line {line}' if line else ''} is of more than {most_bytes >> 20} MB, and {why}. "
        "Write a row on each line, with a line break at its end."
    )


def _long_line(fragment: Fragment, most_bytes: int) -> int | None:
    """The first line of more bytes than `most_bytes`."""
    line, length = _pieces.first_line(fragment), 0
    with _pieces.open_bytes(fragment) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            ends = chunk.split(b"\n")
            for part in ends[:-1]:
                if length + len(part) > most_bytes:
                    return line
                line, length = line + 1, 0
            length += len(ends[-1])
            if length > most_bytes:
                return line
    return None


def line_of(fragment: Fragment, dialect: Dialect, found: Layout, record: int) -> int:
    """The line on which the record of this place in a fragment begins, from 1."""
    for place, (line, _) in enumerate(_csv_text.records(fragment, dialect, found.delimiter), start=1):
        if place == record:
            return line
    raise AssertionError(f"{fragment.label} was read, or is no longer what it was")


def encoding(fragment: Fragment, dialect: Dialect, column: str | None = None) -> DataError:
    """The error for text in another encoding than the declared one."""
    place = _first_undecodable(fragment, dialect.encoding)
    of = f" of column {column!r}" if column else ""
    if place is None:  # every byte can be read, and some are zero
        return DataError(
            f"{fragment.label}: the text{of} is not {dialect.encoding}: it holds zero bytes, as UTF-16 without its "
            "mark does. Name its encoding: data.source.encoding: utf-16-le."
        )
    line, offset, byte = place
    return DataError(
        f"{fragment.label} line {line}: the text{of} is not {dialect.encoding} at byte {offset} (0x{byte:02x}). "
        f"{_advice(fragment, dialect.encoding)}"
    )


def _first_undecodable(fragment: Fragment, name: str) -> tuple[int, int, int] | None:
    """Line, offset in the (decompressed) file, and value of the first byte that is not in an encoding."""
    decoder = codecs.getincrementaldecoder(name)()
    start = fragment.parts[0] if fragment.parts else 0
    line, fed = _pieces.first_line(fragment), 0
    with _pieces.open_bytes(fragment) as stream:
        while True:
            chunk = stream.read(CHUNK_BYTES)
            state = decoder.getstate()
            try:
                line += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                fresh = codecs.getincrementaldecoder(name)(errors="replace")
                fresh.setstate(state)
                held = len(state[0])
                line += fresh.decode(chunk[: max(error.start - held, 0)]).count("\n")
                return line, start + fed - held + error.start, error.object[error.start]
            except UnicodeError:  # a stateful encoding without its mark
                return line, start + fed, chunk[0] if chunk else 0
            if not chunk:
                return None
            fed += len(chunk)


def _advice(fragment: Fragment, name: str) -> str:
    """Which encoding may fit, or that no single one does."""
    with _pieces.open_bytes(fragment) as stream:
        beginning = stream.read(4096)
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "The file begins like UTF-16: data.source.encoding: utf-16."
    even, odd = (beginning[place::2].count(0) * 2 for place in (0, 1))
    if max(even, odd) > len(beginning) // 2 and min(even, odd) == 0:  # half of the bytes of ASCII
        return f"It looks like UTF-16 without its mark: data.source.encoding: utf-16-{'le' if odd else 'be'}."
    if 0 in beginning:
        return "It holds zero bytes, which text has none of: is it a CSV file?"
    good, bad = _lines_by_encoding(fragment)
    if bad and good:
        return (
            f"{good:,} other lines hold characters in UTF-8 and {len(bad):,} lines hold bytes that are none: the file "
            f"mixes encodings. Convert the lines that are {_one_byte(bad)} to UTF-8."
        )
    if not bad and not _csv_text.is_utf8(name):
        return "UTF-8 fits all of it: data.source.encoding: utf8."
    return f"{_one_byte(bad).capitalize()} may fit: data.source.encoding: {_one_byte(bad)}."


def _lines_by_encoding(fragment: Fragment) -> tuple[int, list[bytes]]:
    """How many lines hold characters beyond ASCII in UTF-8, and the lines that are not UTF-8."""
    good, bad, read = 0, [], 0
    with _pieces.open_bytes(fragment) as stream, io.BufferedReader(stream) as lines:
        for line in lines:
            read += len(line)
            if line.isascii():
                continue
            try:
                line.decode()
                good += 1
            except UnicodeDecodeError:
                bad.append(line)
            if read > LOOK_BYTES and bad:
                break
    return good, bad


def _one_byte(lines: Sequence[bytes]) -> str:
    """cp1252 where bytes occur that latin-1 has control characters for, else latin-1."""
    used = set(b"".join(lines))
    control = used & set(range(0x80, 0xA0))
    undefined = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
    return "cp1252" if control and not control & undefined else "latin-1"
