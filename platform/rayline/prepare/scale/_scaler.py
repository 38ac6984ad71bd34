"""What a scaler is: it learns from a training column the map that brings it to a common scale."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Affine, Bent
from rayline.prepare.training_columns import NumberColumn


class Scaler(ABC):
    """A column that does not vary is scaled by 1."""

    @abstractmethod
    def learn(self, column: NumberColumn) -> Affine | Bent: ...


class ScaleConfig(PluginConfig, ABC):
    keeps_values: ClassVar[bool] = False
    """Whether what is learnt holds many values of training; no private column is then scaled by it."""

    @abstractmethod
    def build(self) -> Scaler: ...
