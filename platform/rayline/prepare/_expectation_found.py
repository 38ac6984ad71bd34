"""What the rows of single fragments say of expectations, and how that comes together: a union by fragment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.prepare.row_sets import NO_ROWS, Rows

EXAMPLES = 5
"""Rows told of each broken expectation, at most."""


@dataclass(frozen=True)
class Example:
    """A row that breaks something."""

    row: int
    """Its ROW."""
    values: tuple[tuple[str, str], ...] = ()
    """Columns looked at and what they hold; none where one is private."""


@dataclass(frozen=True)
class Ordered:
    """The order of one column's values within a fragment."""

    low: Any
    high: Any
    """The smallest and the largest value; `None` without any."""
    rows: Rows
    """ROW of values below one before them."""
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a fragment's rows say of every check, by the check's place."""

    label: str
    rows: int
    ends: tuple[int, int]
    """The smallest and the largest ROW."""
    aside: Rows = field(default_factory=lambda: NO_ROWS)
    """ROW of those in quarantine by themselves, sorted."""
    counts: dict[int, int] = field(default_factory=dict)
    examples: dict[int, tuple[Example, ...]] = field(default_factory=dict)
    texts: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Of limits on a text column: how many texts read as nothing that can be compared, and how many there are."""
    missing: dict[int, int] = field(default_factory=dict)
    newest: dict[int, dt.datetime] = field(default_factory=dict)
    hashes: dict[int, tuple[Rows, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]] = field(default_factory=dict)
    """ROW of every value, and 128 bits of hash."""
    ordered: dict[int, Ordered] = field(default_factory=dict)


@dataclass(frozen=True)
class Violations:
    """What fragments say, by their index. Merging is a union, so that its order does not matter."""

    found: dict[int, Found] = field(default_factory=dict)

    def in_order(self) -> list[tuple[int, Found]]:
        """Fragments that have rows, in the order of the source."""
        return [(index, found) for index, found in sorted(self.found.items()) if found.rows]


def merge(parts: Sequence[Violations]) -> Violations:
    """What all parts say together; of a fragment that is told of twice, either is as good."""
    return Violations({index: found for part in parts for index, found in part.found.items()})
