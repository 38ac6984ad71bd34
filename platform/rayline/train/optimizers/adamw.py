"""AdamW: Adam with weight decay apart from the gradient. The default: forgiving about the learning rate.

Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field
from torch import Tensor, optim

from rayline.train.optimizers._optimizer import Beta, OptimizerConfig


class Config(OptimizerConfig):
    lr: float = Field(default=2e-3, gt=0)
    """Learning rate at the schedule's peak."""
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    """Decay of the running mean and of the running square."""
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    """Share of a weight taken off a step, times the learning rate."""

    def build(self, parameters: Iterable[Tensor]) -> optim.Optimizer:
        return optim.AdamW(
            parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True
        )
