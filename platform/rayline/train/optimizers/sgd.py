"""Stochastic gradient descent with optional momentum. Choose it for its few moving parts, or when Adam over-fits.

Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, model_validator
from torch import Tensor, optim

from rayline.train.optimizers._optimizer import OptimizerConfig


class Config(OptimizerConfig):
    lr: float = Field(default=0.05, gt=0)
    """Learning rate at the schedule's peak."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty, added to the gradient."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Config:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0")
        return self

    def build(self, parameters: Iterable[Tensor]) -> optim.Optimizer:
        return optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )
