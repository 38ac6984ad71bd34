"""Fill missing values with the most frequent training value; the first in order of equally frequent ones.

Choose it for categories where missing says nothing by itself (else leave categories unfilled: missing is then a
category of its own), and for numbers that take few values, such as counts. Reference: Little and Rubin, 2019.
"""

from __future__ import annotations

from typing import ClassVar

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer
from rayline.prepare.training_columns import CategoryColumn, NumberColumn


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER, FeatureType.CATEGORY})

    def build(self) -> Mode:
        return Mode()


class Mode(Imputer):
    def number(self, column: NumberColumn) -> float:
        column.require_values("mode")
        return column.mode()

    def category(self, column: CategoryColumn) -> str:
        column.require_values("mode")
        return column.ranked()[0]
