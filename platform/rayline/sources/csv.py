"""CSV files: one, a folder, a glob, or a URL; plain or compressed (.gz, .bz2, .zst).

Choose it for text tables with a header line. Column types are decided once, on all rows where the files are small
(64 MB together) and on each file's first megabytes where they are not, and are the same in every fragment; a file
is one fragment. Rows of unequal length are refused, with the line. For large data prefer Parquet: it is read in
pieces, column by column. Reference: RFC 4180; https://arrow.apache.org/docs/python/csv.html
"""

from __future__ import annotations

import codecs
from typing import Literal

import pyarrow as pa
from pydantic import Field, field_validator

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError
from rayline.sources import _csv, _files
from rayline.sources._columns import canonical, common, other_columns, unknown_column
from rayline.sources._source import Fragment, RefusedError, Source

PLAIN = (".csv", ".tsv")
SUFFIXES = PLAIN + tuple(plain + packed for plain in PLAIN for packed in (".gz", ".bz2", ".zst"))
MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
WHOLE_BYTES = 64 << 20
"""Files up to this size together are read whole to decide on types."""
HEAD_BYTES = 8 << 20
"""Of larger ones, this much of a file's beginning …"""
MOST_HEADS = 8
"""… of at most so many of the files, evenly spaced."""

Kind = Literal["integer", "number", "text", "boolean", "date", "time"]
KINDS: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
}


class Config(PluginConfig):
    path: str
    """A file, folder, glob or URL (`s3://`, `gs://`, `http(s)://`, any fsspec scheme)."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates values; `null`: whichever of comma, semicolon, tab and bar the header holds most of."""
    encoding: str = "utf8"
    """Character encoding, as Python names it: utf8, latin-1, cp1252."""
    decimal: Literal[".", ","] = "."
    """The decimal point of numbers."""
    missing: tuple[str, ...] = MISSING
    """Texts that stand for a missing value, in any column."""
    header: tuple[str, ...] | None = None
    """Names of the columns, for files without a header line."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("not a character encoding Python knows; try utf8, latin-1 or cp1252") from None
        return value

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims names of CSV files, and folders that hold some."""
        claimed = _files.has_suffix(text, SUFFIXES) or _files.folder_holds(text, SUFFIXES)
        return cls(path=text) if claimed else None

    def build(self) -> Source:
        return CsvSource(self)


class CsvSource(Source):
    """One fragment a file."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.dialect = _csv.Dialect(config.delimiter, config.encoding, config.decimal, config.missing, config.header)

    @property
    def name(self) -> str:
        return self.config.path

    def _find(self) -> list[Fragment]:
        found = _files.find(self.config.path, SUFFIXES)
        return [
            Fragment(place, file.label, uri=file.uri, path=file.path, file=place, size_bytes=file.size_bytes)
            for place, file in enumerate(found)
        ]

    def _decide(self) -> pa.Schema:
        fragments = self.fragments()
        self.settled = sum(f.size_bytes for f in fragments) <= WHOLE_BYTES
        kinds: dict[str, pa.DataType] = {}
        rows = 0
        for fragment in fragments if self.settled else fragments[:: -(-len(fragments) // MOST_HEADS)]:
            found, found_rows = self._infer(fragment)
            rows += found_rows
            if kinds and set(found) != set(kinds):
                raise other_columns(fragment.label, list(found), fragments[0].label, list(kinds))
            kinds = {column: common(kinds.get(column, pa.null()), found[column]) for column in (kinds or found)}
        if not rows:
            raise DataError(f"{self.name} has a header line and no rows. Give a file with rows.")
        for column, kind in self.config.types.items():
            if column not in kinds:
                raise unknown_column(f"data.source.types: {self.name}", column, list(kinds))
            kinds[column] = KINDS[kind]
        return pa.schema(list(kinds.items()))

    def _infer(self, fragment: Fragment) -> tuple[dict[str, pa.DataType], int]:
        """What the columns of a file look like, and how many rows said so."""
        layout = _csv.layout(fragment, self.dialect)
        if self.settled:
            table = _csv.read(fragment, self.dialect, layout, {}, layout.names)
        else:
            table = _csv.head(fragment, self.dialect, layout, HEAD_BYTES)
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
            return _csv.read(fragment, self.dialect, layout, fixed, wanted)
        except _csv.ConversionError as refused:
            wider = self._wider(fragment, layout, refused.column)
            if wider is not None:
                raise RefusedError(
                    f"{fragment.label}: column {refused.column!r} holds values that are no {kinds[refused.column]}, "
                    f"which it looked like at first. Read it by a scan, or give data.source.types.",
                    refused.column,
                    wider,
                ) from None
            column, line = _csv.first_refused(fragment, self.dialect, layout, fixed, wanted)
        raise DataError(
            f"{fragment.label} line {line}: the value of column {column!r} cannot be read as {kinds[column]}. "
            f"Correct it, list it under data.source.missing, or give the column's type under data.source.types: "
            f"{{{column}: text}}."
        )

    def _wider(self, fragment: Fragment, layout: _csv.Layout, column: str) -> pa.DataType | None:
        """The type that holds a column with this fragment's values too; `None` where text alone would."""
        if self.settled or column in self.config.types:
            return None
        kind = self._schema.field(column).type
        wider = common(kind, _kind(_csv.read(fragment, self.dialect, layout, {}, [column]).column(0).type))
        hopeless = wider == kind or (pa.types.is_string(wider) and not pa.types.is_null(kind))
        return None if hopeless else wider


def _kind(found: pa.DataType) -> pa.DataType:
    """The type a column gets whose values look like `found`; null until a value says more."""
    return found if pa.types.is_null(found) else canonical(found)
