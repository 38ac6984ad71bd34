"""The shape that all texts of a column have: an e-mail address, a number of five digits, `AB-1234`. As a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import polars as pl

KNOWN = {
    "e-mail address": r"[^@\s]+@[^@\s]+\.[^@\s.]+",
    "UUID": r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "IP address": r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}",
    "web address": r"https?://\S+",
}
"""Forms that are known by name."""
FEW = 20
"""Below this many texts, a common shape says little."""
MOST_RUNS = 16
LOOKED_AT = 20_000

_CLASSES = (("[0-9]", re.compile("[0-9]")), ("[A-Z]", re.compile("[A-Z]")), ("[a-z]", re.compile("[a-z]")))
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


def pattern_of(values: pl.Series) -> str | None:
    """A pattern that matches the whole of every text, where they have one shape; else `None`.

    >>> pattern_of(pl.Series([f"AB-{n:04d}" for n in range(50)]))
    '[A-Z]{2}-[0-9]{4}'
    >>> pattern_of(pl.Series([f"{'ab' * (n % 4 + 1)}{n}@example.org" for n in range(50)]))
    '[^@\\\\s]+@[^@\\\\s]+\\\\.[^@\\\\s.]+'
    """
    distinct = values.unique(maintain_order=True)
    if len(distinct) < FEW:
        return None
    for pattern in KNOWN.values():
        if distinct.str.contains(rf"\A(?:{pattern})\z").all():
            return pattern
    shape = _common(distinct.head(LOOKED_AT).to_list())
    return shape if shape is not None and distinct.str.contains(rf"\A(?:{shape})\z").all() else None


def _common(texts: Sequence[str]) -> str | None:
    runs = [_runs(text) for text in texts]
    first = [name for name, _ in runs[0]]
    if len(first) > MOST_RUNS or any([name for name, _ in one] != first for one in runs[1:]):
        return None
    lengths = [{one[place][1] for one in runs} for place in range(len(first))]
    letters_alone = all(name in ("[A-Z]", "[a-z]") for name in first)
    if letters_alone and any(len(found) > 1 for found in lengths):
        return None  # words, of which the next may look otherwise
    return "".join(name + _times(found) for name, found in zip(first, lengths, strict=True))


def _runs(text: str) -> list[tuple[str, int]]:
    """Runs of characters of one class, and how long each is."""
    return [(name, len(list(run))) for name, run in groupby(text, key=_class)]


def _class(character: str) -> str:
    for name, characters in _CLASSES:
        if characters.match(character):
            return name
    return f"\\{character}" if character in _SPECIAL else character


def _times(lengths: set[int]) -> str:
    if len(lengths) > 1:
        return "+"
    (length,) = lengths
    return "" if length == 1 else f"{{{length}}}"
