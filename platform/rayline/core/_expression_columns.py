"""Which columns an expression names, found in its tree."""

from __future__ import annotations

import ast

from rayline.core._expression_text import Parsed, parse


def columns_of(text: str) -> tuple[str, ...]:
    """The columns that `text` reads, in the order they are met.

    Raises:
        SpecError: it is no expression.

    >>> columns_of("if(age > 60, `net income`, income) / age")
    ('age', 'net income', 'income')
    """
    parsed = parse(text)
    called = {id(node.func) for node in ast.walk(parsed.tree) if isinstance(node, ast.Call)}
    found: dict[int, str] = {}
    for node in ast.walk(parsed.tree):
        name = None if id(node) in called else column_of(parsed, node)
        if name is not None:
            found[node.col_offset] = name  # type: ignore[attr-defined]
    return tuple(dict.fromkeys(name for _, name in sorted(found.items())))


def column_of(parsed: Parsed, node: ast.AST) -> str | None:
    """The column that a node names by itself."""
    if isinstance(node, ast.Call) and function_of(parsed, node) == "col":
        inner = node.args[0] if len(node.args) == 1 else None
        return parsed.texts.get(inner.col_offset) if isinstance(inner, ast.Name) else None
    if isinstance(node, ast.Name):
        return parsed.ticked.get(node.col_offset) or parsed.names.get(node.col_offset)
    return None


def function_of(parsed: Parsed, node: ast.Call) -> str | None:
    """The name of the function that is called, if it is called by one."""
    return parsed.names.get(node.func.col_offset) if isinstance(node.func, ast.Name) else None
