"""Quantiles and histograms of numbers that are all there: those of a profile's sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.profile.moments import FloatArray

OUTER = (0.005, 0.995)
"""Quantiles between which a histogram has its bins."""


def quantile(values: FloatArray, q: float | Sequence[float]) -> Any:
    """Quantiles of `values` [n] by linear interpolation, in the shape of `q`; NaN where there is none."""
    if not len(values):
        return np.full(np.shape(q), np.nan)
    far = float(values.max()) / 2 - float(values.min()) / 2 > np.finfo(np.float64).max / 4
    return np.quantile(values, q, method="nearest" if far else "linear")  # between them a difference would overflow


def outline(values: FloatArray, q: Sequence[float], bins: int) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:
    """Quantiles of `values` [n], their rows in `bins` of equal width between the outer quantiles, and the edges.

    Rows and edges are empty where there is no value, or the width is no float or too small for floats of that size.
    """
    if not len(values):
        return np.full(len(q), np.nan), np.zeros(0, np.int64), np.zeros(0)
    *found, low, high = quantile(values, [*q, *OUTER])
    width, finest = (float(high) - float(low)) / bins, float(np.spacing(max(abs(low), abs(high))))
    if not math.isfinite(width) or (width or 1 / bins) <= 2 * finest:  # one value has a bin of its own, one wide
        return np.array(found), np.zeros(0, np.int64), np.zeros(0)
    return np.array(found), *np.histogram(np.clip(values, low, high), bins=bins)
