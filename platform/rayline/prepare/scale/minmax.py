"""Scale numbers so that the training rows run from `low` to `high`; later values may lie outside.

Choose it for numbers with natural bounds (grades, percentages, pixels). One extreme value squeezes all others: cut
outliers first, or use `standard`. Reference: Han, Kamber and Pei, "Data Mining", 2011, section 3.5.2.
"""

from __future__ import annotations

from pydantic import model_validator

from rayline.prepare.fitted import Affine
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import NumberColumn


class Config(ScaleConfig):
    low: float = 0.0
    """Where the training minimum goes."""
    high: float = 1.0
    """Where the training maximum goes."""

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")
        return self

    def build(self) -> MinMax:
        return MinMax(self.low, self.high)


class MinMax(Scaler):
    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high

    def learn(self, column: NumberColumn) -> Affine:
        column.require_values("minmax")
        factor = 1.0 if column.is_constant else (self._high - self._low) / (column.maximum - column.minimum)
        return Affine(self._low / factor - column.minimum, factor)
