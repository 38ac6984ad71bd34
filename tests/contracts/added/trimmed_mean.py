"""Fill missing numbers with the mean of the middle of the training numbers.

Choose it where the mean is wanted and a few extreme values would pull it. Reference: Tukey and McLaughlin, "Less
Vulnerable Confidence and Significance Procedures for Location", Sankhya A 25, 1963.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer
from rayline.prepare.training_columns import NumberColumn


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER})

    share: float = Field(default=0.1, ge=0.0, lt=0.5)
    """Share of the numbers that is left out at either end."""

    def build(self) -> TrimmedMean:
        return TrimmedMean(self.share)


class TrimmedMean(Imputer):
    def __init__(self, share: float) -> None:
        self._share = share

    def number(self, column: NumberColumn) -> float:
        column.require_values("trimmed_mean")
        cut = int(self._share * len(column.sample))
        return float(np.mean(column.sample[cut : len(column.sample) - cut]))
