"""What an imputer is: it learns from a training column the one value that its missing values become."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from rayline.core.catalog import PluginConfig
from rayline.core.columns import FeatureType
from rayline.prepare.training_columns import CategoryColumn, NumberColumn


class Imputer:
    """A plug-in overrides what its `Config.types` name; the spec is checked against them before anything is learnt."""

    def number(self, column: NumberColumn) -> float:
        """The value for missing numbers."""
        raise NotImplementedError

    def category(self, column: CategoryColumn) -> str:
        """The text for missing categories."""
        raise NotImplementedError


class ImputeConfig(PluginConfig, ABC):
    """Options every imputer has."""

    types: ClassVar[frozenset[FeatureType]]
    """The kinds of column it can fill."""
    drops_rows: ClassVar[bool] = False
    """Whether rows with a missing value are left out of the data, and requests with one refused, instead of filled."""

    indicator: bool = False
    """Add a number column `NAME=(missing)` that is 1 where the value was missing, else 0."""

    @abstractmethod
    def build(self) -> Imputer: ...
