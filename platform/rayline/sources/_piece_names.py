"""How messages name the rows of one piece of a table or query: as the statement that finds them again.

Row 5 of `orders piece 2 of 8 (where id >= 100 and id < 200 order by id)` is what `select * from orders where id >= 100
and id < 200 order by id limit 1 offset 4` gives.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections.abc import Sequence
from typing import Any

LONGEST = 60
"""Letters of a bound that are shown."""
MOST_ORDERED = 4
"""Columns of the order that are shown."""
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def piece_name(low: Any, high: Any, column: str, order: Sequence[str], *, private: bool) -> str:
    """Which rows a piece holds, and in what order they are counted.

    Args:
        low: of `column`, included; `None` for the first piece, which holds the rows without a value too.
        high: excluded; `None` for the last.
        column: that the pieces are ranges of.
        order: of the rows within each.
        private: whether no value of `column` may be shown.

    >>> piece_name(100, 200, "id", ["id"], private=False)
    'where id >= 100 and id < 200 order by id'
    >>> piece_name(None, "K", "Name", ["Name", "id"], private=False)
    'where "Name" < \\'K\\' or "Name" is null order by "Name", id'
    >>> piece_name(100, None, "id", ["id"], private=True)
    'a range of id, which is private, order by id'
    """
    name = _name(column)
    if private:
        rows = f"a range of {name}, which is private,"
    elif low is None:
        rows = f"where {name} < {_value(high)} or {name} is null"
    else:
        rows = f"where {name} >= {_value(low)}" + ("" if high is None else f" and {name} < {_value(high)}")
    more = ", …" if len(order) > MOST_ORDERED else ""
    return f"{rows} order by {', '.join(map(_name, order[:MOST_ORDERED]))}{more}"


def _name(column: str) -> str:
    return column if _PLAIN.fullmatch(column) else '"' + column.replace('"', '""') + '"'


def _value(value: Any) -> str:
    if isinstance(value, bool | int | float | decimal.Decimal):
        return str(value).lower()
    text = value.isoformat(sep=" ") if isinstance(value, dt.datetime) else str(value)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "'" + text.replace("'", "''") + "'"
