"""What a table declares of its columns, and how a batch is made to fit.

A type is one of the eight that sources give: int64, float64, bool, string, date32, timestamp[us] (or
timestamp[us, UTC]), binary, list<float64>. A batch may lack columns that take missing values and may bring new ones;
it may not change a type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from rayline.core.columns import ROW
from rayline.core.errors import DataError, InputError, listing, nearest

TYPES: dict[str, pa.DataType] = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "date32": pa.date32(),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "list<float64>": pa.list_(pa.float64()),
}
MEANT = {
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "text": "string",
    "date": "date32",
    "time": "timestamp[us]",
}
"""Types by the names that specs use."""
KINDS = {kind: name for name, kind in TYPES.items()}
WIDENS = {(pa.int64(), pa.float64()), (pa.date32(), pa.timestamp("us"))}
"""What a column of the second type takes of the first: every value stays what it is."""


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    """A key of TYPES."""
    nullable: bool = True

    @property
    def type(self) -> pa.DataType:
        return TYPES[self.kind]

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}{'' if self.nullable else '!'}"


Columns = tuple[Column, ...]


def parse(text: str) -> Columns:
    """Columns from `NAME:TYPE, …`, a `!` after the type of those that are never missing; types of TYPES, or of MEANT.

    >>> [str(column) for column in parse("day:date, n:integer!")]
    ['day:date32', 'n:int64!']
    >>> [str(column) for column in parse("id:int64!, when:timestamp[us, UTC], x:float64")]
    ['id:int64!', 'when:timestamp[us, UTC]', 'x:float64']

    Raises:
        InputError: no columns, a type that is none, or a name twice.
    """
    columns = []
    for part in re.split(r",(?![^\[]*\])", text):
        name, mark, kind = part.strip().rpartition(":")
        required = kind.endswith("!")
        kind = kind.removesuffix("!").strip()
        kind = MEANT.get(kind, kind)
        if not mark or not name.strip():
            raise InputError(
                f"--schema: {part.strip()!r} is not NAME:TYPE, such as age:int64. Separate columns by commas."
            )
        if kind not in TYPES:
            raise InputError(
                f"--schema: column {name.strip()!r} has type {kind!r}.{nearest(kind, [*MEANT, *TYPES])} "
                f"Types: {listing([*MEANT, *TYPES])}."
            )
        columns.append(Column(name.strip(), kind, not required))
    return checked(columns, "--schema")


def checked(columns: Iterable[Column], where: str) -> Columns:
    """`columns`, if a table may have them.

    Raises:
        InputError: a name twice, empty, or one that Rayline keeps.
    """
    made = tuple(columns)
    names = [column.name for column in made]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"{where} names {listing(map(repr, twice))} more than once. Give each column its own name.")
    if ROW in names:
        raise InputError(f"{where} has a column {ROW!r}, a name Rayline keeps for a row's position. Rename it.")
    if "" in names:
        raise InputError(f"{where} has a column without a name. Name it.")
    return made


def of_schema(schema: pa.Schema, where: str) -> Columns:
    """The columns of an Arrow schema, those of type null left out: nothing is known of them yet.

    Raises:
        DataError: a type that is none of the eight.
    """
    columns = []
    for field in schema:
        if field.name == ROW or pa.types.is_null(field.type):
            continue
        if field.type not in KINDS:
            raise DataError(
                f"{where}: column {field.name!r} holds {field.type}, which a lake does not keep. "
                f"Types: {listing(TYPES)}."
            )
        columns.append(Column(field.name, KINDS[field.type]))
    try:
        return checked(columns, where)
    except InputError as error:
        raise DataError(str(error)) from None


def arrow(columns: Sequence[Column]) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.type) for column in columns])


def widened(declared: Columns, schema: pa.Schema, where: str, *, curated: bool = False) -> Columns:
    """`declared`, then the columns that only a batch of `schema` has; of a `curated` table there are none.

    Raises:
        DataError: no column in common; a column that is never missing is not there; a new one looks like a declared
            one that is not there, or comes to a curated table; or a type that is none of the eight.
    """
    names = [column.name for column in declared]
    lacking = [column for column in declared if column.name not in schema.names]
    new = tuple(column for column in of_schema(schema, where) if column.name not in names)
    if len(lacking) == len(declared):
        raise DataError(
            f"{where} has no column of the table's: it has {listing(schema.names)}, and the table {listing(names)}. "
            "Nothing was added. Name the file's columns as the table's are, append what belongs there, or make another "
            "table: rayline lake create NAME."
        )
    if curated and new:
        meant = next(filter(None, (nearest(column.name, [lost.name for lost in lacking]) for column in new)), "")
        raise DataError(
            f"{where} has {listing([repr(column.name) for column in new])}, and this curated table declares "
            f"{listing(names)} alone.{meant} Nothing was added. Leave out of the data what is not declared, or make a "
            "table that declares it: rayline lake create NAME --zone curated --like DATA (or --schema)."
        )
    for column in new:
        meant = nearest(column.name, [lost.name for lost in lacking])
        if meant:
            raise DataError(
                f"{where} has a column {column.name!r} that the table does not have, and lacks one of its own.{meant} "
                "Rename it in the data; to keep it as a new column, give the other one too."
            )
    for column in lacking:
        if not column.nullable:
            raise DataError(
                f"{where} lacks column {column.name!r}, which the table declares as never missing. "
                f"Columns: {listing(schema.names)}."
            )
    return declared + new


def conform(table: pa.Table, columns: Columns, where: str, first_row: int = 0) -> pa.Table:
    """`table` in exactly `columns`: missing ones as nulls, NaN as null, whole numbers as fractions where meant.

    Raises:
        DataError: another type, or a missing value where none may be; with the column and the first such row.
    """
    arrays = [_column(table, column, where, first_row) for column in columns]
    return pa.table(arrays, schema=arrow(columns))


def _column(table: pa.Table, column: Column, where: str, first_row: int) -> pa.ChunkedArray:
    if column.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, column.type)])
    values = table.column(column.name)
    if values.type != column.type:
        values = _cast(values, column, where)
    if pa.types.is_floating(column.type):
        nan = pc.is_nan(values)
        if pc.any(nan).as_py():
            values = pc.if_else(nan, pa.scalar(None, column.type), values)
    if not column.nullable and values.null_count:
        row = first_row + pc.index(pc.is_null(values), True).as_py()
        raise DataError(
            f"{where}: column {column.name!r} has no value in row {row + 1:,}, the first of "
            f"{values.null_count:,} here, and the table declares it as never missing. Give the values, or take the "
            "rows out."
        )
    return values


def _cast(values: pa.ChunkedArray, column: Column, where: str) -> pa.ChunkedArray:
    if values.null_count == len(values):  # a column without any value may have come as any type
        return pa.chunked_array([pa.nulls(len(values), column.type)])
    if (values.type, column.type) in WIDENS:
        try:
            return values.cast(column.type)
        except pa.ArrowInvalid:
            raise DataError(
                f"{where}: column {column.name!r} holds whole numbers beyond 2^53, which {column.kind} "
                "does not hold exactly. Scale them, or create another table."
            ) from None
    raise DataError(
        f"{where}: column {column.name!r} holds {KINDS.get(values.type, values.type)} where the table keeps "
        f"{column.kind}. A table's types never change: convert the data, or create another table."
    )
