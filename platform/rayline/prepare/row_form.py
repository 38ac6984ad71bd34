"""A recipe's form for the few rows of a request: no frame, a list of plain operations, the same bits.

    recipe's steps ── each column's tree of Polars operations ──> operations on single values   _row_operations.py
                  ├─ what is done to texts and read of them ────> where they are plain          _row_texts.py
                  └─ other texts, other operations ─────────────> asked of Polars, remembered   _remembered.py

The tree is read, never written a second time: a cleaner or an expression that changes changes here with it, and what is
not understood of it is left to Polars. Where a value cannot be read or is refused, this form says nothing at all, and
the frame says what is wrong, in its words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
import polars as pl

from rayline.core.errors import DataError
from rayline.prepare._raw_values import reader
from rayline.prepare._remembered import Remembered
from rayline.prepare._row_nodes import Node, kind_of, leaf
from rayline.prepare._row_texts import UnsureError
from rayline.prepare._row_trees import Trees

MOST_ROWS = 32
"""More rows than this are fewer microseconds each in a frame."""
MOST_PROGRAMS = 16
"""Sets of columns given that are made ready for: the endpoint asks for the same columns every time."""
_KEYS = (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Datetime)
"""Types whose values can be looked up."""


class Step(Protocol):
    """Columns made of others, all at once."""

    @property
    def makes(self) -> dict[str, pl.Expr]: ...

    @property
    def reads(self) -> dict[str, frozenset[str]]: ...


class RowForm:
    """Steps ready for single rows. Safe to use from several threads."""

    def __init__(self, raw: pl.Schema, steps: Sequence[Step]) -> None:
        self._raw = raw
        self._steps = steps
        self._reads = frozenset(n for step in steps for reads in step.reads.values() for n in reads) & frozenset(raw)
        self._programs: dict[frozenset[str], _Program | None] = {}

    def columns(self, columns: Mapping[str, Any]) -> dict[str, list[Any]] | None:
        """The columns that steps make of n rows, from n plain values of each raw column that is there.

        `None` where only a frame can tell: of many rows, of arrays, of values that are refused.
        """
        there = self._reads.intersection(columns)
        if there not in self._programs:
            if len(self._programs) >= MOST_PROGRAMS:
                return None
            self._programs[there] = _program(self._raw, self._steps, there)
        program = self._programs[there]
        if program is None:
            return None
        given = [columns[name] for name in program.inputs]
        rows = len(given[0]) if given else 0
        if rows > MOST_ROWS or any(isinstance(values, np.ndarray) or len(values) != rows for values in given):
            return None
        try:
            read = [
                [as_read(value) for value in values] for values, as_read in zip(given, program.readers, strict=True)
            ]
            made = [program.run(row) for row in zip(*read, strict=True)]
        except (ArithmeticError, DataError, TypeError, UnsureError, ValueError, pl.exceptions.PolarsError):
            return None
        return {name: [row[place] for row in made] for place, name in enumerate(program.names)}


class Tried:
    """Columns of one row, made in Python where it is sure of the values, else by Polars."""

    def __init__(self, program: _Program, otherwise: Remembered) -> None:
        self.program = program
        self.otherwise = otherwise

    def __call__(self, *values: Any) -> Sequence[Any]:
        try:
            return self.program.run(values)
        except (UnsureError, ArithmeticError):
            return self.otherwise(*values)


class _Program:
    """Operations one after the other, each on values before it."""

    def __init__(self, inputs: Mapping[str, pl.DataType], leaves: Mapping[str, Node], made: Mapping[str, Node]) -> None:
        """
        Args:
            inputs: the raw columns with their types.
            leaves: what stands for each of them in the operations.
            made: the columns to make, each by its last operation.
        """
        self.inputs = tuple(inputs)
        self.readers = [reader(kind) for kind in inputs.values()]
        self.names = tuple(made)
        place = {id(leaves[name]): n for n, name in enumerate(inputs)}
        order = _ordered(made.values())
        constants = [node for node in order if node.written]
        place |= {id(node): len(inputs) + n for n, node in enumerate(constants)}
        self._constants = [node.constant for node in constants]
        self._operations: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        for node in order:
            if node.function is not None:
                self._operations.append((node.function, tuple(place[id(part)] for part in node.parts)))
                place[id(node)] = len(place)
        self._made = tuple(place[id(node)] for node in made.values())

    def run(self, values: Iterable[Any]) -> list[Any]:
        """The columns made of one row's values, in the order of `names`."""
        slots = [*values, *self._constants]
        for function, places in self._operations:
            slots.append(function(*[slots[place] for place in places]))
        return [slots[place] for place in self._made]


def _tried(
    expressions: Mapping[str, pl.Expr], types: Mapping[str, pl.DataType], after: pl.Schema
) -> Tried | Remembered:
    """What makes `expressions`, of the types in `after`, of columns of `types`."""
    otherwise, trees = Remembered(expressions, types), Trees(tentative=True)
    leaves = {name: leaf(kind_of(kind)) for name, kind in types.items()}
    made: dict[str, Node] = {}
    for name, expression in expressions.items():
        node = trees.read(expression, leaves)
        if node is None or node.kind != kind_of(after[name]):
            return otherwise
        made[name] = node
    return Tried(_Program(types, leaves, made), otherwise)


def _ordered(ends: Iterable[Node]) -> list[Node]:
    """Nodes that lead to `ends`, each after its parts."""
    order: dict[int, Node] = {}
    for end in ends:
        stack = [end]
        while stack:
            node = stack[-1]
            waiting = [part for part in node.parts if id(part) not in order]
            if waiting:
                stack += waiting
            else:
                order.setdefault(id(stack.pop()), node)
    return list(order.values())


def _program(raw: pl.Schema, steps: Sequence[Step], there: frozenset[str]) -> _Program | None:
    """What steps make where the raw columns `there` are given; `None` where a frame is needed."""
    inputs = {name: kind for name, kind in raw.items() if name in there}
    leaves = {name: leaf(kind_of(kind)) for name, kind in inputs.items()}
    schema, columns, trees = pl.Schema(inputs), dict(leaves), Trees()
    made: dict[str, Node] = {}
    for step in steps:
        makes = {name: expr for name, expr in step.makes.items() if step.reads[name] <= set(schema)}
        if not makes:
            continue
        after = pl.LazyFrame(schema=schema).with_columns(**makes).collect_schema()
        new: dict[str, Node] = {}
        asked: dict[frozenset[str], dict[str, pl.Expr]] = {}
        for name, expression in makes.items():
            node = trees.read(expression, columns)
            if node is not None and node.kind == kind_of(after[name]):
                new[name] = node
            else:
                asked.setdefault(step.reads[name], {})[name] = expression
        for reads, expressions in asked.items():
            types = {name: schema[name] for name in sorted(reads)}
            if not all(isinstance(kind, _KEYS) for kind in types.values()):
                return None
            function = _tried(expressions, types, after)
            row = Node(None, function, tuple(columns[name] for name in types))
            new |= {name: Node(kind_of(after[name]), itemgetter(n), (row,)) for n, name in enumerate(expressions)}
        made |= {name: new[name] for name in makes}
        columns |= new
        schema = after
    return _Program(inputs, leaves, made)
