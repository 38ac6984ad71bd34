"""What Polars makes of one value, in plain Python and equal bit for bit: arithmetic, comparisons, conditions, tables.

`None` is missing. Numbers are floats or whole numbers, never both in one operation: Polars would bring them to one
type, and a tree of operations says so by a cast. Left out, because no rule says how their last bit comes about: powers,
logarithms, rounding to digits. What is done to texts is in `_row_texts.py`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from rayline.prepare import _row_texts as texts

Kind = Literal["float", "int", "bool", "text", "date", "time", "zoned", "null"]
Operation = Callable[..., Any]


def divided(a: float, b: float) -> float:
    """`a / b` as the processor has it, where Python raises."""
    if b:
        return a / b
    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


# in Polars' order NaN equals itself and lies above all else
def _same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _above(a: float, b: float) -> bool:
    return a > b or (math.isnan(a) and not math.isnan(b))


def _both(operation: Operation) -> Operation:
    """Missing where either value is."""
    return lambda a, b: None if a is None or b is None else operation(a, b)


def _given(operation: Operation) -> Operation:
    """Missing where the value is."""
    return lambda a: None if a is None else operation(a)


def _and(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _or(a: bool | None, b: bool | None) -> bool | None:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


def chosen(condition: bool | None, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, `no` where it does not or is missing."""
    return yes if condition else no


def filled(a: Any, b: Any) -> Any:
    """`b` where `a` is missing."""
    return b if a is None else a


BINARY: dict[tuple[str, Kind], tuple[Operation, Kind]] = {
    ("Plus", "float"): (_both(operator.add), "float"),
    ("Minus", "float"): (_both(operator.sub), "float"),
    ("Multiply", "float"): (_both(operator.mul), "float"),
    ("And", "bool"): (_and, "bool"),
    ("Or", "bool"): (_or, "bool"),
}
"""By Polars' name and the kind of both values: the operation and the kind of its result."""
BINARY |= {
    ("Eq", "float"): (_both(_same), "bool"),
    ("NotEq", "float"): (_both(lambda a, b: not _same(a, b)), "bool"),
    ("Gt", "float"): (_both(_above), "bool"),
    ("Lt", "float"): (_both(lambda a, b: _above(b, a)), "bool"),
    ("GtEq", "float"): (_both(lambda a, b: not _above(b, a)), "bool"),
    ("LtEq", "float"): (_both(lambda a, b: not _above(a, b)), "bool"),
}
_ORDERED: tuple[Kind, ...] = ("int", "time")
BINARY |= {("Gt", kind): (_both(operator.gt), "bool") for kind in _ORDERED}
BINARY |= {("Lt", kind): (_both(operator.lt), "bool") for kind in _ORDERED}
BINARY |= {("GtEq", kind): (_both(operator.ge), "bool") for kind in _ORDERED}
BINARY |= {("LtEq", kind): (_both(operator.le), "bool") for kind in _ORDERED}
_EXACT: tuple[Kind, ...] = ("int", "text", "bool", "time")
BINARY |= {("Eq", kind): (_both(operator.eq), "bool") for kind in _EXACT}
BINARY |= {("NotEq", kind): (_both(operator.ne), "bool") for kind in _EXACT}
DIVISION = _both(divided)

_ANY: tuple[Kind, ...] = ("float", "date", *_EXACT)
UNARY: dict[tuple[str, Kind], tuple[Operation, Kind]] = {
    ("Abs", "float"): (_given(abs), "float"),
    ("Negate", "float"): (_given(operator.neg), "float"),
    ("Floor", "float"): (_given(lambda a: float(np.floor(a))), "float"),
    ("Ceil", "float"): (_given(lambda a: float(np.ceil(a))), "float"),
    ("Sqrt", "float"): (_given(lambda a: math.nan if a < 0 else math.sqrt(a)), "float"),
    ("IsFinite", "float"): (_given(math.isfinite), "bool"),
    ("IsNotNan", "float"): (_given(lambda a: not math.isnan(a)), "bool"),
    ("Not", "bool"): (_given(operator.not_), "bool"),
    **{("IsNull", kind): (lambda a: a is None, "bool") for kind in _ANY},
    **{("IsNotNull", kind): (lambda a: a is not None, "bool") for kind in _ANY},
}
"""By Polars' name and the kind of the value."""

CASTS: dict[tuple[Kind, Kind], Operation | None] = {
    ("float", "float"): None,
    ("int", "int"): None,
    ("bool", "bool"): None,
    ("text", "text"): None,
    ("int", "float"): _given(float),
    ("bool", "float"): _given(float),
    ("bool", "int"): _given(int),
    ("int", "text"): _given(str),
    ("bool", "text"): _given(lambda a: "true" if a else "false"),
    ("date", "date"): None,
    ("time", "time"): None,
    ("date", "time"): texts.as_time,
    ("time", "date"): texts.as_day,
    ("null", "float"): None,
    ("null", "bool"): None,
}
"""From a kind to another; `None` where the value stays as it is."""


def clipped(low: float | None, high: float | None) -> Operation:
    """A number brought within limits."""

    def clip(a: Any) -> Any:
        if a is None:
            return None
        if low is not None and a < low:
            return low
        return high if high is not None and a > high else a

    return clip


def among(values: frozenset[Any]) -> Operation:
    """Whether a value is one of those, none of which is missing or NaN."""
    return lambda a: None if a is None else a in values


def looked_up(table: Mapping[Any, Any]) -> Operation:
    """What stands for a value in a table without missing keys, else the second argument."""
    return lambda a, default: table.get(a, default) if a is not None else default


def extreme(pick: Callable[[Any], Any]) -> Operation:
    """The least or greatest of some numbers, of which missing ones are left out and none is NaN."""
    return lambda *values: pick([value for value in values if value is not None], default=None)  # type: ignore[call-arg]


def total(*values: int | None) -> int:
    """The sum of whole numbers, missing ones left out."""
    return sum(value for value in values if value is not None)
