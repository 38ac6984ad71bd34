"""Reads one CSV file, or a piece of one, into a table."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import takewhile
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from rayline.core.errors import DataError
from rayline.sources import _csv_faults, _csv_look, _csv_text, _files, _pieces
from rayline.sources._columns import check_names
from rayline.sources._csv_blocks import Blocks
from rayline.sources._csv_text import Dialect, Layout
from rayline.sources._source import Fragment

DELIMITERS = ",;\t|"
REFUSED = re.compile(r"In CSV column #(?P<place>\d+): (?:Row #(?P<record>\d+): )?CSV conversion error")
BLOCK_BYTES = 1 << 20
"""What is parsed at a time; a record is in one block, so where one is longer, blocks are made longer …"""
COLUMN_BYTES = 1 << 12
"""… and no shorter than this for each column: a piece of a few rows costs a column as much as one of many …"""
LONGEST_BYTES = 256 << 20
"""… up to this."""
STRADDLES = "straddling object"
RAGGED = re.compile(r"Expected (\d+) columns, got (\d+)")


class ConversionError(Exception):
    """A value that its column's type does not hold."""

    def __init__(self, column: str, record: int | None) -> None:
        super().__init__(column)
        self.column = column
        self.record = record
        """The record's place in what was read, the header's counting too; known where one thread read it."""


def layout(fragment: Fragment, dialect: Dialect) -> Layout:
    """The columns of a file, from its first record or as declared.

    Raises:
        DataError: an empty file, names that clash, or text in another encoding.
    """
    text = _csv_look.peek(fragment, dialect)
    if not any(line.strip() and not _is_comment(line, dialect) for line in text.splitlines()):
        raise DataError(f"{fragment.label} is empty. Give a file with a header line and rows.")
    delimiter = dialect.delimiter or _delimiter(text, dialect)
    if isinstance(dialect.header, tuple):
        check_names(list(dialect.header), "data.source.header")
        return Layout(dialect.header, delimiter, 0)
    lines: list[str] = []
    _, spelled = next(_csv_text.parse(io.StringIO(text, newline=""), dialect, delimiter, kept=lines))
    if dialect.header == "none":
        return Layout(tuple(f"column_{place}" for place in range(1, len(spelled) + 1)), delimiter, 0)
    if any("\ufffd" in name or "\0" in name for name in spelled):
        raise _csv_faults.encoding(fragment, dialect)
    # without a name: the index that pandas writes, most often
    names = [name.strip() or f"column_{place}" for place, name in enumerate(spelled, start=1)]
    try:
        check_names(names, fragment.label)
    except DataError as error:
        raise DataError(f"{error} If the file has no header line, name its columns: data.source.header: […].") from None
    used = sum(map(len, lines))
    if used == len(text) >= _csv_look.PEEK_BYTES // 4:  # at most four bytes a character
        raise DataError(
            f"{fragment.label}: its first line, which names the columns, has no end within its first "
            f"{_csv_look.PEEK_BYTES >> 20} MB. Write a row on each line, with a line break at its end."
        )
    if len(lines) == 1:
        _csv_look.refuse_excel_line(fragment.label, lines[0])
    empty = sum(1 for _ in takewhile(lambda line: not line.strip("\r\n"), lines))
    bare = (
        len(text) < _csv_look.PEEK_BYTES // 4 and not text[sum(map(len, lines)) :].strip()
    )  # at most four bytes a character
    return Layout(tuple(names), delimiter, empty + 1, bare)


def _delimiter(text: str, dialect: Dialect) -> str:
    """The mark that stands outside of quotes most often in the first record, which may be of several lines."""
    quoted = re.escape(dialect.quote or '"')

    def marks(delimiter: str) -> int:
        lines: list[str] = []
        next(_csv_text.parse(io.StringIO(text, newline=""), dialect, delimiter, kept=lines))
        return re.sub(f"{quoted}[^{quoted}]*{quoted}", "", "".join(lines)).count(delimiter)

    return max(DELIMITERS, key=marks)


def _is_comment(line: str, dialect: Dialect) -> bool:
    return bool(dialect.comment) and line.startswith(dialect.comment or "")


def read(
    fragment: Fragment,
    dialect: Dialect,
    found: Layout,
    kinds: Mapping[str, pa.DataType],
    columns: Sequence[str],
    *,
    threads: bool = True,
) -> tuple[pa.Table, int]:
    """Columns of a fragment, and how many ragged rows were skipped; columns not in `kinds` as their values suggest.

    Raises:
        ConversionError: a value that does not fit its type.
        DataError: ragged rows (with their lines), or text in another encoding.
    """
    ragged = _Ragged()

    def parse(block_bytes: int) -> pa.Table:
        ragged.count = 0
        options = _options(fragment, dialect, found, kinds, columns, ragged, block_bytes, threads=threads)
        with _stream(fragment, dialect, found) as stream:
            return pacsv.read_csv(stream, **options)

    block_bytes = min(max(BLOCK_BYTES, len(found.names) * COLUMN_BYTES), LONGEST_BYTES)
    table = _guarded(fragment, dialect, found, parse, columns, block_bytes)
    last = table.column(columns.index(found.names[-1])) if found.names[-1] in columns else None
    if last is not None and dialect.quote and _last_value_breaks(last):
        closed = _csv_text.ends_closed(fragment, dialect, found.delimiter)
        line = None if closed else _csv_text.open_quote(fragment, dialect, found.delimiter)
        if line is not None:
            raise DataError(
                f"{fragment.label} line {line}: a quote opens a value and nothing closes it, so that the value takes "
                "up the rest of the file. Close or double it; where quotes mean nothing: data.source.quote: null."
            )
    return table, ragged.count


def _last_value_breaks(column: pa.ChunkedArray) -> bool:
    """Whether the last value holds one, as that of a quote never closed does."""
    text = column[-1].as_py() if len(column) and pa.types.is_string(column.type) else None
    return text is not None and ("\n" in text or "\r" in text)


def head(fragment: Fragment, dialect: Dialect, found: Layout, size_bytes: int) -> pa.Table:
    """The first rows of a fragment (`size_bytes` of it), in the types their values suggest.

    Raises:
        DataError: as `read`.
    """

    def parse(block_bytes: int) -> pa.Table:
        with _stream(fragment, dialect, found) as stream:
            # held here, with what shows that the first block is not the last: Arrow would read far ahead in the file
            beginning = pa.BufferReader(stream.first(2 * block_bytes))
            options = _options(fragment, dialect, found, {}, found.names, _Ragged(), block_bytes)
            reader = pacsv.open_csv(beginning, **options)
            try:
                batches = [reader.read_next_batch()]
            except StopIteration:  # a header alone
                batches = []
            return pa.Table.from_batches(batches, reader.schema)

    return _guarded(fragment, dialect, found, parse, found.names, size_bytes)


def first_refused(
    fragment: Fragment, dialect: Dialect, found: Layout, kinds: Mapping[str, pa.DataType], columns: Sequence[str]
) -> tuple[str, int]:
    """The column and line of the first value that does not fit its type, in a fragment that holds one."""
    try:
        read(fragment, dialect, found, kinds, columns, threads=False)
    except ConversionError as refused:
        return refused.column, _csv_faults.line_of(fragment, dialect, found, refused.record or 0)
    raise AssertionError(f"{fragment.label} was read, or is no longer what it was")


class _Ragged:
    """Counts the rows of another length than the header's."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _: Any) -> str:
        self.count += 1
        return "skip"


@contextmanager
def _stream(fragment: Fragment, dialect: Dialect, found: Layout) -> Iterator[Blocks]:
    """The bytes of a fragment, as UTF-8."""
    if dialect.comment:
        opened = _csv_text.without_comments(fragment, dialect, found.delimiter)
    else:
        opened = _pieces.open_bytes(fragment)
        if not _csv_text.is_utf8(dialect.encoding):
            opened = pa.transcoding_input_stream(opened, dialect.encoding, "utf8")
    with opened, closing(Blocks(opened)) as blocks:
        yield blocks


def _guarded(
    fragment: Fragment,
    dialect: Dialect,
    found: Layout,
    parse: Callable[[int], pa.Table],
    columns: Sequence[str],
    block_bytes: int,
) -> pa.Table:
    if found.bare and _pieces.begins_file(fragment):  # the parser fails where the header's line has no end
        return pa.table({name: pa.nulls(0) for name in columns})
    try:
        table = parse(block_bytes)
    except pa.ArrowInvalid as error:
        if STRADDLES not in str(error):
            raise _explain(error, fragment, dialect, found) from None
        if block_bytes >= LONGEST_BYTES:
            raise _csv_faults.too_long(fragment, dialect, found, LONGEST_BYTES) from None
        return _guarded(fragment, dialect, found, parse, columns, min(block_bytes * 16, LONGEST_BYTES))
    except UnicodeError:
        raise _csv_faults.encoding(fragment, dialect) from None
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None
    for name, column in zip(columns, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            raise _csv_faults.encoding(fragment, dialect, name)
    return table


def _options(
    fragment: Fragment,
    dialect: Dialect,
    found: Layout,
    kinds: Mapping[str, pa.DataType],
    columns: Iterable[str],
    ragged: _Ragged,
    block_bytes: int,
    *,
    threads: bool = True,
) -> dict[str, Any]:
    return {
        "read_options": pacsv.ReadOptions(
            column_names=list(found.names),
            skip_rows_after_names=found.header_rows if _pieces.begins_file(fragment) else 0,
            use_threads=threads,
            block_size=block_bytes,
        ),
        "parse_options": pacsv.ParseOptions(
            delimiter=found.delimiter,
            quote_char=dialect.quote or False,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
            invalid_row_handler=ragged if dialect.ragged == "skip" else None,
        ),
        "convert_options": pacsv.ConvertOptions(
            column_types=dict(kinds),
            include_columns=list(columns),
            null_values=list(dialect.missing),
            strings_can_be_null=True,
            decimal_point=dialect.decimal,
        ),
    }


def _explain(error: pa.ArrowInvalid, fragment: Fragment, dialect: Dialect, found: Layout) -> Exception:
    text = str(error)
    if "invalid UTF8" in text:
        return _csv_faults.encoding(fragment, dialect)
    refused = REFUSED.search(text)
    if refused:
        return ConversionError(found.names[int(refused["place"])], int(refused["record"] or 0) or None)
    ragged = _csv_faults.ragged(fragment, dialect, found) if RAGGED.search(text) else None
    # the parser's own words may show the row
    return ragged or DataError(f"{fragment.label} cannot be read as CSV: {RAGGED.split(text)[0].splitlines()[0]}")
