"""Scale numbers so that the training median is 0 and the range between two quantiles is 1.

Choose it where extreme values are real and should stay, but not set the scale for the others; they stay extreme. A
column whose middle half is one value is scaled by its standard deviation. Quantiles are exact up to the size of the
profile's sample (65,536 rows). Agrees with scikit-learn's `RobustScaler`. Reference: Huber and Ronchetti, "Robust
Statistics", 2009, chapter 5.
"""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from rayline.prepare.fitted import Affine
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import NumberColumn


class Config(ScaleConfig):
    low: float = Field(default=0.25, ge=0.0, lt=1.0)
    """Quantile at the lower end of the range."""
    high: float = Field(default=0.75, gt=0.0, le=1.0)
    """Quantile at its upper end."""

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")
        return self

    def build(self) -> Robust:
        return Robust(self.low, self.high)


class Robust(Scaler):
    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high

    def learn(self, column: NumberColumn) -> Affine:
        column.require_values("robust")
        middle = column.quantile(0.5)
        if column.is_constant:
            return Affine(0.0 - middle, 1.0)
        low, high = column.quantile(self._low), column.quantile(self._high)
        # a range of rounding alone would blow all else up
        varies = high - low > 1e-13 * max(abs(low), abs(high))
        return Affine(0.0 - middle, 1.0 / (high - low if varies else math.sqrt(column.variance)))
