"""Fills what is missing within sequences from the values around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayline.prepare.smooth._smoother import FloatArray


def bridged(values: FloatArray) -> FloatArray:
    """NaN of `values` [..., T] on the straight line between its neighbours; at the ends the nearest value.

    A sequence of nothing but NaN stays so.
    """
    if not np.isnan(values).any():
        return values
    before, after = _neighbour(values), values.shape[-1] - 1 - _neighbour(values[..., ::-1])[..., ::-1]
    left, right = _at(values, before), _at(values, after)
    place = np.arange(values.shape[-1])
    share = (place - before) / np.maximum(after - before, 1)
    between = left * (1 - share) + right * share
    lone = np.where(before < 0, right, left)
    filled = np.where((before >= 0) & (after < values.shape[-1]), between, lone)
    return np.where(np.isnan(values), filled, values)


def carried(values: FloatArray) -> FloatArray:
    """NaN of `values` [..., T] as the value before it; before the first value, as that one."""
    if not np.isnan(values).any():
        return values
    before, after = _neighbour(values), values.shape[-1] - 1 - _neighbour(values[..., ::-1])[..., ::-1]
    return _at(values, np.where(before >= 0, before, after))


def _neighbour(values: FloatArray) -> npt.NDArray[np.int64]:
    """The place of the last value at or before each step, -1 where there is none."""
    place = np.where(np.isnan(values), -1, np.arange(values.shape[-1]))
    return np.maximum.accumulate(place, axis=-1)


def _at(values: FloatArray, place: npt.NDArray[np.int64]) -> FloatArray:
    return np.take_along_axis(values, np.clip(place, 0, values.shape[-1] - 1), axis=-1)
