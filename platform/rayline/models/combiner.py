"""Puts the encoders' outputs side by side: the one place where mixed inputs meet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Combiner(nn.Module):
    """Concatenates encoded inputs [B, W_i] to [B, sum W_i]."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.width = sum(widths)

    def forward(self, encoded: list[Tensor]) -> Tensor:
        return encoded[0] if len(encoded) == 1 else torch.cat(encoded, dim=1)
