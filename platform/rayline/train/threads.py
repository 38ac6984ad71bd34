"""How many threads a training is worth: small steps are faster on one, and waiting threads slow everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

OPERATIONS_PER_THREAD = 2e9
"""Multiplications and additions in a step for each thread. Threads wait for each other dozens of times a step, and on
cores that others use too, two are not faster but up to 20 times slower than one; only long steps are worth it."""


@contextmanager
def threads_for(network: nn.Module, rows: int, most: int | None) -> Iterator[int]:
    """torch's threads set to what steps of `rows` rows pay for, at most `most` (default: torch's own number)."""
    was = torch.get_num_threads()
    weights = sum(p.numel() for p in network.parameters())
    worth = int(6 * weights * rows / OPERATIONS_PER_THREAD)  # forward 2, backward 4 operations a weight and row
    threads = max(1, min(worth, most or was))
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(was)
