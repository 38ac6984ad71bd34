"""What an outlier step is: it learns from a training column between which limits its numbers lie.

    limits → impute → scale      whatever `action` is

Limits are learnt from the values that were observed in training, before anything is filled, and are the same for every
action: what an imputer puts in for missing values neither moves them nor is cut. The imputer then learns from the
column as the limits leave it (cut, with the far ones missing, or without their rows), and the scaler from the filled
column. Requests and batches go the same way: limits, fill, scale.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Clip
from rayline.prepare.training_columns import NumberColumn


class Outliers(ABC):
    @abstractmethod
    def learn(self, column: NumberColumn) -> Clip:
        """The limits, from the observed values alone; of those beyond them `OutliersConfig.action` says."""


class OutliersConfig(PluginConfig, ABC):
    """Options every outlier step has."""

    action: Literal["clip", "missing", "drop"] = "clip"
    """`clip`: numbers beyond the limits become the limit. `missing`: they are treated as missing ones. `drop`:
    training rows with one are left out, and in rows to answer they are cut."""

    @abstractmethod
    def build(self) -> Outliers: ...
