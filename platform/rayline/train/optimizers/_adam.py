"""What Adam and AdamW share: options, moments, torch's fused kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from rayline.train.optimizers._optimizer import Optimizer, OptimizerConfig

Beta = Annotated[float, Field(ge=0, lt=1)]


class AdamConfig(OptimizerConfig):
    """Options of both."""

    betas: tuple[Beta, Beta] = (0.9, 0.999)
    """Decay of the running mean of the gradient and of its running square."""
    eps: float = Field(default=1e-8, gt=0)
    """Keeps the step finite where the running square is near 0."""
    weight_decay: float = Field(default=0.0, ge=0)


class Adam(Optimizer):
    def __init__(self, weights: Tensor, config: AdamConfig, kernel: Callable[..., None]) -> None:
        self.weights = weights
        self.config = config
        self.kernel = kernel
        self.state = {
            "mean": torch.zeros_like(weights),
            "square": torch.zeros_like(weights),
            "steps": torch.zeros((), device=weights.device),
        }

    def step(self, gradient: Tensor, rate: float) -> None:
        state, config = self.state, self.config
        state["steps"] += 1
        self.kernel(
            [self.weights],
            [gradient],
            [state["mean"]],
            [state["square"]],
            [],
            [state["steps"]],
            lr=rate,
            beta1=config.betas[0],
            beta2=config.betas[1],
            weight_decay=config.weight_decay,
            eps=config.eps,
            amsgrad=False,
            maximize=False,
        )
