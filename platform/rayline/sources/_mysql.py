"""MySQL and MariaDB: types by number, connections that do not wait for ever, and rows in an order of their own.

What drivers tell of a column is its type's number and its width. A `tinyint(1)`, which `boolean` is another name for,
is one of truths where its values agree; `timestamp`s are of UTC, whatever the server's zone is; dates that are none
(`0000-00-00`, `2024-02-00`) are missing.
Reference: https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from rayline.sources._values import UTC_TIME

BACKENDS = ("mysql", "mariadb")
# rows are only read, and a timestamp is the same instant whatever the server's zone is
SESSION = ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'")
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
NO_DATABASE = 1046
VALUE_FAULTS = frozenset({1105, 1264, 1265, 1292, 1366, 1406, 1411, 1525, 1690, 3140, 3141, 3156})
"""Errors whose messages quote a value."""
_TINY, _FLOAT, _TIMESTAMP, _BIT, _JSON, _GEOMETRY = 1, 4, 7, 16, 245, 255
_TIMES: dict[int, pa.DataType] = {
    **dict.fromkeys((10, 14), pa.date32()),
    12: pa.timestamp("us"),
    _TIMESTAMP: UTC_TIME,
}
_KINDS: dict[int, pa.DataType] = {
    **dict.fromkeys((_TINY, 2, 3, 9, 13), pa.int64()),
    **dict.fromkeys((0, _FLOAT, 5, 246), pa.float64()),
    **dict.fromkeys((11, _JSON), pa.string()),
    **_TIMES,
}
_UNORDERED = frozenset({_JSON, _GEOMETRY})
_TEXTS = frozenset({15, *range(247, 255)})


def arguments(timeout_s: float) -> dict[str, Any]:
    """What a driver is given to connect with: as long as nothing is asked, no answer takes longer than `timeout_s`."""
    seconds = max(1, round(timeout_s))
    return {"connect_timeout": seconds, "read_timeout": seconds, "write_timeout": seconds}


def prepare(connection: Any, _record: Any) -> None:
    """Make a session of a new connection. A statement may take its time; a machine that is gone is noticed."""
    cursor = connection.cursor()
    for statement in SESSION:
        cursor.execute(statement)
    cursor.close()
    if hasattr(connection, "_read_timeout"):  # PyMySQL has one for the handshake and for all that follows it
        connection._read_timeout = connection._write_timeout = None
    tcp = getattr(connection, "_sock", None)
    for option, value in KEEPALIVE.items():
        with suppress(OSError, AttributeError):  # a socket of Unix's, or a system without the option
            tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)  # type: ignore[union-attr]


def abandon(connection: Any) -> None:
    """Have a driver not fetch the rows that are left when its connection is closed."""
    result = getattr(connection, "_result", None)
    if result is not None:
        result.unbuffered_active = False


def kind(description: Sequence[Any], *, truths: bool) -> pa.DataType | None:
    """The type that holds a column's values; `truths`: those of a `tinyint(1)` are all 0 or 1.

    `None` where values say it: texts and bytes are of the same types, and whole numbers with or without a sign are.
    """
    code, width = description[1], description[3]
    if code == _BIT:
        return pa.bool_() if width == 1 else pa.int64() if width < 64 else pa.float64()
    return pa.bool_() if truths and may_be_truth(description) else _KINDS.get(code)


def may_be_truth(description: Sequence[Any]) -> bool:
    """Whether a column is a `tinyint(1)`, of any small numbers."""
    return bool(description[1] == _TINY and description[3] == 1)


def plain(values: Sequence[Any], description: Sequence[Any], wanted: pa.DataType) -> tuple[Sequence[Any], int]:
    """Values as they are read as `wanted`: bits as numbers, dates that are none as missing; how many of these were."""
    code = description[1]
    if code == _BIT:
        return [None if value is None else _number(value) for value in values], 0
    if code not in _TIMES or pa.types.is_string(wanted):
        return values, 0
    # the driver leaves what is no date as the text it is
    none = sum(isinstance(value, str) for value in values)
    return ([None if isinstance(value, str) else value for value in values] if none else values), none


def selected(column: sa.ColumnElement[Any], code: int) -> sa.ColumnElement[Any]:
    """A column as it is asked for: the server writes a float in six digits, and a double in as many as it has."""
    return (column * sa.literal_column("1e0")).label(column.name) if code == _FLOAT else column


def is_ordered(code: int) -> bool:
    """Whether rows can be, and need be, ordered by values of the type."""
    return code not in _UNORDERED


def is_text(code: int) -> bool:
    """Whether values that differ may count as equal: texts of other capitals, accents or blanks at the end."""
    return code in _TEXTS


def _number(value: Any) -> int:
    return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)
