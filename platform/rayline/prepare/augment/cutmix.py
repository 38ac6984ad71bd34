"""Paste a box of another image into each. Choose it for classification of photographs, where mixup's ghosts hurt.

Targets are shared by area: a box of a quarter of the image brings a quarter of its class. Inputs that are no images
stay the row's own, which has half of the area or more. Reference: Yun et al., "CutMix: Regularization Strategy to
Train Strong Classifiers with Localizable Features", ICCV 2019.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from rayline.prepare.augment._augmenter import AugmentConfig, Augmenter, Examples, Inputs, Kind
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import inside
from rayline.prepare.augment._mix import Shares, mixed_target


class Config(AugmentConfig):
    kind: ClassVar[Kind] = "image"
    alpha: float = Field(default=1.0, gt=0, le=10)
    """Of the Beta distribution of areas: small pastes little, 1 evenly."""

    def build(self) -> Cutmix:
        return Cutmix(self.p, self.alpha)


class Cutmix(Augmenter):
    mixes = True

    def __init__(self, p: float, alpha: float) -> None:
        self._p = p
        self._shares = Shares(alpha)

    def __call__(self, examples: Examples, inputs: Inputs, draw: Draw) -> Examples:
        side_B1 = (1 - self._shares.draw(draw, self._p)).sqrt()[:, None]
        sides_B2 = side_B1.expand(-1, 2)
        centre_B2 = side_B1 / 2 + draw.uniforms("place", 2) * (1 - side_B1)  # wholly inside
        tensors = list(examples.tensors)
        own_B = torch.ones_like(side_B1[:, 0])
        for place in inputs.places:
            array = tensors[place]
            pasted = inside(array.shape, centre_B2, sides_B2) & (side_B1 > 0)[:, :, None, None]
            tensors[place] = torch.where(pasted, array[examples.partner], array)
            # by pixels, not by the box: a box of less than a pixel changes nothing
            own_B = torch.minimum(own_B, 1 - pasted.float().mean(dim=(1, 2, 3)))
        return examples._replace(tensors=tuple(tensors), target=mixed_target(examples, own_B, inputs.classes))
