"""What an outlier step is: it learns from a training column between which limits its numbers lie."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Clip
from rayline.prepare.training_columns import NumberColumn


class Outliers(ABC):
    @abstractmethod
    def learn(self, column: NumberColumn) -> Clip:
        """The limits; what becomes of numbers beyond them is `OutliersConfig.action`'s to say."""


class OutliersConfig(PluginConfig, ABC):
    """Options every outlier step has."""

    action: Literal["clip", "missing", "drop"] = "clip"
    """`clip`: numbers beyond the limits become the limit. `missing`: they are treated as missing ones. `drop`:
    training rows with one are left out, and in rows to answer they are cut."""

    @abstractmethod
    def build(self) -> Outliers: ...
