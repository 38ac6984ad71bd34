"""Fill missing numbers with the training mean.

Choose it for roughly symmetric numbers whose mean the model should keep. Extreme values pull it: prefer `median`
then. Reference: Little and Rubin, "Statistical Analysis with Missing Data", 2019, section 4.2.
"""

from __future__ import annotations

from typing import ClassVar

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer
from rayline.prepare.training_columns import NumberColumn


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER})

    def build(self) -> Mean:
        return Mean()


class Mean(Imputer):
    def number(self, column: NumberColumn) -> float:
        column.require_values("mean")
        return column.mean
