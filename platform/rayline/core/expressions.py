"""Expressions over columns, as text: `debt / income`, `weekday(date) >= 6`, `` `odd name` in ("a", "b") ``.

A row's result depends on that row alone and is the same, bit for bit, whatever rows are computed with it. Nothing is
evaluated as Python: the text becomes a Polars expression. What the language has:

    columns         by name; odd names in backticks or as col("odd name")
    constants       1, 2.5, "text", true, false, null
    arithmetic      + - * / // % **, in float64; true counts as 1
    comparisons     < <= == != >= >, chained; in ("a", "b"), not in; and, or, not; a if condition else b
    functions       FUNCTIONS: abs sqrt log log1p exp floor ceil round min max clip, if fill is_missing, lower upper
                    strip length words contains matches replace concat cross text number, bin,
                    date year month day weekday dayofyear hour minute days_between

What has no number is missing: a division by zero, the logarithm of nothing or less, the root of a negative number, an
overflow. Missing in, missing out, but `false and x` is false, `true or x` true, and `fill`, `is_missing` look at it.
`matches` and patterns are Rust's regular expressions and hold of a whole text. `a // b` is the floor of `a / b`, and
`a % b` is `a - a // b * b`. Dates compare with texts of ISO form, and columns of texts with dates that are written out.
A text that is to be a date and is none is missing, and `compiled` tells of it; within `is_missing(…)`, `fill(…)` and
the branches of `if(…)` it is missing and no more.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import NoReturn

import polars as pl

from rayline.core import _expression_compare as compare
from rayline.core._expression_arguments import WrongArgumentError, numeric
from rayline.core._expression_columns import column_of, columns_of, function_of
from rayline.core._expression_functions import FUNCTIONS, check_pattern, whole_match
from rayline.core._expression_text import Parsed, parse
from rayline.core._expression_values import Unread, Value, column, combine, exact, literal, sound, summed
from rayline.core.errors import listing, nearest

MOST_OPERATIONS = 5000
"""Operations of one expression, shared parts counted as often as they are used."""


@dataclass(frozen=True)
class Compiled:
    """An expression, and what it may not be able to read."""

    expr: pl.Expr
    unread: tuple[Unread, ...]
    """Texts that it reads as dates: where one is none, the expression is missing, or what `and` and `or` make of it."""


def compile_expression(text: str, schema: pl.Schema) -> pl.Expr:
    """The Polars expression of `text` over columns of `schema`.

    Its type is Int64 (whole numbers nothing was computed from), Float64, Boolean, String or Datetime; it is not named.

    Raises:
        SpecError: it is no expression, or names a column or function that is not there, or types do not fit; the
            message holds the text and the position.

    >>> frame = pl.DataFrame({"debt": [10, 4], "income": [4.0, 0.0]})
    >>> frame.select(compile_expression("debt / income", frame.schema).alias("ratio"))["ratio"].to_list()
    [2.5, None]
    """
    return compiled(text, schema).expr


def compiled(text: str, schema: pl.Schema) -> Compiled:
    """As `compile_expression`, and which rows hold texts that it cannot read as the dates it takes them for.

    >>> frame = pl.DataFrame({"seen": ["2024-05-01", "soon"]})
    >>> made = compiled("year(seen)", frame.schema)
    >>> str(made.unread[0]), frame.select(made.unread[0].rows)["seen"].to_list()
    ("column 'seen' holds what is no date in ISO form", [False, True])
    """
    parsed = parse(text)
    value = sound(_Compiler(parsed, schema).compile(parsed.tree))
    if value.single:
        parsed.fail(parsed.tree, f"it reads no column, so that it says the same of every row. {_columns(schema)}")
    if value.kind == "missing":
        parsed.fail(parsed.tree, "it is missing in every row.")
    return Compiled(value.expr, tuple({(str(one), str(one.rows)): one for one in value.unread}.values()))


def _columns(schema: pl.Schema) -> str:
    return f"Columns: {listing(schema.names())}."


class _Compiler:
    """One text over one schema."""

    def __init__(self, parsed: Parsed, schema: pl.Schema) -> None:
        self.parsed = parsed
        self.schema = schema

    def compile(self, node: ast.expr) -> Value:
        """The value of a node."""
        try:
            value = self._compile(node)
        except RecursionError:
            self._fail(node, "it is nested too deeply. Derive it in steps.")
        if value.size > MOST_OPERATIONS:
            self._fail(node, f"it takes more than {MOST_OPERATIONS} operations. Derive it in steps.")
        return value

    def _compile(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Constant):
            if node.value is None or isinstance(node.value, bool | int | float):
                if isinstance(node.value, int | float) and abs(node.value) > 1.7e308:
                    self._fail(node, "this number is too large for a float64.")
                return literal(node.value)
        elif isinstance(node, ast.BinOp):
            return self._binary(node)
        elif isinstance(node, ast.UnaryOp):
            return self._unary(node)
        elif isinstance(node, ast.BoolOp):
            return self._logic(node)
        elif isinstance(node, ast.Compare):
            return self._compare(node)
        elif isinstance(node, ast.IfExp):
            return self._call_with("if", node, [node.test, node.body, node.orelse])
        elif isinstance(node, ast.Call):
            return self._call(node)
        elif isinstance(node, ast.Attribute):
            self._fail(node, "a name with a dot goes in backticks, as in `a.b`.")
        return self._fail(node, "this is no part of the language. Use columns, constants, operators and functions.")

    def _fail(self, node: ast.AST, problem: str) -> NoReturn:
        self.parsed.fail(node, problem)

    def _name(self, node: ast.Name) -> Value:
        at = node.col_offset
        if at in self.parsed.texts:
            return literal(self.parsed.texts[at])
        return self._column(node, self.parsed.ticked.get(at) or self.parsed.names[at])

    def _column(self, node: ast.expr, name: str) -> Value:
        if name not in self.schema:
            function = f" {name} is a function: {FUNCTIONS[name].usage}." if name in FUNCTIONS else ""
            near = nearest(name, self.schema.names())
            self._fail(node, f"{name!r} is not a column.{function}{near} {_columns(self.schema)}")
        value = column(name, self.schema[name])
        if value is None:
            self._fail(node, f"column {name!r} holds {self.schema[name]}, of which no expression can be made.")
        return value

    def _binary(self, node: ast.BinOp) -> Value:
        left, right = (self._numeric(part) for part in (node.left, node.right))
        operation = type(node.op)
        if operation in (ast.Add, ast.Sub):
            return summed(left.expr + right.expr if operation is ast.Add else left.expr - right.expr, left, right)
        if operation is ast.Mult:
            return combine(left.expr * right.expr, "number", left, right, tainted=True)
        if operation is ast.Pow:
            left, right = sound(left), sound(right)
            return combine(exact(lambda a, b: a**b, left, right), "number", left, right, tainted=True)
        right = sound(replace(right, signed=False))  # by a zero of either sign nothing is divided
        quotient = combine(exact(lambda a, b: a / b, left, right), "number", left, right, tainted=True)
        if operation is ast.Div:
            return quotient
        floor = combine(quotient.expr.floor(), "number", quotient, tainted=True)
        if operation is ast.FloorDiv:
            return floor
        if operation is ast.Mod:
            return summed(left.expr - floor.expr * right.expr, left, floor, right)
        return self._fail(node, "this operator is no part of the language: + - * / // % ** are.")

    def _numeric(self, node: ast.expr) -> Value:
        try:
            return numeric(self.compile(node))
        except WrongArgumentError as error:
            self._fail(node, str(error))

    def _truth(self, node: ast.expr) -> Value:
        value = self.compile(node)
        if value.kind not in ("true or false", "missing"):
            self._fail(node, f"a condition is needed, not a {value.kind}. Compare it, as in x > 0.")
        return combine(value.expr.cast(pl.Boolean), "true or false", value)

    def _unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            value = self._truth(node.operand)
            return combine(value.expr.not_(), "true or false", value)
        if isinstance(node.op, ast.Invert):
            self._fail(node, "~ is no part of the language. Use not.")
        value = self._numeric(node.operand)
        if isinstance(value.constant, int | float) and not isinstance(value.constant, bool):
            # no -0.0: a sum with it, and the greater of it and 0, would have either sign
            return literal(0 - value.constant if isinstance(node.op, ast.USub) else value.constant)
        return combine(-value.expr, "number", value, tainted=True) if isinstance(node.op, ast.USub) else value

    def _logic(self, node: ast.BoolOp) -> Value:
        values = [self._truth(part) for part in node.values]
        expr = values[0].expr
        for value in values[1:]:
            expr = expr & value.expr if isinstance(node.op, ast.And) else expr | value.expr
        return combine(expr, "true or false", *values)

    def _compare(self, node: ast.Compare) -> Value:
        made: Value | None = None
        left_node = node.left
        for operation, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(operation, ast.In | ast.NotIn):
                one = self._among(left_node, right_node, isinstance(operation, ast.NotIn))
            else:
                one = self._one_comparison(node, left_node, operation, right_node)
            made = one if made is None else combine(made.expr & one.expr, "true or false", made, one)
            left_node = right_node
        assert made is not None
        return made

    def _one_comparison(self, node: ast.AST, left_node: ast.expr, operation: ast.cmpop, right_node: ast.expr) -> Value:
        kind, nodes = type(operation), [left_node, right_node]
        if kind not in (*compare.ORDERS, ast.Eq, ast.NotEq):
            self._fail(node, "use == or != to compare, is_missing(x) to find what is missing.")
        values = [self.compile(left_node), self.compile(right_node)]
        if any(value.constant is None for value in values):
            self._fail(right_node, "nothing equals null. Use is_missing(x).")
        try:
            if kind in compare.ORDERS:
                return compare.ordered(kind, values, self._are_columns(nodes))
            made = compare.equal(values, self._are_columns(nodes))
        except WrongArgumentError as error:
            self._fail(nodes[error.place], str(error))
        return combine(made.expr.not_(), "true or false", made) if kind is ast.NotEq else made

    def _are_columns(self, nodes: list[ast.expr]) -> list[bool]:
        return [column_of(self.parsed, node) is not None for node in nodes]

    def _among(self, left_node: ast.expr, right_node: ast.expr, inverted: bool) -> Value:
        if not isinstance(right_node, ast.Tuple | ast.List | ast.Set):
            hint = " contains(text, part) finds a part of a text."
            self._fail(right_node, f'after in comes a list of constants, as in ("a", "b").{hint}')
        value = self.compile(left_node)
        found: Value | None = None
        for item in right_node.elts:
            other = self.compile(item)
            if not other.single or other.constant is None:
                self._fail(item, "after in come constants; is_missing(x) finds what is missing.")
            nodes = [left_node, item]
            try:
                # not is_in: it would compare whole numbers and fractions by the type of the whole list
                equal = compare.equal([value, other], self._are_columns(nodes))
            except WrongArgumentError as error:
                self._fail(nodes[error.place], str(error))
            found = equal if found is None else combine(found.expr | equal.expr, "true or false", found, equal)
        if found is None:
            self._fail(right_node, "the list is empty.")
        return combine(found.expr.not_(), "true or false", found) if inverted else found

    def _call(self, node: ast.Call) -> Value:
        name = function_of(self.parsed, node)
        if name is None or node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            self._fail(node, "a function is called by its name, with arguments one after the other.")
        if name == "col":
            column_name = column_of(self.parsed, node)
            if column_name is None:
                self._fail(node, 'col takes a column\'s name as text: col("odd name").')
            return self._column(node.args[0], column_name)
        if name not in FUNCTIONS:
            column_too = " A column is not called." if name in self.schema else ""
            near = nearest(name, FUNCTIONS)
            self._fail(node, f"{name!r} is no function.{column_too}{near} Functions: {listing(sorted(FUNCTIONS), 60)}.")
        return self._call_with(name, node, node.args)

    def _call_with(self, name: str, node: ast.expr, arguments: list[ast.expr]) -> Value:
        function = FUNCTIONS[name]
        if not function.least <= len(arguments) <= function.most:
            self._fail(node, f"{function.usage} does not take {len(arguments)} argument{'s' * (len(arguments) != 1)}.")
        values = [self.compile(argument) for argument in arguments]
        try:
            return function.make(*values)
        except WrongArgumentError as error:
            self._fail(arguments[error.place], f"in {function.usage}, {error}")


__all__ = [
    "FUNCTIONS",
    "Compiled",
    "Unread",
    "check_pattern",
    "columns_of",
    "compile_expression",
    "compiled",
    "whole_match",
]
