"""Values far out: beyond Tukey's fences, and beyond three standard deviations.

Fences come from the quartiles of the profile's sample and rows beyond them are counted there, so both are exact up to
65,536 rows and within `bounds.rank_error` above; mean and deviation are exact, and rows far from them counted in the
sample too.
Reference: Tukey, "Exploratory Data Analysis", 1977.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

REACH = 1.5
"""Interquartile ranges beyond the quartiles where the fences stand."""
FAR = 3.0
"""Standard deviations beyond the mean from which a value is far out."""


@dataclass(frozen=True)
class Outliers:
    """How many values of a number column lie far out; shares are of its values."""

    low: float
    high: float
    """The fences."""
    beyond: float
    """Share of values outside the fences; 0 where half of the values are one and the same."""
    far: float
    """Share of values more than three standard deviations from the mean."""
    rows: int
    """Rows outside the fences, about."""
    exact: bool


def outliers(profile: Profile, column: str) -> Outliers | None:
    """The outliers of a number column; `None` where it has no value.

    Raises:
        DataError: no such column, or one without numbers.
    """
    first, third = profile.quantile(column, (0.25, 0.75)).tolist()
    found = profile.columns[column]
    if not found.count or found.mean is None or not np.isfinite(first + third):
        return None
    values = profile.sample[column].drop_nulls().cast(pl.Float64).to_numpy()
    reach = REACH * (third - first)
    low, high = first - reach, third + reach
    beyond = float(((values < low) | (values > high)).mean()) if reach > 0 else 0.0
    std = found.std or 0.0
    far = float((np.abs(values - found.mean) > FAR * std).mean()) if std > 0 else 0.0
    exact = profile.sample.height >= profile.rows
    return Outliers(low, high, beyond, far, round(beyond * found.count), exact)
