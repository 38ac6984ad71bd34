"""Adam: steps scaled by running moments of the gradient. Choose it without weight decay; else take `adamw`.

Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field
from torch import Tensor, optim

from rayline.train.optimizers._optimizer import Beta, OptimizerConfig


class Config(OptimizerConfig):
    lr: float = Field(default=1e-3, gt=0)
    """Learning rate at the schedule's peak."""
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    """Decay of the running mean and of the running square."""
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty, added to the gradient."""

    def build(self, parameters: Iterable[Tensor]) -> optim.Optimizer:
        return optim.Adam(
            parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True
        )
