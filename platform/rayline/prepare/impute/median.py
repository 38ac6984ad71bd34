"""Fill missing numbers with the training median.

The default: extreme values do not move it. Exact up to the size of the profile's sample (65,536 rows), beyond that
with a rank error of about 0.2%. Reference: Little and Rubin, "Statistical Analysis with Missing Data", 2019.
"""

from __future__ import annotations

from typing import ClassVar

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer
from rayline.prepare.training_columns import NumberColumn


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER})

    def build(self) -> Median:
        return Median()


class Median(Imputer):
    def number(self, column: NumberColumn) -> float:
        column.require_values("median")
        return column.quantile(0.5)
