"""Reads one CSV file into a table, and finds the line of whatever is wrong with it."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import check_names
from rayline.sources._source import Fragment

DELIMITERS = ",;\t|"
PEEK_BYTES = 1 << 20
REFUSED = re.compile(r"In CSV column #(?P<place>\d+): (?:Row #(?P<record>\d+): )?CSV conversion error")
RAGGED = re.compile(r"Expected (\d+) columns, got (\d+)")


@dataclass(frozen=True)
class Dialect:
    """How files are written."""

    delimiter: str | None
    encoding: str
    decimal: str
    missing: tuple[str, ...]
    header: tuple[str, ...] | None


@dataclass(frozen=True)
class Layout:
    """The columns of one file: their names, and the names as the header spells them."""

    names: tuple[str, ...]
    spelled: tuple[str, ...]
    delimiter: str


class ConversionError(Exception):
    """A value that its column's type does not hold."""

    def __init__(self, column: str, record: int | None) -> None:
        super().__init__(column)
        self.column = column
        self.record = record
        """The record's place in the file, the header's being 1; known where one thread read it."""


def layout(fragment: Fragment, dialect: Dialect) -> Layout:
    """The columns of a file, from its first line or as declared.

    Raises:
        DataError: an empty file, names that clash, or text in another encoding.
    """
    try:
        with _files.open_stream(fragment.uri, fragment.path) as stream:
            text = _decode(stream.read(PEEK_BYTES), dialect.encoding)
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise DataError(f"{fragment.label} is empty. Give a file with a header line and rows.")
    delimiter = dialect.delimiter or max(DELIMITERS, key=re.sub('"[^"]*"', "", first).count)
    if dialect.header:
        check_names(list(dialect.header), "data.source.header")
        return Layout(dialect.header, dialect.header, delimiter)
    spelled = next(row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row)
    if any("\ufffd" in name for name in spelled):
        raise _encoding(fragment, dialect)
    # without a name: the index that pandas writes, most often
    names = [name.strip() or f"column_{place}" for place, name in enumerate(spelled, start=1)]
    try:
        check_names(names, fragment.label)
    except DataError as error:
        raise DataError(f"{error} If the file has no header line, name its columns: data.source.header: […].") from None
    return Layout(tuple(names), tuple(spelled), delimiter)


def _decode(first: bytes, encoding: str) -> str:
    """The beginning of a file as text; bytes of another encoding become U+FFFD."""
    plain = encoding.lower().replace("-", "").replace("_", "") == "utf8"
    decoder = codecs.getincrementaldecoder("utf-8-sig" if plain else encoding)(errors="replace")
    return decoder.decode(first, final=len(first) < PEEK_BYTES)


def read(
    fragment: Fragment,
    dialect: Dialect,
    found: Layout,
    kinds: Mapping[str, pa.DataType],
    columns: Sequence[str],
    *,
    threads: bool = True,
) -> pa.Table:
    """Columns of a whole file, named; those not in `kinds` in the types their values suggest.

    Raises:
        ConversionError: a value that does not fit its type.
        DataError: ragged rows (with the line), or text in another encoding.
    """

    def parse() -> pa.Table:
        with _files.open_stream(fragment.uri, fragment.path) as stream:
            return pacsv.read_csv(stream, **_options(dialect, found, kinds, columns, threads=threads))

    return _guarded(fragment, dialect, found, parse, columns)


def head(fragment: Fragment, dialect: Dialect, found: Layout, size_bytes: int) -> pa.Table:
    """The first rows of a file (`size_bytes` of it), in the types their values suggest.

    Raises:
        DataError: as `read`.
    """

    def parse() -> pa.Table:
        with _files.open_stream(fragment.uri, fragment.path) as stream:
            options = _options(dialect, found, {}, found.names, block_size=size_bytes)
            reader = pacsv.open_csv(stream, **options)
            try:
                batches = [reader.read_next_batch()]
            except StopIteration:  # a header alone
                batches = []
            return pa.Table.from_batches(batches, reader.schema)

    return _guarded(fragment, dialect, found, parse, found.names)


def first_refused(
    fragment: Fragment, dialect: Dialect, found: Layout, kinds: Mapping[str, pa.DataType], columns: Sequence[str]
) -> tuple[str, int]:
    """The column and line of the first value that does not fit its type, in a file that holds one."""
    try:
        read(fragment, dialect, found, kinds, columns, threads=False)
    except ConversionError as refused:
        for place, (line, _) in enumerate(_records(fragment, dialect, found), start=1):
            if place == refused.record:
                return refused.column, line
    raise AssertionError(f"{fragment.label} was read, or is no longer what it was")


def _guarded(
    fragment: Fragment, dialect: Dialect, found: Layout, parse: Callable[[], pa.Table], columns: Sequence[str]
) -> pa.Table:
    try:
        table = parse()
    except pa.ArrowInvalid as error:
        raise _explain(error, fragment, dialect, found) from None
    except UnicodeError:
        raise _encoding(fragment, dialect) from None
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None
    for name, column in zip(columns, table.columns, strict=True):
        if pa.types.is_binary(column.type):
            raise _encoding(fragment, dialect, name)
    return table.rename_columns(list(columns))


def _options(
    dialect: Dialect,
    found: Layout,
    kinds: Mapping[str, pa.DataType],
    columns: Sequence[str],
    *,
    threads: bool = True,
    block_size: int = 1 << 20,
) -> dict[str, Any]:
    spelled = dict(zip(found.names, found.spelled, strict=True))
    return {
        "read_options": pacsv.ReadOptions(
            column_names=list(dialect.header) if dialect.header else None,
            encoding=dialect.encoding,
            use_threads=threads,
            block_size=block_size,
        ),
        "parse_options": pacsv.ParseOptions(delimiter=found.delimiter, newlines_in_values=True),
        "convert_options": pacsv.ConvertOptions(
            column_types={spelled[name]: kind for name, kind in kinds.items()},
            include_columns=[spelled[name] for name in columns],
            null_values=list(dialect.missing),
            strings_can_be_null=True,
            decimal_point=dialect.decimal,
        ),
    }


def _explain(error: pa.ArrowInvalid, fragment: Fragment, dialect: Dialect, found: Layout) -> Exception:
    text = str(error)
    if "invalid UTF8" in text:
        return _encoding(fragment, dialect)
    refused = REFUSED.search(text)
    if refused:
        return ConversionError(found.names[int(refused["place"])], int(refused["record"] or 0) or None)
    if RAGGED.search(text):
        expected = len(found.names)
        for line, row in _records(fragment, dialect, found):
            if len(row) != expected:
                whose = "data.source.header names" if dialect.header else "the header has"
                return DataError(
                    f"{fragment.label} line {line}: {len(row)} values, and {whose} {expected} columns. "
                    f"Correct the line; a value with {found.delimiter!r} or a line break in it stands in double quotes."
                )
    return DataError(f"{fragment.label} cannot be read as CSV: {text}")


def _records(fragment: Fragment, dialect: Dialect, found: Layout) -> Iterator[tuple[int, list[str]]]:
    """The line each record begins on, and its values."""
    csv.field_size_limit(sys.maxsize)
    with (
        _files.open_stream(fragment.uri, fragment.path) as stream,
        io.TextIOWrapper(stream, encoding=dialect.encoding, errors="replace", newline="") as text,
    ):
        reader = csv.reader(text, delimiter=found.delimiter)
        line = 1
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1


def _encoding(fragment: Fragment, dialect: Dialect, column: str | None = None) -> DataError:
    where = f"{fragment.label}: column {column!r}" if column else fragment.label
    return DataError(f"{where} is not {dialect.encoding} text. Name its encoding: data.source.encoding: latin-1.")
