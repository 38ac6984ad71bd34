"""A network's weights as one flat vector, so that a step is one kernel: zeroing, summing over workers, clipping, updating.

P weights in all
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class FlatWeights:
    """Moves a network's parameters and gradients into two vectors [P] that they become views of.

    `release()` gives the network its own tensors back.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self.vector_P = torch.cat([p.detach().reshape(-1) for p in self._parameters])
        self.vector_P.grad = torch.zeros_like(self.vector_P)
        start = 0
        for parameter in self._parameters:
            part = slice(start, start + parameter.numel())
            parameter.data = self.vector_P[part].view_as(parameter)
            # backward adds to a gradient that is there in place, so the views stay views
            parameter.grad = self.vector_P.grad[part].view_as(parameter)
            start = part.stop

    @property
    def grad_P(self) -> Tensor:
        assert self.vector_P.grad is not None
        return self.vector_P.grad

    def clip(self, norm: float) -> None:
        """Scale the gradient down to `norm` where it is longer."""
        grad_P = self.grad_P
        grad_P.mul_((norm / (torch.linalg.vector_norm(grad_P) + 1e-6)).clamp_(max=1.0))

    def release(self) -> None:
        for parameter in self._parameters:
            parameter.data = parameter.data.clone()
            parameter.grad = None


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of every tensor."""
    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()
