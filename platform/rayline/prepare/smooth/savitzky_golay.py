"""Fit a polynomial to the window around each step, and take its value there.

Choose it where peaks and slopes carry the meaning (spectra, heart beats, gestures): it keeps their height and width
where a mean flattens them. It follows outliers: take `median` before it. At the ends the first and last window's
polynomial is used, as `scipy.signal.savgol_filter(mode="interp")`. Missing values are bridged by straight lines for the
fit and stay missing; of sequences shorter than the window the longest odd part is the window. Reference: Savitzky and
Golay, "Smoothing and Differentiation of Data by Simplified Least Squares Procedures", Analytical Chemistry 1964.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from pydantic import Field, model_validator

from rayline.prepare.smooth._bridge import bridged
from rayline.prepare.smooth._smoother import FloatArray, SmoothConfig, Smoother


class Config(SmoothConfig):
    window: int = Field(default=7, ge=3, le=257)
    """Steps in a window, odd."""
    degree: int = Field(default=2, ge=0, le=9)
    """Of the polynomial; below `window`."""

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.window % 2 == 0:
            raise ValueError(f"a window is odd, such as {self.window + 1}; not {self.window}")
        if self.degree >= self.window:
            raise ValueError(f"degree must be below window, {self.window}; not {self.degree}")
        return self

    def build(self) -> SavitzkyGolay:
        return SavitzkyGolay(self.window, self.degree)


class SavitzkyGolay(Smoother):
    def __init__(self, window: int, degree: int) -> None:
        self._window = window
        self._degree = degree

    def __call__(self, values: FloatArray) -> FloatArray:
        length = values.shape[-1]
        window = min(self._window, length - 1 + length % 2)
        if window <= self._degree:  # the polynomial goes through every value
            return values.copy()
        filled = bridged(values)
        weights = _weights(window, self._degree)
        half = window // 2
        made = np.zeros_like(values)
        for tap in range(window):
            # inner steps: the window's middle row of weights, tap by tap
            made[..., half : length - half] += weights[half, tap] * filled[..., tap : length - window + 1 + tap]
            for end in range(half):
                made[..., end] += weights[end, tap] * filled[..., tap]
                made[..., length - 1 - end] += weights[end, tap] * filled[..., length - 1 - tap]
        return np.where(np.isnan(values), np.nan, made)


@lru_cache(maxsize=64)
def _weights(window: int, degree: int) -> FloatArray:
    """Row i weighs a window's values so that their sum is the fitted polynomial at place i; [window, window]."""
    # made orthogonal here, by sums without rounding: a linear algebra library's bits differ from machine to machine
    powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, window), degree).T
    made = np.zeros((window, window))
    basis: list[FloatArray] = []
    for power in powers:
        rest = power
        for other in basis * 2:
            rest = rest - math.fsum(rest * other) * other
        rest = rest / math.sqrt(math.fsum(rest * rest))
        basis.append(rest)
        made += np.multiply.outer(rest, rest)
    return made
