"""What a file that was given as CSV looks like by its beginning: another kind of file, or a dialect that nobody named.

Another kind is refused: its bytes would be read as one column of nonsense, or as text in a wrong encoding. What only
looks odd is read as it stands, and told in a sentence with the option that may be meant.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Mapping, Sequence
from itertools import islice

import pyarrow as pa

from rayline.core.errors import DataError, listing
from rayline.sources import _csv_text, _files
from rayline.sources._csv_text import Dialect, Layout
from rayline.sources._source import Fragment

PEEK_BYTES = 1 << 20
ROWS = 200
"""Rows that are looked at, at most."""
SEPARATORS = ",;\t|^:~ "
KINDS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive. Save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel. Save the sheet as CSV"),
    (b"PAR1", "a Parquet file. Name it so, or give data.source: {name: parquet, path: …}"),
    (b"ARROW1", "an Arrow file. Name it so, or give data.source: {name: frame, path: …}"),
    (b"SQLite format 3\0", "a SQLite database. Give data.source: {name: sql, url: 'sqlite:///FILE', table: …}"),
    (b"\x1f\x8b", "compressed by gzip. End its name in .csv.gz"),
    (b"BZh", "compressed by bzip2. End its name in .csv.bz2"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd. End its name in .csv.zst"),
    (b"\xfd7zXZ", "compressed by xz. Unpack it, or compress it by gzip (.csv.gz)"),
    (b"%PDF", "a PDF document. Give a file of data"),
    (b"\x89PNG", "an image. Give its folder: data.source: {name: images, path: …}"),
    (b"\xff\xd8\xff", "an image. Give its folder: data.source: {name: images, path: …}"),
    (b"Obj\x01", "an Avro file. Write it as Parquet or CSV"),
    (b"\x89HDF", "an HDF5 file. Write it as Parquet or CSV"),
)
READ = (
    "CSV (.csv, .tsv, and these as .gz, .bz2 or .zst), JSON lines (.jsonl), Parquet, Arrow (.arrow, .feather), SQL "
    "databases, and folders of images, sounds, texts or video"
)
"""What a file may be that is no text."""
LOOK_BYTES = 1 << 16
CONTROL = frozenset(map(chr, [*range(9), *range(14, 27), *range(28, 32), 127]))
"""Characters that texts have none of; escape (27) is left out, by which some encodings change their tables."""
MOST_CONTROL = 0.04
"""Share of such characters from which bytes are no text; of random bytes it is 0.11."""
_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_OBJECTS = re.compile(rb"\s*(\[\s*)?\{\s*(\"|\})")
_COMMA = re.compile(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})( .*)?")
_EXCEL = re.compile(r"sep=(.)\r?\n?")


def peek(fragment: Fragment, dialect: Dialect) -> str:
    """The beginning of a file, as text.

    Raises:
        DataError: it cannot be read, or is that of another kind of file.
    """
    try:
        with _files.open_stream(fragment.uri, fragment.path, fragment.file_bytes) as stream:
            first = stream.read(PEEK_BYTES)
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None
    refuse(fragment.label, first, named=dialect.header is not None)
    refuse_binary(fragment.label, first[:LOOK_BYTES], dialect)
    return _decode(first, dialect.encoding)


def _decode(first: bytes, encoding: str) -> str:
    """The beginning of a file as text; bytes of another encoding become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if _csv_text.is_utf8(encoding) else encoding)(errors="replace")
    try:
        return decoder.decode(first, final=len(first) < PEEK_BYTES)
    except UnicodeError:  # UTF-16 without its mark
        return first.decode("latin-1").replace("\0", "\ufffd")


def refuse(label: str, first: bytes, *, named: bool) -> None:
    """Refuse what is no text with values between delimiters; `named`: the spec says the columns or that there are none.

    Raises:
        DataError: the beginning is that of another kind of file; the message says which, and what to do.
    """
    first = first.removeprefix(b"\xef\xbb\xbf")
    kind = next((what for mark, what in KINDS if first.startswith(mark)), None)
    if kind is None and not named:
        if _PAGE.match(first):
            kind = "a web page or XML. If it was fetched: the address leads to a page about the file, or wants a login"
        elif _OBJECTS.match(first):
            kind = "JSON. If each line is an object, give data.source: {name: jsonl, path: …}; an array becomes such "
            kind += "lines by: jq -c '.[]'"
    if kind is not None:
        raise DataError(f"{label} is no CSV: it begins as {kind}.")


def refuse_binary(label: str, first: bytes, dialect: Dialect) -> None:
    """Refuse bytes that are no text in any encoding, to which another encoding would be bad advice.

    Raises:
        DataError: too many of the characters are control characters, as in a random, packed or encrypted file.
    """
    utf8 = _csv_text.is_utf8(dialect.encoding)
    if utf8 and _may_be_text(first):
        return
    text = _decode(first, "latin-1" if utf8 else dialect.encoding)  # of latin-1 every byte is a character
    share = sum(map(text.count, CONTROL - {dialect.delimiter, dialect.quote, dialect.escape})) / max(1, len(text))
    if share > MOST_CONTROL:
        raise DataError(
            f"{label} is no text file: {100 * share:.0f}% of its first {len(first):,} bytes are control characters, "
            f"so it is a binary file of a kind that is not known here (or packed, encrypted or damaged), and no "
            f"encoding would help. Give a file of a kind that is read: {READ}."
        )


def _may_be_text(first: bytes) -> bool:
    """Whether these bytes are UTF-8 without zeros, or may be UTF-16, about which other messages tell more."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    even, odd = (first[place::2].count(0) for place in (0, 1))
    if even + odd and min(even, odd) == 0:
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first, final=False)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return even + odd == 0


def refuse_excel_line(label: str, line: str) -> None:
    """Refuse a first line that tells Excel, and nobody else, what separates values.

    Raises:
        DataError: it is one.
    """
    found = _EXCEL.fullmatch(line)
    if found:
        raise DataError(
            f"{label} line 1 is {found[0].strip()!r}, which is for Excel alone. Take the line out, and give "
            f"data.source.delimiter: {found[1]!r}."
        )


def hints(text: str, label: str, dialect: Dialect, found: Layout, kinds: Mapping[str, pa.DataType]) -> list[str]:
    """Sentences on what looks odd in the beginning of a file, each with the option that may be meant."""
    lines = [line for line in islice(io.StringIO(text, newline=""), ROWS) if line.strip()]
    whole = lines if len(text) < PEEK_BYTES // 4 else lines[:-1]  # the last may be cut
    told = []
    if len(found.names) == 1 and dialect.delimiter is None and dialect.header is None:
        told += _one_column(whole, label)
    if dialect.header is None and len(found.names) > 1 and all(_NUMBER.fullmatch(name) for name in found.names):
        told.append(
            f"{label}: the header's names are numbers ({listing(found.names, 3)}). If the file has no header line, "
            "give data.source.header: none."
        )
    rows = [row for _, row in _csv_text.parse(iter(whole), dialect, found.delimiter)][
        1 if dialect.header is None else 0 :
    ]
    for place, name in enumerate(found.names):
        if pa.types.is_string(kinds.get(name, pa.null())):
            values = [row[place].strip() for row in rows if len(row) > place and row[place] not in dialect.missing]
            told += _column(name, values, label)
    return told


def _one_column(lines: Sequence[str], label: str) -> list[str]:
    for mark in SEPARATORS:
        counts = {line.rstrip("\r\n").count(mark) for line in lines[1:]}
        if len(lines) > 2 and len(counts) == 1 and (number := counts.pop()) >= (2 if mark in " :" else 1):
            alike = lines[0].count(mark) == number
            cure = f"give data.source.delimiter: {mark!r}" if alike else "take out what stands above the columns' names"
            return [
                f"{label} has one column, and each of its lines has {number} {mark!r}. If they part values, {cure}."
            ]
    return []


def _column(name: str, values: Sequence[str], label: str) -> list[str]:
    if not values:
        return []
    reading = f"{label}: column {name!r} is read as text, and its values look like"
    cast = f"prepare.clean: {{name: cast, columns: [{name}], to:"
    if any(_THOUSANDS.fullmatch(v) for v in values) and all(
        _THOUSANDS.fullmatch(v) or re.fullmatch(r"[-+]?\d+(\.\d+)?", v) for v in values
    ):
        return [f"{reading} numbers with ',' between thousands: {cast} number, thousands: ','}}."]
    if any(_COMMA.fullmatch(v) for v in values) and all(_COMMA.fullmatch(v) or _NUMBER.fullmatch(v) for v in values):
        if any("." in v for v in values):
            return [f"{reading} numbers with a decimal comma: {cast} number, decimal: ',', thousands: '.'}}."]
        return [f"{reading} numbers with a decimal comma: data.source.decimal: ','."]
    days = [_DAY.fullmatch(v) for v in values]
    if all(days):
        parts = [(int(day[1]), int(day[3])) for day in days if day]
        mark = days[0][2] if days[0] else ""
        if any(first > 12 for first, _ in parts) or mark == ".":
            return [f"{reading} dates with the day first: {cast} date, format: '%d{mark}%m{mark}%Y'}}."]
        first_first = "the month first" if any(second > 12 for _, second in parts) else "the day or the month first"
        return [
            f"{reading} dates with {first_first}: {cast} date, format: '%m{mark}%d{mark}%Y'}}, or %d{mark}%m{mark}%Y."
        ]
    return []
