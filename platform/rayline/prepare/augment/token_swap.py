"""Exchange words at random. Choose it for texts whose topic matters more than their grammar.

Reference: Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks",
EMNLP 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._words import WordsConfig, present


class Config(WordsConfig):
    """An exchange moves two words: half as many exchanges as `rate` says, one at least."""

    def build(self) -> TokenSwap:
        return TokenSwap(self.p, self.rate)


class TokenSwap(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, rate: float) -> None:
        super().__init__(p)
        self._rate = rate

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        words_B = present(array).sum(dim=1)
        swaps_B = (words_B * self._rate / 2).ceil()
        most = math.ceil(array.shape[1] * self._rate / 2)
        drawn = (draw.uniforms("places", 2 * most) * words_B[:, None]).long()  # words come first, padding after
        changed = array.clone()
        for swap in range(most):
            pair_B2 = drawn[:, 2 * swap : 2 * swap + 2]
            found_B2 = changed.gather(1, pair_B2)
            exchanged = torch.where((swap < swaps_B)[:, None], found_B2.flip(1), found_B2)
            changed = changed.scatter(1, pair_B2, exchanged)
        return changed
