"""Adam: steps scaled by running moments of the gradient. Choose it without weight decay; else take `adamw`.

Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from rayline.train.optimizers._adam import Adam, AdamConfig
from rayline.train.optimizers._optimizer import Optimizer


class Config(AdamConfig):
    lr: float = Field(default=1e-3, gt=0)
    """Learning rate at the schedule's peak."""
    weight_decay: float = Field(default=0.0, ge=0)
    """L2 penalty, added to the gradient."""

    def build(self, weights: Tensor) -> Optimizer:
        return Adam(weights, self, torch._fused_adam_)
