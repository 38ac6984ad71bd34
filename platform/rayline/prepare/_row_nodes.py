"""Nodes of operations on single values, and what reading the JSON of Polars' trees has in common."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from rayline.prepare._row_operations import Kind

Tree = dict[str, Any]

KINDS: dict[pl.DataType, Kind] = {
    pl.Float64(): "float",
    pl.Int64(): "int",
    pl.Boolean(): "bool",
    pl.String(): "text",
    pl.Date(): "date",
    pl.Datetime("us"): "time",
    pl.Null(): "null",
}
NAMES: dict[str, Kind] = {"Float64": "float", "Int64": "int", "Boolean": "bool", "String": "text", "Date": "date"}
ZONES: list[tuple[Any, Kind]] = [
    ({"Datetime": ["Microseconds", None]}, "time"),
    ({"Datetime": ["Microseconds", {"inner": "UTC"}]}, "zoned"),
]
TYPES: dict[Kind | None, type] = {"float": float, "int": int, "bool": bool, "text": str}


@dataclass(frozen=True, eq=False)
class Node:
    """A value: given, constant, or made by a function of others."""

    kind: Kind | None
    """`None` where only Polars can work on it."""
    function: Callable[..., Any] | None = None
    parts: tuple[Node, ...] = ()
    constant: Any = None
    written: bool = False
    """Whether it is the constant."""
    free: bool = False
    """Whether it is a number that takes the type of what it meets."""


class UnknownError(Exception):
    """A tree that is not read."""


def kind_of(dtype: pl.DataType) -> Kind | None:
    """What values of a column are to operations on single values, if anything."""
    return KINDS.get(dtype)


def leaf(kind: Kind | None) -> Node:
    """A value that is given."""
    return Node(kind)


LONGER = {"Append": {"upcast": True}}


def name_and_options(function: Any) -> tuple[Any, Any]:
    """Of a function in a tree; `None` for options where it has none."""
    return next(iter(function.items())) if isinstance(function, dict) else (function, None)


def kind_named(dtype: Any) -> Kind:
    """The kind of a type in a tree."""
    return NAMES[dtype] if isinstance(dtype, str) else next(kind for known, kind in ZONES if known == dtype)


def is_longer(operation: Tree) -> bool:
    """Whether both sides of a binary operation are columns of one row more."""
    sides = [operation[side].get("Function", {}) for side in ("left", "right")]
    return all(side.get("function") == LONGER for side in sides)


def listed(tree: Tree) -> list[Any]:
    """The values of a list that was written out."""
    ((name, _),) = tree.items()
    if name != "Literal":
        raise UnknownError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expression = pl.Expr.deserialize(io.StringIO(orjson.dumps(tree).decode()), format="json")
    found = pl.select(expression).item()
    if not isinstance(found, pl.Series):
        raise UnknownError
    return found.to_list()
