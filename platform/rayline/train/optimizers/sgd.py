"""Stochastic gradient descent, with momentum if asked. Choose it for its few moving parts, or when Adam over-fits.

Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
"""

from __future__ import annotations

import torch
from pydantic import Field, model_validator
from torch import Tensor

from rayline.train.optimizers._optimizer import Optimizer, OptimizerConfig


class Config(OptimizerConfig):
    lr: float = Field(default=0.1, gt=0)
    """Learning rate at the schedule's peak."""
    momentum: float = Field(default=0.0, ge=0, lt=1)
    """Share of the last step that this one keeps. 0.9 is usual, with a tenth of the rate."""
    nesterov: bool = False
    """Look ahead along the momentum; needs momentum."""
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty, added to the gradient."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Config:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum above 0")
        return self

    def build(self, weights: Tensor) -> Optimizer:
        return SGD(weights, self)


class SGD(Optimizer):
    def __init__(self, weights: Tensor, config: Config) -> None:
        self.weights = weights
        self.config = config
        self.state = {"momentum": torch.zeros_like(weights)} if config.momentum else {}

    def step(self, gradient: Tensor, rate: float) -> None:
        torch._fused_sgd_(
            [self.weights],
            [gradient],
            list(self.state.values()),
            weight_decay=self.config.weight_decay,
            momentum=self.config.momentum,
            lr=rate,
            dampening=0.0,
            nesterov=self.config.nesterov,
            maximize=False,
            is_first_step=False,
        )
