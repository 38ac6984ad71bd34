"""Polars' trees of operations, as it writes them in JSON, as operations on single values.

What JSON Polars writes is no promise of it: whatever is not known here, by its name or by its form, is not read, and
the contract tests hold what is read against Polars itself.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import polars as pl

from rayline.prepare import _row_operations as operations
from rayline.prepare import _row_texts as texts
from rayline.prepare._row_nodes import (
    LONGER,
    NAMES,
    TYPES,
    Node,
    Tree,
    UnknownError,
    is_longer,
    kind_named,
    listed,
    name_and_options,
)  # fmt: skip
from rayline.prepare._row_operations import Kind
from rayline.prepare.clean._cleaner import refusing

_NOTHING = {"Literal": {"Scalar": {"Null": "Null"}}}
_REFUSING = f"{refusing.__qualname__}.<locals>.check".encode()
"""By which a function of `refusing` is known; nothing else has a place among what is computed here."""
_ONE_MORE = {"Literal": {"Dyn": {"Float": 1.0}}}


class Trees:
    """Reads trees; what two of them share is one node."""

    def __init__(self, *, tentative: bool = False) -> None:
        """
        Args:
            tentative: whether operations may be among them that are sure of some values only, and raise else.
        """
        self._tentative = tentative
        self._known: dict[tuple[Any, ...], Node] = {}
        self._columns: Mapping[str, Node] = {}

    def read(self, expression: pl.Expr, columns: Mapping[str, Node]) -> Node | None:
        """The value of `expression` over `columns`; `None` where it is not all known."""
        self._columns = columns
        try:
            with warnings.catch_warnings():  # that the form is no promise is said above
                warnings.simplefilter("ignore")
                tree = orjson.loads(expression.meta.serialize(format="json"))
            node = self._read(tree)
        except (
            UnknownError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            StopIteration,
            texts.UnsureError,
            pl.exceptions.PolarsError,
        ):
            return None
        return None if node.free or node.kind is None else node

    def _read(self, tree: Tree, *, longer: bool = False) -> Node:
        """`longer`: within columns of one row more, where division is the same over any number of rows."""
        ((name, inner),) = tree.items()
        if name == "Column":
            return self._columns[inner]
        if name == "Literal":
            return self._literal(inner)
        if name == "Cast":
            return self._cast(self._read(inner["expr"]), kind_named(inner["dtype"]["Literal"]))
        if name == "Ternary":
            return self._ternary(*(self._read(inner[part]) for part in ("predicate", "truthy", "falsy")))
        if name == "Slice" and inner["offset"] == {"Literal": {"Dyn": {"Int": 0}}} and inner["length"] == "Len":
            return self._read(inner["input"], longer=True)
        if name == "BinaryExpr":
            left, right = (self._read(inner[side], longer=longer) for side in ("left", "right"))
            return self._binary(inner["op"], left, right, longer=longer and is_longer(inner))
        if name == "Function":
            return self._function(inner["function"], inner["input"], longer=longer)
        if name == "AnonymousFunction" and _REFUSING in bytes(inner["function"]):
            made, bad = map(self._read, inner["input"])
            if bad.kind == "bool" and made.kind is not None:
                return self._made("refused", texts.refused, made.kind, made, bad)
        raise UnknownError

    def _made(self, key: Any, function: Callable[..., Any], kind: Kind, *parts: Node) -> Node:
        if all(part.written for part in parts) and (value := function(*(part.constant for part in parts))) is not None:
            return self._constant(value, kind)
        place = (key, kind, *map(id, parts))
        if place not in self._known:
            self._known[place] = Node(kind, function, parts)
        return self._known[place]

    def _constant(self, value: Any, kind: Kind, *, free: bool = False) -> Node:
        if kind != "null" and type(value) is not TYPES[kind]:
            raise UnknownError
        place = ("constant", kind, free, repr(value))
        if place not in self._known:
            self._known[place] = Node(kind, constant=value, written=True, free=free)
        return self._known[place]

    def _literal(self, tree: Tree) -> Node:
        ((form, inner),) = tree.items()
        ((name, value),) = inner.items()
        if form == "Dyn":
            return self._constant(value, {"Int": "int", "Float": "float"}[name], free=True)  # type: ignore[arg-type]
        if form == "Scalar" and name == "Null":
            return self._constant(None, "null")
        if form == "Scalar":
            return self._constant(value, NAMES[name])
        raise UnknownError

    def _cast(self, value: Node, kind: Kind) -> Node:
        if self._tentative and (value.kind, kind) == ("text", "float"):
            return self._made("number", texts.to_number, "float", value)
        function = operations.CASTS[value.kind, kind]  # type: ignore[index]
        if value.written and kind in TYPES:
            return self._constant(value.constant if function is None else function(value.constant), kind)
        return value if function is None else self._made("cast", function, kind, value)

    def _alike(self, *values: Node) -> tuple[Kind, list[Node]]:
        """Values of one kind; numbers that were written out and what is missing take that of the others."""
        kinds = {value.kind for value in values if not value.free and value.kind != "null"}
        if len(kinds) != 1:
            raise UnknownError
        (kind,) = kinds
        if kind is None or any(value.free and kind not in (value.kind, "float") for value in values):
            raise UnknownError
        made = [self._constant(TYPES[kind](value.constant), kind) if value.free else value for value in values]
        return kind, made

    def _ternary(self, predicate: Node, truthy: Node, falsy: Node) -> Node:
        if predicate.kind != "bool":
            raise UnknownError
        kind, (yes, no) = self._alike(truthy, falsy)
        return self._made("ternary", operations.chosen, kind, predicate, yes, no)

    def _binary(self, name: str, left: Node, right: Node, *, longer: bool) -> Node:
        kind, both = self._alike(left, right)
        if any(value.kind == "null" for value in both):
            raise UnknownError
        if name == "TrueDivide" and longer and kind == "float":
            return self._made(name, operations.DIVISION, "float", *both)
        function, made = operations.BINARY[name, kind]
        return self._made(name, function, made, *both)

    def _function(self, function: Any, inputs: list[Tree], *, longer: bool) -> Node:
        if function == LONGER and longer and inputs[1] == _ONE_MORE:
            return self._read(inputs[0])
        group, options = name_and_options(function)
        if group in ("StringExpr", "TemporalExpr"):
            return self._text(options, inputs)
        if group == "Boolean" and options == {"IsIn": {"nulls_equal": False}}:
            return self._among(*inputs)
        if group == "ReplaceStrict":
            return self._looked_up(kind_named(options["return_dtype"]["Literal"]), inputs)
        if group == "Clip":
            return self._clipped(options, inputs)
        several = {"FillNull": operations.filled, "Coalesce": texts.first}
        several |= {"MinHorizontal": operations.extreme(min), "MaxHorizontal": operations.extreme(max)}
        if group in several or function == {"SumHorizontal": {"ignore_nulls": True}}:
            kind, parts = self._alike(*map(self._read, inputs))
            if group == "SumHorizontal" and kind != "int":
                raise UnknownError
            return self._made(group, several.get(group, operations.total), kind, *parts)
        (value,) = map(self._read, inputs)
        name = options if group in ("Boolean", "Pow") else group
        made, kind = operations.UNARY[name, value.kind]  # type: ignore[index]
        return self._made(name, made, kind, value)

    def _text(self, function: Any, inputs: list[Tree]) -> Node:
        """What is done to a text, or of one, or to a time."""
        value = self._read(inputs[0])
        if isinstance(function, str) and function in texts.PARTS and value.kind == "time":
            return self._made(function, texts.PARTS[function], "int", value)
        if function == {"ReplaceTimeZone": [None, "Raise"]} and value.kind == "zoned":
            return self._made("time", texts.first, "time", value)
        if value.kind != "text":
            raise UnknownError
        if function == "LenChars":
            return self._made(function, lambda text: None if text is None else len(text), "int", value)
        name, options = name_and_options(function)
        if name == "ConcatHorizontal" and not options["ignore_nulls"]:
            kind, parts = self._alike(*map(self._read, inputs))
            return self._made((name, options["delimiter"]), texts.joined(options["delimiter"]), kind, *parts)
        if not self._tentative:
            raise UnknownError
        made: Callable[..., Any] | None = None
        kind = "text"
        if name in texts.SIMPLE and (len(inputs) == 1 or inputs[1] == _NOTHING):
            made = texts.SIMPLE[name]
        elif name == "Replace":
            old, new = (self._read(tree).constant for tree in inputs[1:])
            made = texts.replaced(old, new, literal=options["literal"], count=options["n"])
        elif name == "Contains" and not options["literal"]:
            made, kind = texts.containing(self._read(inputs[1]).constant), "bool"
        elif name == "Strptime" and options[1]["exact"] and not options[1]["strict"]:
            kind = kind_named(options[0]["Literal"])
            made = texts.moment(options[1]["format"], day=kind == "date")
        if made is None:
            raise UnknownError
        return self._made((str(function), str(inputs[1:])), made, kind, value)

    def _among(self, given: Tree, options: Tree) -> Node:
        value, values = self._read(given), listed(options)
        if any(type(item) is not TYPES[value.kind] for item in values):  # type: ignore[index]
            raise UnknownError
        if any(isinstance(item, float) and math.isnan(item) for item in values):
            raise UnknownError
        return self._made(("among", repr(values)), operations.among(frozenset(values)), "bool", value)

    def _clipped(self, options: Tree, inputs: list[Tree]) -> Node:
        value, *bounds = map(self._read, inputs)
        _, (value, *bounds) = self._alike(value, *bounds)
        if value.kind not in ("float", "int") or not all(bound.written for bound in bounds):
            raise UnknownError
        numbers = iter([bound.constant for bound in bounds])
        low, high = (next(numbers) if options[end] else None for end in ("has_min", "has_max"))
        return self._made(("clip", low, high), operations.clipped(low, high), value.kind, value)

    def _looked_up(self, kind: Kind, inputs: list[Tree]) -> Node:
        value, default = self._read(inputs[0]), self._read(inputs[3])
        old, new = listed(inputs[1]), listed(inputs[2])
        if value.kind not in ("int", "text") or default.kind not in (kind, "null"):
            raise UnknownError
        if any(type(item) is not TYPES[value.kind] for item in old) or len(old) != len(new):
            raise UnknownError
        if any(type(item) is not TYPES[kind] for item in new):
            raise UnknownError
        table = dict(zip(old, new, strict=True))
        return self._made(("table", repr(table)), operations.looked_up(table), kind, value, default)
