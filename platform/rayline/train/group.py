"""The workers that train one model together: one process alone, or one rank of torch.distributed."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor


class Group(Protocol):
    """A worker's view of the others."""

    rank: int
    size: int

    def sum_(self, tensor: Tensor) -> None:
        """Replace `tensor` by its sum over all workers; every worker must call it equally often."""

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """`tensor` of every worker, in rank order."""


class Alone:
    """One worker: nothing to agree on."""

    rank = 0
    size = 1

    def sum_(self, tensor: Tensor) -> None:
        pass

    def gather(self, tensor: Tensor) -> list[Tensor]:
        return [tensor]


class Distributed:
    """A rank of the process group that is already initialised (gloo on CPUs, NCCL on GPUs)."""

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()

    def sum_(self, tensor: Tensor) -> None:
        dist.all_reduce(tensor)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        everyone = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(everyone, tensor)
        return everyone
