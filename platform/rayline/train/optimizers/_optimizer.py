"""What every optimizer plug-in offers.

The loop keeps all weights of a network in one flat vector, so an optimizer is one kernel a step, whatever the number
of layers. `torch.optim` is not used: its first step imports torch's compiler, 0.9 s in every process that trains.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import Field
from torch import Tensor

from rayline.core.catalog import PluginConfig


class Optimizer(ABC):
    """Moves one vector of weights against its gradient, in place."""

    state: dict[str, Tensor]
    """All that it remembers between steps. A checkpoint keeps it; whoever resumes copies it back in place."""

    @abstractmethod
    def step(self, gradient: Tensor, rate: float) -> None:
        """Move the weights; `rate` is the learning rate of this step."""


class OptimizerConfig(PluginConfig, ABC):
    """Options of an optimizer."""

    lr: float = Field(gt=0)
    """Learning rate at the schedule's peak."""

    @abstractmethod
    def build(self, weights: Tensor) -> Optimizer:
        """The optimizer of the vector `weights`, which it changes in place."""
