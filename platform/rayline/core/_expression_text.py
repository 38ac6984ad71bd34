"""The text of an expression as a syntax tree of Python's own parser, with columns, texts and functions by position.

Before Python parses it, every name and quoted text becomes as many underscores as it has bytes, so that a column may
be called `class`, `if(a, b, c)` is a call, `"\\d"` needs no second backslash, and positions stay those of the text.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import NoReturn

from rayline.core.errors import SpecError
from rayline.core.shown import shown

LONGEST = 4000
"""Characters of an expression, at most."""
SHOWN = 78
"""Characters of it that a message repeats, at most."""

WORDS = {"and", "or", "not", "in", "if", "else", "True", "False", "None", "true", "false", "null"}
"""Names that are never columns unless written in backticks."""
_SPELLED = {"true": "True", "null": "None", "false": "False"}
_BEFORE_OPERAND = {"and", "or", "not", "in", "if", "else"}
_TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|`(?P<tick>[^`]+)`|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*)|(?P<space>\s+)|(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Parsed:
    """A text, its tree, and what stands where; positions count bytes of the text in UTF-8."""

    text: str
    tree: ast.expr
    names: dict[int, str]
    """Names as they are written: columns and functions."""
    ticked: dict[int, str]
    """Columns in backticks."""
    texts: dict[int, str]
    """Quoted texts."""

    def fail(self, node: ast.AST, problem: str) -> NoReturn:
        """Raise the error of a place in the text."""
        at = len(self.text.encode()[: node.col_offset].decode(errors="ignore"))  # type: ignore[attr-defined]
        raise _no_expression(self.text, at, problem)


def parse(text: str) -> Parsed:
    """Parse `text`.

    Raises:
        SpecError: it is no expression; the message says where.
    """
    if not isinstance(text, str) or not text.strip():
        raise SpecError(f"an expression is a text over columns, such as 'debt / income', not {shown(text)}.")
    if len(text) > LONGEST:
        raise SpecError(f"an expression of {len(text)} characters; {LONGEST} are the most. Derive it in steps.")
    scanned = _Scanned(text)
    source = "".join(scanned.pieces)
    shift = len(source) - len(source.lstrip())
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        at = len(text.encode()[: shift + max((error.offset or 1) - 1, 0)].decode(errors="ignore"))
        raise _no_expression(
            text,
            at,
            "this is no expression. Write arithmetic, comparisons, and, or, not and functions over columns; "
            "columns of odd names in backticks.",
        ) from None
    except (RecursionError, MemoryError, ValueError):
        raise SpecError(f"expression {around(text)!r} is nested too deeply. Derive it in steps.") from None
    for node in ast.walk(tree):
        if hasattr(node, "col_offset"):
            node.col_offset += shift
    return Parsed(text, tree, scanned.names, scanned.ticked, scanned.texts)


def around(text: str, at: int = 0) -> str:
    """What messages repeat of an expression: about 80 characters, those before and behind position `at`.

    >>> around("a" * 100 + " + b / c" + "d" * 100, 103)
    '…aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + b / cdddddddddddddddddddddddddddddddddd…'
    """
    if len(text) <= SHOWN:
        return text
    start = max(0, min(at - SHOWN // 2, len(text) - SHOWN))
    return "…" * (start > 0) + text[start : start + SHOWN] + "…" * (start + SHOWN < len(text))


def _no_expression(text: str, at: int, problem: str) -> SpecError:
    return SpecError(f"expression {around(text, at)!r}, position {at + 1}: {problem}")


class _Scanned:
    """A text with its names and quoted texts blanked, and what they were."""

    def __init__(self, text: str) -> None:
        self.names: dict[int, str] = {}
        self.ticked: dict[int, str] = {}
        self.texts: dict[int, str] = {}
        self.pieces: list[str] = []
        self._text = text
        self._operand = False
        """Whether an operand ended just before, so that `if` is Python's between two of them."""
        word, offset = False, 0
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if word and kind in ("name", "text", "tick"):  # blanked, the two would become one name
                raise _no_expression(text, token.start(), "an operator or a space is missing.")
            word = kind in ("name", "text", "tick")
            self.pieces.append(self._piece(token, offset))
            offset += len(token[0].encode())

    def _piece(self, token: re.Match[str], offset: int) -> str:
        piece = token[0]
        blank = "_" * len(piece.encode())
        if token.lastgroup == "space":
            return " " * len(blank)
        if token.lastgroup == "name":
            return self._name(token, offset, blank)
        if token.lastgroup == "other":
            if piece in "\"'`#":
                closing = "begins a comment, and there are none" if piece == "#" else "is not closed"
                raise _no_expression(self._text, token.start(), f"{piece} {closing}.")
            self._operand = piece in ")]"
            return piece
        self._operand = True
        if token.lastgroup == "number":
            return piece
        if token.lastgroup == "tick":
            self.ticked[offset] = token["tick"]
        else:
            self.texts[offset] = piece[1:-1].replace("\\" + piece[0], piece[0])
        return blank

    def _name(self, token: re.Match[str], offset: int, blank: str) -> str:
        name = token[0]
        is_called = name == "if" and not self._operand and self._text[token.end() :].lstrip().startswith("(")
        if name in WORDS and not is_called:
            self._operand = name not in _BEFORE_OPERAND
            return _SPELLED.get(name, name)
        self._operand = True
        self.names[offset] = name
        return blank
