"""Take numbers far outside the middle half of the training column's observed values as outliers (Tukey's fences).

Choose it for numbers of any shape with few extremes; on long tails it takes many for outliers (widen `factor`, or use
`quantile`). A column whose middle half is one value is left as it is. Quartiles are exact up to the size of the
profile's sample (65,536 rows). Missing values have no part in them and are filled afterwards (`_outliers.py`).
Reference: Tukey, "Exploratory Data Analysis", 1977, section 2D.
"""

from __future__ import annotations

from pydantic import Field

from rayline.prepare.fitted import Clip
from rayline.prepare.outliers._outliers import Outliers, OutliersConfig
from rayline.prepare.training_columns import NumberColumn


class Config(OutliersConfig):
    factor: float = Field(default=1.5, ge=0.0)
    """How many widths of the middle half beyond it outliers begin; 3 takes the far out alone."""

    def build(self) -> Iqr:
        return Iqr(self.factor)


class Iqr(Outliers):
    def __init__(self, factor: float) -> None:
        self._factor = factor

    def learn(self, column: NumberColumn) -> Clip:
        column.require_values("iqr")
        low, high = column.quantile(0.25), column.quantile(0.75)
        if high - low <= 1e-13 * max(abs(low), abs(high)):
            return Clip(column.minimum, column.maximum)
        reach = self._factor * (high - low)
        return Clip(low - reach, high + reach)
