"""PostgreSQL's types by number, and its rows as CSV: Arrow reads that several times faster than a driver's objects.

`COPY (SELECT …) TO STDOUT (FORMAT csv)` writes texts in quotes where they could be taken for a missing value, and
numbers so that they read back exactly. Reference: https://www.postgresql.org/docs/current/sql-copy.html
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

from rayline.sources._columns import SEQUENCE
from rayline.sources._values import UTC_TIME

BLOCK_BYTES = 32 << 20
"""CSV that is held at a time, about."""
# the same in every installation, https://www.postgresql.org/docs/current/catalog-pg-type.html
_PLAIN: dict[int, pa.DataType] = {
    16: pa.bool_(),
    **dict.fromkeys((20, 21, 23, 26), pa.int64()),
    **dict.fromkeys((700, 701, 1700), pa.float64()),
    **dict.fromkeys((18, 19, 25, 1042, 1043, 2950), pa.string()),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: UTC_TIME,
}
_OTHER: dict[int, pa.DataType] = {
    **dict.fromkeys((1083, 1266), pa.string()),  # times of day
    **dict.fromkeys((114, 3802), pa.string()),  # json and jsonb
    17: pa.binary(),
    **dict.fromkeys((1005, 1007, 1016, 1021, 1022, 1231), SEQUENCE),
}
_UNORDERED = frozenset({114, 3802, 17})


def kind(oid: int) -> pa.DataType | None:
    """The type that holds values of a type of PostgreSQL's; `None` for those that are seen by their values."""
    return _PLAIN.get(oid) or _OTHER.get(oid)


def is_ordered(oid: int) -> bool:
    """Whether rows can be, and need be, ordered by values of the type."""
    return oid in _PLAIN or (oid in _OTHER and oid not in _UNORDERED)


def is_plain(oid: int, wanted: pa.DataType) -> bool:
    """Whether `copy` reads values of the type as what is wanted of them."""
    return bool(_PLAIN.get(oid) == wanted)


def copy(connection: sa.Connection, statement: sa.Select[Any], kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """The rows of a statement whose columns are all plain.

    Raises:
        pa.ArrowInvalid: a value that Arrow does not read, such as a date in the year 20000.
        DBAPIError: as of any statement.
    """
    compiled = statement.compile(connection)
    driver = connection.connection.driver_connection
    assert driver is not None
    tables: list[pa.Table] = []
    with _wrapped(driver), driver.cursor() as cursor:
        for setting in ("TIME ZONE 'UTC'", "datestyle TO ISO", "client_encoding TO UTF8", "extra_float_digits TO 1"):
            cursor.execute(f"SET LOCAL {setting}")
        with cursor.copy(f"COPY ({compiled.string}) TO STDOUT (FORMAT csv)", compiled.params) as lines:
            block = io.BytesIO()
            for line in lines:  # one or several whole rows
                block.write(line)
                if block.tell() >= BLOCK_BYTES:
                    tables.append(_parsed(block, kinds))
                    block = io.BytesIO()
            if block.tell():
                tables.append(_parsed(block, kinds))
    return pa.concat_tables(tables) if tables else pa.schema(list(kinds.items())).empty_table()


@contextmanager
def _wrapped(driver: Any) -> Iterator[None]:
    """Errors of the driver as SQLAlchemy's, as they come from what it runs itself."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        kind = getattr(
            sa.exc, next(c.__name__ for c in type(error).__mro__ if c.__module__ == "psycopg"), sa.exc.DBAPIError
        )
        raise kind("COPY", None, error, connection_invalidated=driver.closed) from None


def _parsed(block: io.BytesIO, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    size = block.tell()
    block.seek(0)
    return pacsv.read_csv(
        block,
        pacsv.ReadOptions(column_names=list(kinds), use_threads=False, block_size=size + 1),
        pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        pacsv.ConvertOptions(
            column_types=dict(kinds), null_values=[""], true_values=["t"], false_values=["f"],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        ),
    )  # fmt: skip
