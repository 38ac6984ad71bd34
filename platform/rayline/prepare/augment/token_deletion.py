"""Drop words at random. Choose it for short texts and few of them; a text keeps one word at least.

Reference: Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks",
EMNLP 2019.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._words import WordsConfig, present


class Config(WordsConfig):
    def build(self) -> TokenDeletion:
        return TokenDeletion(self.p, self.rate)


class TokenDeletion(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, rate: float) -> None:
        super().__init__(p)
        self._rate = rate

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        words = present(array)
        chance = draw.uniforms("words", array.shape[1])
        # the word that is least likely to go stays whatever is drawn
        safest = torch.where(words, chance, -1.0).argmax(dim=1, keepdim=True)
        kept = words & (chance >= self._rate)
        kept = kept.scatter(1, safest, words.gather(1, safest))
        order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
        return torch.where(kept, array, 0).gather(1, order)
