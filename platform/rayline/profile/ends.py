"""Smallest and largest values, and numbers that are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import polars.selectors as cs


def without_infinite(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The frame with NaN and infinite numbers as null, and how many infinite ones each column had."""
    floats = frame.select(cs.float())
    if not floats.width or not floats.height:
        return frame, {}
    odd = floats.select((~pl.all().is_finite()).any()).row(0, named=True)
    names = [name for name, found in odd.items() if found]
    if not names:
        return frame, {}
    infinite = floats.select(pl.col(names).is_infinite().sum()).row(0, named=True)
    return frame.with_columns(pl.when(pl.col(n).is_finite()).then(pl.col(n)).alias(n) for n in names), infinite


def ends_of(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Smallest and largest value of each column; dates as ISO text."""
    if not names:
        return {}
    every = pl.col(names)
    both = frame.select(every.min().name.suffix(" min"), every.max().name.suffix(" max")).row(0)
    low, high = both[: len(names)], both[len(names) :]
    return {name: (_plain(a), _plain(b)) for name, a, b in zip(names, low, high, strict=True)}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else value.isoformat()
