"""What a scaler is: it learns from a training column the map that brings it to a common scale."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Affine, Bent
from rayline.prepare.training_columns import NumberColumn


class Scaler(ABC):
    """A column that does not vary is scaled by 1."""

    @abstractmethod
    def learn(self, column: NumberColumn) -> Affine | Bent: ...


class ScaleConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Scaler: ...
