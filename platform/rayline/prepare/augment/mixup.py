"""Blend pairs of rows, inputs and targets alike. Choose it for networks that are too sure of themselves, for images,
sounds, sequences and number columns; not where a blend of two rows is nonsense and data is plentiful.

Every array of floats and every number column is blended; categories and words stay those of the row with the larger
share. Classes become shares of classes, numbers to predict are blended too. A row's partner is another one of its
batch, the same for any number of workers. Reference: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR
2018.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rayline.prepare.augment._augmenter import AugmentConfig, Augmenter, Examples, Inputs, Kind, spread
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._mix import Shares, mixed_target


class Config(AugmentConfig):
    kind: ClassVar[Kind] = "any"
    p: float = Field(default=1.0, ge=0, le=1)
    alpha: float = Field(default=0.2, gt=0, le=10)
    """Of the Beta distribution of shares: small blends little, 1 evenly."""

    def build(self) -> Mixup:
        return Mixup(self.p, self.alpha)


class Mixup(Augmenter):
    mixes = True

    def __init__(self, p: float, alpha: float) -> None:
        self._p = p
        self._shares = Shares(alpha)

    def __call__(self, examples: Examples, inputs: Inputs, draw: Draw) -> Examples:
        own_B = self._shares.draw(draw, self._p)
        partner_B = examples.partner
        tensors = [
            array * spread(own_B, array) + array[partner_B] * spread(1 - own_B, array)
            if array.is_floating_point()
            else array
            for array in examples.tensors
        ]
        numbers = examples.numbers * own_B[:, None] + examples.numbers[partner_B] * (1 - own_B)[:, None]
        target = mixed_target(examples, own_B, inputs.classes)
        return examples._replace(numbers=numbers, tensors=tuple(tensors), target=target)
