"""What every optimizer plug-in offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.optim import Optimizer

from rayline.core.catalog import PluginConfig

Beta = Annotated[float, Field(ge=0, lt=1)]
"""Decay of a running average."""


class OptimizerConfig(PluginConfig, ABC):
    """Options of an optimizer.

    The loop hands over all weights as one flat tensor: one kernel a step whatever the number of layers. An
    optimizer that treats layers apart does not fit here.
    """

    lr: float = Field(gt=0)
    """Learning rate at the schedule's peak."""

    @abstractmethod
    def build(self, parameters: Iterable[Tensor]) -> Optimizer:
        """The torch optimizer of `parameters`."""
