"""What every source is: an ordered list of fragments, one schema, and a reader of one fragment.

Columns come in six Arrow types, whatever the file holds, so that every later room meets the same few: int64,
float64, bool, string, date32, timestamp[us]. NaN becomes null; a column without any value is a string column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest

FILE_SHIFT = 40
"""A row's key is its file's place shifted by this many bits, plus its place in the file."""


@dataclass(frozen=True)
class Fragment:
    """A piece of a source that one task reads. Pieces depend on the data alone, never on the cluster."""

    index: int
    label: str
    """For people: `adult.csv`, `part-1.parquet row groups 0-3`."""
    uri: str = ""
    """Tells the filesystem of `path`; empty where there is no file."""
    path: str = ""
    file: int = 0
    """The file's place among the source's files, by path."""
    parts: tuple[int, ...] = ()
    """Row groups or record batches of the file; empty for all of it."""
    first_row: int = 0
    """Rows of the file before this fragment."""
    size_bytes: int = 0
    """About how many bytes it takes to read."""


class RefusedError(DataError):
    """A value that does not fit its column's type, where a wider type would hold it and every fragment so far."""

    def __init__(self, message: str, column: str, wider: pa.DataType) -> None:
        super().__init__(message)
        self.column = column
        self.wider = wider

    def __reduce__(self) -> tuple[type[RefusedError], tuple[str, str, pa.DataType]]:
        return RefusedError, (str(self), self.column, self.wider)


class Source(ABC):
    """Rows in fragments. Picklable: a task on another machine reads any fragment by itself."""

    settled = True
    """Whether the schema was decided on all rows. If not, a scan may meet a value that widens it."""

    @cached_property
    def _fragments(self) -> list[Fragment]:
        return self._find()

    @cached_property
    def _schema(self) -> pa.Schema:
        schema = self._decide()
        check_names(schema.names, self.name)
        return schema

    @property
    @abstractmethod
    def name(self) -> str:
        """What the source is called in messages: the path, or the set's name."""

    @abstractmethod
    def _find(self) -> list[Fragment]:
        """The fragments, in order."""

    @abstractmethod
    def _decide(self) -> pa.Schema:
        """The columns, in the six types."""

    @abstractmethod
    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        """Columns `names` of a fragment, in any types and order."""

    @final
    def fragments(self) -> list[Fragment]:
        """The fragments, in order: files by path, then by place in the file.

        Raises:
            DataError: nothing is there, or it cannot be read.
        """
        return self._fragments

    @final
    def schema(self) -> pa.Schema:
        """The columns (without ROW), the same for every fragment; decided once.

        Raises:
            DataError: the files cannot be read, are empty, or disagree on their columns.
        """
        return self._schema

    @final
    def read(self, fragment: Fragment, columns: Sequence[str] | None = None) -> pa.Table:
        """`columns` (default: all) of one fragment in the order asked for, then ROW.

        Raises:
            DataError: a column that is not there, or a file (named, with the line) that cannot be read.
        """
        schema = self.schema()
        names = list(dict.fromkeys(n for n in (schema.names if columns is None else columns) if n != ROW))
        for column in names:
            if column not in schema.names:
                raise unknown_column(self.name, column, schema.names)
        table = self._read(fragment, names)
        arrays = [fit(table.column(n), schema.field(n).type, n, fragment.label) for n in names]
        start = (fragment.file << FILE_SHIFT) + fragment.first_row
        rows = pa.array(np.arange(start, start + table.num_rows, dtype=np.int64))
        return pa.table(
            [*arrays, rows], schema=pa.schema([*(schema.field(n) for n in names), pa.field(ROW, pa.int64())])
        )

    def widen(self, changes: Mapping[str, pa.DataType]) -> None:
        """Change types in the schema, after a fragment refused a value (`RefusedError`); scans then begin again."""
        fields = [f.with_type(changes.get(f.name, f.type)) for f in self.schema()]
        self.__dict__["_schema"] = pa.schema(fields)

    def settle(self) -> None:
        """A scan has read every value of every column: the types hold."""
        self.settled = True


def unknown_column(where: str, column: str, columns: Sequence[str]) -> DataError:
    """The error for a column that was asked for and is not there."""
    return DataError(f"{where} has no column {column!r}.{nearest(column, columns)} Columns: {listing(columns)}.")


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse names that would make two columns one.

    Raises:
        DataError: a name twice, or the reserved ROW.
    """
    twice = sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{where} has more than one column called {listing(map(repr, twice))}. Give each its own name.")
    if ROW in names:
        raise DataError(f"{where} has a column {ROW!r}, a name Rayline keeps for a row's position. Rename it.")
    if not names:
        raise DataError(f"{where} has no columns.")


def canonical(kind: pa.DataType) -> pa.DataType | None:
    """The one of the six types that holds values of `kind`; `None` for those that cannot be learnt from."""
    if pa.types.is_dictionary(kind):
        return canonical(kind.value_type)
    if pa.types.is_uint64(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_boolean(kind):
        return pa.bool_()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if pa.types.is_null(kind) or pa.types.is_time(kind) or _is_text(kind):
        return pa.string()
    return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind)) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def canonical_schema(schema: pa.Schema, where: str, only: Sequence[str] | None = None) -> pa.Schema:
    """`schema` in the six types, columns `only` of it where given.

    Raises:
        DataError: a column asked for that is not there, or one of a type nothing here learns from.
    """
    fields = []
    for column in schema.names if only is None else only:
        if column not in schema.names:
            raise DataError(
                f"{where} has no column {column!r}.{nearest(column, schema.names)} Columns: {listing(schema.names)}."
            )
        found = schema.field(column).type
        kind = canonical(found)
        if kind is None:
            raise DataError(
                f"{where}: column {column!r} holds {found}. Numbers, text, booleans and dates can be read; "
                "name the columns to read in data.source: {…, columns: […]}."
            )
        fields.append(pa.field(column, kind))
    return pa.schema(fields)


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The one of the six types, or null, that holds what both hold."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    both = {one, other}
    if both == {pa.int64(), pa.float64()}:
        return pa.float64()
    if both == {pa.date32(), pa.timestamp("us")}:
        return pa.timestamp("us")
    return pa.string()


def fit(column: pa.ChunkedArray, kind: pa.DataType, name: str, where: str) -> pa.ChunkedArray:
    """`column` in type `kind`, NaN as null.

    Raises:
        DataError: a value that the type does not hold.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type != kind:
        try:
            column = column.cast(kind, safe=not (pa.types.is_timestamp(kind) or pa.types.is_floating(kind)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{where}: column {name!r} ({column.type}) cannot be read as {kind}: {error}") from None
    if pa.types.is_floating(kind):
        nan = pc.is_nan(column)
        if pc.any(nan).as_py():
            column = pc.if_else(nan, pa.scalar(None, kind), column)
    return column


def union(schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema for files of the same columns, in the first one's order; each given with its file's label.

    Raises:
        DataError: a file with other columns.
    """
    label, first = schemas[0]
    kinds = dict(zip(first.names, first.types, strict=True))
    for other_label, schema in schemas[1:]:
        if set(schema.names) != set(kinds):
            raise other_columns(other_label, schema.names, label, first.names)
        kinds = {column: common(kind, schema.field(column).type) for column, kind in kinds.items()}
    return pa.schema(list(kinds.items()))


def other_columns(label: str, found: Sequence[str], first: str, expected: Sequence[str]) -> DataError:
    """The error for a file whose columns are not those of the first."""
    lacks, more = [c for c in expected if c not in found], [c for c in found if c not in expected]
    differences = [f"{verb} {listing(map(repr, names))}" for verb, names in (("lacks", lacks), ("adds", more)) if names]
    return DataError(
        f"{label} does not have the columns of {first}: it {' and '.join(differences)}. "
        "Files of one source have the same columns."
    )
