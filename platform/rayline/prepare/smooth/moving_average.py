"""The mean of the values in a window around (or before) each step.

Choose it first, for noise without outliers: it is plain and its delay is known. It flattens narrow peaks; where those
matter use `savitzky_golay`, and against single wrong values `median`. At the ends, and where values are missing, the
mean is of those that are there, as pandas' `rolling(window, center=True, min_periods=1).mean()`. Reference: Smith, "The
Scientist and Engineer's Guide to Digital Signal Processing", 1997, chapter 15.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from rayline.prepare.smooth._smoother import FloatArray, SmoothConfig, Smoother, shifted


class Config(SmoothConfig):
    window: int = Field(default=5, ge=1, le=4097)
    """Steps in a window; odd where it is centred."""
    centred: bool = True
    """Whether the window lies around a step; else it ends there, and nothing later is seen."""

    @model_validator(mode="after")
    def _odd(self) -> Config:
        if self.centred and self.window % 2 == 0:
            raise ValueError(f"a centred window is odd, such as {self.window + 1}; not {self.window}")
        return self

    def build(self) -> MovingAverage:
        return MovingAverage(self.window, centred=self.centred)


class MovingAverage(Smoother):
    def __init__(self, window: int, *, centred: bool) -> None:
        after = window // 2 if centred else 0
        self._steps = range(-after, window - after)

    def __call__(self, values: FloatArray) -> FloatArray:
        total, count = np.zeros_like(values), np.zeros_like(values)
        for step in self._steps:
            moved = shifted(values, step)
            there = ~np.isnan(moved)
            total += np.where(there, moved, 0)
            count += there
        return np.divide(total, count, out=np.full_like(values, np.nan), where=count > 0)
