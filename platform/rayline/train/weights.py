"""A network's weights as one flat vector: zeroing, summing over workers, clipping and updating are one kernel each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class FlatWeights:
    """Moves a network's parameters and gradients into two vectors that they become views of.

    `release()` gives the network tensors of its own again.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self.vector = torch.cat([p.detach().reshape(-1) for p in self._parameters])
        self.gradient = torch.zeros_like(self.vector)
        start = 0
        for parameter in self._parameters:
            part = slice(start, start + parameter.numel())
            parameter.data = self.vector[part].view_as(parameter)
            # backward adds in place to a gradient that is there, so the views stay views
            parameter.grad = self.gradient[part].view_as(parameter)
            start = part.stop

    def clip(self, norm: float) -> None:
        """Scale the gradient down to `norm` where it is longer."""
        self.gradient.mul_((norm / (torch.linalg.vector_norm(self.gradient) + 1e-6)).clamp_(max=1.0))

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
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
