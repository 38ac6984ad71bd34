"""Random numbers that follow from a row's key and nothing else: no state, any order, any device, any worker.

Each row has a stream of its own, splitmix64 (Steele, Lea and Flood, 2014) started at a hash of its key; number i of it
is a hash of start and i. Whichever rows share a batch, and whichever worker or device has them, a row draws the same.

B rows · N numbers a row
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from rayline.core import seeds

GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
MIX = (0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64))
"""Constants of splitmix64 as the signed numbers that torch's 64 bits hold; products wrap around as unsigned ones do."""


@cache
def _seed(seed: int, name: str) -> int:
    return seeds.derive(seed, name)


def mixed(values: Tensor) -> Tensor:
    """The finaliser of splitmix64 over int64 tensors, elementwise."""
    z = (values ^ _shifted(values, 30)) * MIX[0]
    z = (z ^ _shifted(z, 27)) * MIX[1]
    return z ^ _shifted(z, 31)


def _shifted(values: Tensor, by: int) -> Tensor:
    # torch's >> keeps the sign; the bits that come in from the left must be zeros
    return (values >> by) & ((1 << (64 - by)) - 1)


class Draw:
    """What the rows of a batch draw for one purpose; the same name gives the same numbers each time it is asked."""

    def __init__(self, keys_B: Tensor, seed: int) -> None:
        self.keys = keys_B
        self.seed = seed

    def apart(self, place: int) -> Draw:
        """Numbers of its own for input number `place`."""
        return Draw(self.keys, _seed(self.seed, f"input {place}"))

    def bits(self, name: str, size: int) -> Tensor:
        """Int64 [B, size]: 64 random bits each."""
        start_B = mixed((self.keys ^ _seed(self.seed, name)) + GOLDEN)
        steps_N = torch.arange(1, size + 1, dtype=torch.int64, device=self.keys.device) * GOLDEN
        return mixed(start_B[:, None] + steps_N)

    def uniforms(self, name: str, size: int) -> Tensor:
        """Float32 [B, size] in [0, 1), of 24 bits each."""
        return _shifted(self.bits(name, size), 40).float() * 2.0**-24

    def between(self, name: str, low: float, high: float) -> Tensor:
        """Float32 [B], uniform from `low` to `high`."""
        return low + (high - low) * self.uniforms(name, 1)[:, 0]

    def normals(self, name: str, size: int) -> Tensor:
        """Float32 [B, size] of a standard normal distribution, two of each 64 bits (Box and Muller, 1958)."""
        bits = self.bits(name, (size + 1) // 2)
        length = (-2 * ((_shifted(bits, 40) + 1).float() * 2.0**-24).log()).sqrt()
        angle = ((bits >> 8) & 0xFFFFFF).float() * (2.0**-24 * 2 * math.pi)
        return torch.stack([length * angle.cos(), length * angle.sin()], dim=2).reshape(len(bits), -1)[:, :size]

    def chosen(self, p: float) -> Tensor:
        """Bool [B]: which rows are changed, a share `p` of them."""
        return self.uniforms("chosen", 1)[:, 0] < p
