"""Divide numbers by the largest absolute value of the training rows: they run from -1 to 1, and zero stays zero.

Choose it for numbers that are mostly zero (counts, sums that few rows have), where zero must stay what it is. One
extreme value squeezes all others: cut outliers first. Agrees with scikit-learn's `MaxAbsScaler`. Reference: Han, Kamber
and Pei, "Data Mining", 2011, section 3.5.2.
"""

from __future__ import annotations

from rayline.prepare.fitted import Affine
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import SMALLEST_STD, NumberColumn


class Config(ScaleConfig):
    def build(self) -> MaxAbs:
        return MaxAbs()


class MaxAbs(Scaler):
    def learn(self, column: NumberColumn) -> Affine:
        column.require_values("maxabs")
        largest = max(abs(column.minimum), abs(column.maximum))
        return Affine(0.0, 1.0 / largest if largest > SMALLEST_STD else 1.0)
