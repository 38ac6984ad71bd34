"""AdamW: Adam with weight decay apart from the gradient. The default: forgiving about the learning rate.

Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from rayline.train.optimizers._adam import Adam, AdamConfig
from rayline.train.optimizers._optimizer import Optimizer


class Config(AdamConfig):
    lr: float = Field(default=4e-3, gt=0)
    """Learning rate at the schedule's peak."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Share of a weight taken off a step, times the learning rate."""

    def build(self, weights: Tensor) -> Optimizer:
        return Adam(weights, self, torch._fused_adamw_)
