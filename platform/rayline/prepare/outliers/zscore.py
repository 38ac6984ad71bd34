"""Take numbers further than some standard deviations from the mean of the observed training values as outliers.

Choose it for numbers that are nearly normal. Extreme values move mean and deviation themselves and may hide in them:
`robust: true` measures by the median and the median deviation instead. Missing values have no part in either and are
filled afterwards (`_outliers.py`). Reference: Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993 (there
`robust` is the modified z-score).
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from rayline.prepare.fitted import Clip
from rayline.prepare.outliers._outliers import Outliers, OutliersConfig
from rayline.prepare.training_columns import NumberColumn

NORMAL = 1.482602218505602
"""Standard deviations of a normal distribution in one median deviation."""


class Config(OutliersConfig):
    limit: float = Field(default=3.0, gt=0.0)
    """Standard deviations from the mean at which outliers begin."""
    robust: bool = False
    """Measure from the median, in median absolute deviations times 1.4826."""

    def build(self) -> ZScore:
        return ZScore(self)


class ZScore(Outliers):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: NumberColumn) -> Clip:
        column.require_values("zscore")
        centre, spread = column.mean, math.sqrt(column.variance)
        if self._options.robust:
            centre = column.quantile(0.5)
            spread = NORMAL * float(np.median(np.abs(column.sample - centre)))
        if column.is_constant or spread == 0.0:  # by rounding alone nothing is an outlier
            return Clip(column.minimum, column.maximum)
        return Clip(centre - self._options.limit * spread, centre + self._options.limit * spread)
