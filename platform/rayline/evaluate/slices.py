"""Rows grouped by the values of a column: what slices are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

MISSING = "(missing)"
OTHER = "(other)"

_FEW = 8
"""A number column of up to this many distinct values is sliced by value, as is one whose largest value
fills the upper three quarters; others by quartile."""
_MOST = 12
"""Values of a column that get a slice of their own; the rest are `(other)`."""


def slice_rows(column: pl.Series) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Name and places of the rows of each slice; every row is in exactly one.

    Ranges come in rising order, values from the most to the least frequent, other and missing last.
    """
    edges = _edges(column)
    names, places = _values(column) if edges is None else _ranges(column, edges)
    for number, name in enumerate(names):
        rows = np.flatnonzero(places == number)
        if len(rows):
            yield name, rows


def _edges(column: pl.Series) -> npt.NDArray[np.float64] | None:
    """Upper ends of all ranges but the last; `None` where the column is better sliced by value."""
    if not column.dtype.is_numeric() or column.drop_nans().n_unique() <= _FEW:
        return None
    values = _floats(column)
    known = values[np.isfinite(values)]
    # edges are values that occur, so that whole numbers give whole edges
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="lower"))
    edges = edges[edges < known.max()]
    return edges if len(edges) else None  # none where three quarters of the rows are at the maximum


def _floats(column: pl.Series) -> npt.NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _ranges(column: pl.Series, edges: npt.NDArray[np.float64]) -> tuple[list[str], npt.NDArray[Any]]:
    values = _floats(column)
    texts = [f"{edge:.6g}" for edge in edges]
    names = [
        f"≤ {texts[0]}",
        *(f"{low} to {high}" for low, high in pairwise(texts)),
        f"> {texts[-1]}",
    ]
    places = np.searchsorted(edges, values, side="left")
    places[~np.isfinite(values)] = len(names)  # infinite is missing, as in the profile
    return [*names, MISSING], places


def _short(column: pl.Series) -> pl.Series:
    texts = [f"{value:.6g}" if value is not None and math.isfinite(value) else None for value in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)


def _values(column: pl.Series) -> tuple[list[str], npt.NDArray[Any]]:
    text = column.cast(pl.String) if not column.dtype.is_float() else _short(column)
    counts = text.drop_nulls().alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    names = counts["value"].head(_MOST).to_list()
    place_of = {name: place for place, name in enumerate(names)}
    distinct = counts["value"].to_list()
    lookup = {name: place_of.get(name, len(names)) for name in distinct} | {None: len(names) + 1}
    places = np.array([lookup[value] for value in text.to_list()], dtype=np.int64)
    return [*names, OTHER, MISSING], places
