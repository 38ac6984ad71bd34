"""Fractions where training held whole numbers: a recipe as it would be had the column held numbers then.

An endpoint without a recipe takes 2.5 where it learnt from 2 and 3, so one with a recipe does, too. Steps are made for
the types of their columns, and whole numbers would cut the fraction off.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from rayline.core.errors import DataError, PackageError

if TYPE_CHECKING:
    from rayline.prepare.recipe import Recipe


def fractional(frame: pl.DataFrame, raw: pl.Schema) -> frozenset[str]:
    """Columns of whole numbers in training that hold others here."""
    return frozenset(name for name, kind in frame.schema.items() if kind.is_float() and raw.get(name) == pl.Int64)


@lru_cache(maxsize=64)
def widened(recipe: Recipe, names: frozenset[str]) -> Recipe:
    """`recipe` made for numbers in these columns; equal for whole ones up to 2^53.

    Raises:
        DataError: a step that works on whole numbers alone.
    """
    described = recipe.to_json()
    described["columns"] |= dict.fromkeys(names, "number")
    try:
        return type(recipe).from_json(described)
    except PackageError:
        listed = ", ".join(map(repr, sorted(names)))
        raise DataError(f"column {listed} holds a fraction, and a step of prepare needs whole numbers.") from None
