"""The median of the values in a window around each step.

Choose it against single wrong values (a sensor's spikes, lost packets): it drops them whole and keeps edges sharp,
where a mean smears both. It is slower. At the ends, and where values are missing, the median is of those that are
there, as pandas' `rolling(window, center=True, min_periods=1).median()`. Reference: Tukey, "Exploratory Data Analysis",
1977, chapter 7.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, field_validator

from rayline.prepare.smooth._smoother import FloatArray, SmoothConfig, Smoother, shifted


class Config(SmoothConfig):
    window: int = Field(default=5, ge=1, le=257)
    """Steps in a window, odd."""

    @field_validator("window")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(f"a centred window is odd, such as {value + 1}; not {value}")
        return value

    def build(self) -> Median:
        return Median(self.window)


class Median(Smoother):
    def __init__(self, window: int) -> None:
        self._reach = window // 2

    def __call__(self, values: FloatArray) -> FloatArray:
        around = np.stack([shifted(values, step) for step in range(-self._reach, self._reach + 1)])
        around.sort(axis=0)  # NaN last
        count = (~np.isnan(around)).sum(axis=0)
        low, high = np.maximum(count - 1, 0) // 2, count // 2
        below, above = (
            np.take_along_axis(around, place[None], axis=0)[0] for place in (low, np.minimum(high, len(around) - 1))
        )
        # halves first: the sum of two large numbers overflows
        return np.where(count == 0, np.nan, np.where(low == high, below, below / 2 + above / 2))
