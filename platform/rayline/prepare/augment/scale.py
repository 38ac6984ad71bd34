"""Bring images nearer or farther. Choose it where things come in other sizes than in the training images.

Smaller images are framed in black or by their edge; larger ones lose their rims. Reference: Simonyan and Zisserman,
"Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, ordered
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Fill, Levels, maps, moved

Factor = Annotated[float, Field(ge=0.1, le=10)]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    factor: Annotated[tuple[Factor, Factor], AfterValidator(ordered)] = (0.8, 1.25)
    """Smallest and largest size of what is seen, 1 as it is; even on a scale of ratios."""
    fill: Fill = "black"

    def build(self) -> Scale:
        return Scale(self.p, self.factor, self.fill)


class Scale(ArrayAugmenter):
    def __init__(self, p: float, factor: tuple[float, float], fill: Fill) -> None:
        super().__init__(p)
        self._low, self._high = math.log(factor[0]), math.log(factor[1])
        self._fill: Fill = fill

    def _changed(self, array: Tensor, draw: Draw, levels: Levels) -> Tensor:
        step_B = (-draw.between("factor", self._low, self._high)).exp()
        none = torch.zeros_like(step_B)
        return moved(array, maps(step_B, none, none, none, step_B, none), self._fill, levels)
