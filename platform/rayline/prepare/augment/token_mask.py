"""Replace words by the unknown word. Choose it so that a network does not lean on single words, and learns what to do
with words it has never seen.

Reference: Iyyer et al., "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", ACL 2015 (word
dropout).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rayline.core.prepared import UNKNOWN_ID
from rayline.prepare.augment._augmenter import ArrayAugmenter
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._words import WordsConfig, present


class Config(WordsConfig):
    def build(self) -> TokenMask:
        return TokenMask(self.p, self.rate)


class TokenMask(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, rate: float) -> None:
        super().__init__(p)
        self._rate = rate

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        hidden = present(array) & (draw.uniforms("words", array.shape[1]) < self._rate)
        return torch.where(hidden, UNKNOWN_ID, array)
