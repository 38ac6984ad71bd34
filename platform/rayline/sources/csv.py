"""CSV files: one, a folder, a glob, or a URL; plain or compressed (.gz, .bz2, .zst).

Choose it for text tables. Column types are decided once, on all rows where the files are small (64 MB together) and on
each file's first megabytes where they are not, and are the same in every fragment. A file is one fragment; a local,
uncompressed one of more than 256 MB is read in pieces. Rows of unequal length are refused, with their lines, or left
out. For large data prefer Parquet: it is read column by column. Reference: RFC 4180;
https://arrow.apache.org/docs/python/csv.html
"""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field, field_validator

from rayline.core.errors import DataError
from rayline.core.shown import counted
from rayline.sources import _csv, _csv_faults, _csv_look, _guessed, _pieces
from rayline.sources._columns import Kind, canonical, other_columns
from rayline.sources._csv_text import Dialect
from rayline.sources._guessed import GuessedSource
from rayline.sources._path_config import PathConfig
from rayline.sources._source import Fragment, Source

PLAIN = (".csv", ".tsv")
SUFFIXES = PLAIN + tuple(plain + packed for plain in PLAIN for packed in (".gz", ".bz2", ".zst"))
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
MOST_HINTS = 5
SIMPLE = re.compile("utf-8|ascii|iso8859|cp125|koi8")
"""Encodings, by Python's own names, whose bytes below 128 stand for ASCII alone."""


class Config(PathConfig):
    suffixes = SUFFIXES

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates values; `null`: whichever of comma, semicolon, tab and bar the header holds most of."""
    encoding: str = "utf8"
    """Character encoding, as Python names it: utf8, latin-1, cp1252."""
    decimal: Literal[".", ","] = "."
    """The decimal point of numbers."""
    missing: tuple[str, ...] = MISSING
    """Texts that stand for a missing value, in any column."""
    header: Annotated[tuple[str, ...], Field(min_length=1)] | Literal["none"] | None = None
    """Names of the columns, for files without a header line; `none` calls them column_1, column_2, …"""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    """What stands around a value with a delimiter or a line break in it, doubled within; `null`: nothing does."""
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    """What takes the next character's meaning away, such as a backslash; `null`: nothing does."""
    comment: str | None = Field(default=None, min_length=1)
    """What a line begins with that is to be left out; `null`: no line is."""
    ragged: Literal["refuse", "skip"] = "refuse"
    """Rows of more or fewer values than the header: an error with their lines, or left out, counted and reported."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("not a character encoding Python knows; try utf8, latin-1 or cp1252") from None
        return value

    @property
    def dialect(self) -> Dialect:
        return Dialect(
            delimiter=self.delimiter,
            encoding=self.encoding,
            decimal=self.decimal,
            missing=self.missing,
            header=self.header,
            quote=self.quote,
            escape=self.escape,
            comment=self.comment,
            ragged=self.ragged,
        )

    def build(self) -> Source:
        return CsvSource(self)


class CsvSource(GuessedSource):
    """Every file has the columns of the first, in any order."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.path, SUFFIXES, config.types)
        self.dialect = config.dialect
        self._skipped = 0
        """Ragged rows of the files that were read for their types."""

    def _cut(self, whole: Fragment) -> list[Fragment]:
        dialect = self.dialect
        # an escaped or commented quote, or a character with a quote's byte in it, would need every byte read in turn
        simple = not dialect.escape and not dialect.comment and SIMPLE.match(codecs.lookup(dialect.encoding).name)
        if not simple or not _pieces.divisible(whole):
            return [whole]
        delimiter = _csv.layout(whole, dialect).delimiter
        return _pieces.fragments(whole, quote=dialect.quote, delimiter=delimiter, header=dialect.header is None)

    def _decide(self) -> pa.Schema:
        schema = super()._decide()
        first = self.fragments()[0]
        layout = _csv.layout(first, self.dialect)
        kinds = {field.name: field.type for field in schema if field.name not in self.types}
        told = _csv_look.hints(_csv_look.peek(first, self.dialect), first.label, self.dialect, layout, kinds)
        self.notes.update(enumerate(told[:MOST_HINTS], start=-MOST_HINTS))  # before those of fragments
        return schema

    def _empty(self) -> DataError:
        if not self._skipped:
            return super()._empty()
        return DataError(
            f"{self.name} has no row of the header's length: ragged: skip leaves out {counted(self._skipped)}, which "
            "is all there is. Check data.source.delimiter and header."
        )

    def _infer(self, fragment: Fragment) -> tuple[dict[str, pa.DataType], int]:
        layout = _csv.layout(fragment, self.dialect)
        if self.settled:
            table, skipped = _csv.read(fragment, self.dialect, layout, {}, layout.names)
            self._skipped += skipped
        else:
            table = _csv.head(fragment, self.dialect, layout, _guessed.HEAD_BYTES)
        return {field.name: _kind(field.type) for field in table.schema}, table.num_rows

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        layout = _csv.layout(fragment, self.dialect)
        kinds = {field.name: field.type for field in self._schema}
        if set(layout.names) != set(kinds):
            raise other_columns(fragment.label, layout.names, self.fragments()[0].label, list(kinds))
        wanted = names or [layout.names[0]]  # one column at least: it counts the rows
        # where all rows were seen, a column of nulls is one of text without values
        fixed = {n: kinds[n] for n in wanted if not (self.settled and pa.types.is_null(kinds[n]))}
        try:
            table, skipped = _csv.read(fragment, self.dialect, layout, fixed, wanted)
            if skipped and fragment.index not in self.notes:
                self.notes[fragment.index] = _csv_faults.skipped(fragment, self.dialect, layout)
            _pieces.check_count(fragment, table.num_rows + skipped, header=self.dialect.header is None)
            return table
        except _csv.ConversionError as refused:
            seen = _csv.read(fragment, self.dialect, layout, {}, [refused.column])[0].column(0).type
            wider = self._wider(refused.column, _kind(seen))
            if wider is not None:
                raise self._refused(fragment, refused.column, wider) from None
            column, line = _csv.first_refused(fragment, self.dialect, layout, fixed, wanted)
        raise DataError(
            f"{fragment.label} line {line}: the value of column {column!r} cannot be read as {kinds[column]}. "
            f"Correct it, list it under data.source.missing, or give the column's type under data.source.types: "
            f"{{{column}: text}}."
        )


def _kind(found: pa.DataType) -> pa.DataType:
    """The type a column gets whose values look like `found`; null until a value says more."""
    return found if pa.types.is_null(found) else canonical(found)
