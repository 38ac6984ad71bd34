"""Cut numbers to the range between two quantiles of the training column's observed values (winsorising).

Choose it for long-tailed numbers, such as incomes, whose few extremes would rule the scale. A column that is nearly
always one value (capital gains) loses its rare others: widen the quantiles, or leave such a column uncut.
Missing values have no part in the quantiles, and are filled afterwards (`_outliers.py`).
Reference: Tukey, "The Future of Data Analysis", Annals of Mathematical Statistics 33, 1962.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from rayline.prepare.fitted import Clip
from rayline.prepare.outliers._outliers import Outliers, OutliersConfig
from rayline.prepare.training_columns import NumberColumn


class Config(OutliersConfig):
    low: float = Field(default=0.01, ge=0.0, lt=1.0)
    """Quantile below which numbers are cut; 0 leaves the low end as in training."""
    high: float = Field(default=0.99, gt=0.0, le=1.0)
    """Quantile above which numbers are cut; 1 leaves the high end as in training."""

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, not {self.low} and {self.high}")
        return self

    def build(self) -> Quantile:
        return Quantile(self.low, self.high)


class Quantile(Outliers):
    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high

    def learn(self, column: NumberColumn) -> Clip:
        column.require_values("quantile")
        return Clip(column.quantile(self._low), column.quantile(self._high))
