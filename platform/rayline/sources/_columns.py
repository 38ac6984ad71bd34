"""The eight types that columns of every source come in, and the names they may have.

int64, float64, bool, string, date32, timestamp[us], binary (an encoded image or a sound), list<float64> (a sequence):
whatever a file holds, later rooms meet these few. NaN becomes null; a column without any value is a string column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest

SEQUENCE = pa.list_(pa.float64())

Kind = Literal["integer", "number", "text", "boolean", "date", "time"]
KINDS: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
}
"""What specs call types that are given instead of guessed."""


def unknown_column(where: str, column: str, columns: Sequence[str]) -> DataError:
    """The error for a column that was asked for and is not there."""
    return DataError(f"{where} has no column {column!r}.{nearest(column, columns)} Columns: {listing(columns)}.")


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse names that would make two columns one.

    Raises:
        DataError: a name twice, one that Polars reads as a pattern, or the reserved ROW.
    """
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise DataError(f"{where} has more than one column called {listing(map(repr, twice))}. Give each its own name.")
    if ROW in names:
        raise DataError(f"{where} has a column {ROW!r}, a name Rayline keeps for a row's position. Rename it.")
    patterns = [name for name in names if name == "*" or (name.startswith("^") and name.endswith("$"))]
    if patterns:
        raise DataError(f"{where} has a column {patterns[0]!r}, a name that stands for many columns. Rename it.")
    if not names:
        raise DataError(f"{where} has no columns.")


def canonical(kind: pa.DataType) -> pa.DataType | None:
    """The one of the eight types that holds values of `kind`; `None` for those that cannot be learnt from."""
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
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    if _is_list(kind) and canonical(kind.value_type) in (pa.int64(), pa.float64(), pa.bool_()):
        return SEQUENCE
    return None


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind)) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind)) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def canonical_schema(
    schema: pa.Schema, where: str, only: Sequence[str] | None = None, *, nulls: bool = False
) -> pa.Schema:
    """`schema` in the eight types, columns `only` of it where given.

    With `nulls`, a column that is of no type, for want of values, stays so: another file may say of which it is.

    Raises:
        DataError: a column asked for that is not there, or one of a type nothing here learns from.
    """
    check_names(schema.names, where)
    found_types = dict(zip(schema.names, schema.types, strict=True))
    fields = []
    for column in schema.names if only is None else only:
        if column not in found_types:
            raise unknown_column(where, column, schema.names)
        found = found_types[column]
        kind = found if nulls and pa.types.is_null(found) else canonical(found)
        if kind is None:
            raise DataError(
                f"{where}: column {column!r} holds {found}. Numbers, text, booleans, dates, bytes and lists of numbers "
                "can be read; name the columns to read in data.source: {…, columns: […]}."
            )
        fields.append(pa.field(column, kind))
    return pa.schema(fields)


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The one of the eight types, or null, that holds what both hold."""
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


ENCODED = pa.dictionary(pa.int32(), pa.string())
"""Texts that are kept once each: what a reader may hand on where its caller takes it."""


def fit(column: pa.ChunkedArray, kind: pa.DataType, name: str, where: str, *, encoded: bool = False) -> pa.ChunkedArray:
    """`column` in type `kind`, NaN as null; with `encoded`, texts that come as a dictionary stay one.

    Raises:
        DataError: a value that the type does not hold.
    """
    if encoded and column.type == ENCODED and kind == pa.string():
        return column
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
        DataError: a file with other columns, or with values that no type holds together with those of others.
    """
    label, first = schemas[0]
    kinds = dict(zip(first.names, first.types, strict=True))
    for other_label, schema in schemas[1:]:
        if set(schema.names) != set(kinds):
            raise other_columns(other_label, schema.names, label, first.names)
        others = dict(zip(schema.names, schema.types, strict=True))
        for column, kind in kinds.items():
            kinds[column] = both = common(kind, others[column])
            if pa.types.is_string(both) and {kind, others[column]} & {SEQUENCE, pa.binary()}:
                raise DataError(
                    f"{other_label}: column {column!r} holds {others[column]}, and in files before it {kind}. Write "
                    "them with one type, or leave the column out: data.source: {…, columns: […]}."
                )
    return pa.schema(list(kinds.items()))


def other_columns(label: str, found: Sequence[str], first: str, expected: Sequence[str]) -> DataError:
    """The error for a file whose columns are not those of the first."""
    there, wanted = set(found), set(expected)
    lacks, more = [c for c in expected if c not in there], [c for c in found if c not in wanted]
    differences = [f"{verb} {listing(map(repr, names))}" for verb, names in (("lacks", lacks), ("adds", more)) if names]
    return DataError(
        f"{label} does not have the columns of {first}: it {' and '.join(differences)}. "
        "Files of one source have the same columns."
    )
