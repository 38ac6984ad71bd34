"""What an outlier step is: it learns from a training column between which limits its numbers are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Clip
from rayline.prepare.training_columns import NumberColumn


class Outliers(ABC):
    @abstractmethod
    def learn(self, column: NumberColumn) -> Clip: ...


class OutliersConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Outliers: ...
