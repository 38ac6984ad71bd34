"""How big a network is before it is trained: parameters, and memory of a training step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayline.models.network import Network

MOMENTS = 2
"""Tensors an optimizer keeps for each weight (Adam's; plain SGD has none)."""


@dataclass(frozen=True)
class Size:
    parameters: int
    weights_bytes: int
    """Parameters and buffers: what a package holds and a replica loads."""
    training_bytes: int
    """Weights, gradients, moments, and the activations that one step keeps for its backward pass."""


def measure(network: Network, batch_rows: int) -> Size:
    """The size of `network` when a step takes `batch_rows` rows (in float32), from a forward pass of a few rows."""
    parameters = sum(p.numel() for p in network.parameters())
    weights = sum(t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers()))
    trained = sum(p.numel() * p.element_size() for p in network.parameters() if p.requires_grad)
    few, more = _kept_bytes(network, 2), _kept_bytes(network, 4)
    activations = few + (more - few) // 2 * max(batch_rows - 2, 0)
    return Size(parameters, weights, weights + trained * (1 + MOMENTS) + activations)


def _kept_bytes(network: Network, rows: int) -> int:
    """Bytes that autograd keeps of a forward pass in training mode, weights aside."""
    own = {t.untyped_storage().data_ptr() for t in (*network.parameters(), *network.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    layout, device = network.layout, next(network.parameters()).device
    numbers = torch.zeros(rows, len(layout.numbers), device=device)
    categories = torch.zeros(rows, len(layout.categories), dtype=torch.int32, device=device)
    was = network.training
    with torch.random.fork_rng(devices=[]), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = network.train()(numbers, categories)  # held: what it keeps must not be freed while it is counted
    network.train(was)
    del outputs
    return sum(kept.values())
