"""A mean of all values so far, in which each step back weighs less (exponential smoothing).

Choose it where nothing later may be seen, as in forecasting and on a device: it needs one number of memory, and reacts
at once. It lags behind trends by about `1 / alpha` steps. A missing value takes the level before it; the first value
starts the level, as pandas' `ewm(alpha, adjust=False, ignore_na=True).mean()`. Reference: Brown, "Statistical
Forecasting for Inventory Control", 1959.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rayline.prepare.smooth._smoother import FloatArray, SmoothConfig, Smoother


class Config(SmoothConfig):
    alpha: float = Field(default=0.3, gt=0, le=1)
    """Weight of the newest value; 1 leaves everything as it is."""

    def build(self) -> Exponential:
        return Exponential(self.alpha)


class Exponential(Smoother):
    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def __call__(self, values: FloatArray) -> FloatArray:
        made = np.empty_like(values)
        level = np.full(values.shape[:-1], np.nan)
        for step in range(values.shape[-1]):
            now = values[..., step]
            moved = self._alpha * now + (1 - self._alpha) * level
            level = np.where(np.isnan(now), level, np.where(np.isnan(level), now, moved))
            made[..., step] = level
        return made
