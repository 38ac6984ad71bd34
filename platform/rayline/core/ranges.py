"""Names of the ranges between edges: `<18`, `[18, 65)`, `>=65`. Different ranges never share a name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def range_names(edges: Sequence[float]) -> tuple[str, ...]:
    """The ranges that rising `edges` make, one more than they are; a range holds its lower edge.

    >>> range_names([18, 65.5])
    ('<18', '[18, 65.5)', '>=65.5')
    """
    told = [_edge(float(edge)) for edge in edges]
    return (f"<{told[0]}", *(f"[{low}, {high})" for low, high in pairwise(told)), f">={told[-1]}")


def _edge(edge: float) -> str:
    """Six digits where they are the number, else all it needs: 1000001 is not 1e+06."""
    short = f"{edge:g}"
    if float(short) == edge:
        return short
    return f"{edge:.0f}" if edge.is_integer() and abs(edge) < 2**53 else repr(edge)
