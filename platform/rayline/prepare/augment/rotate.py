"""Turn images about their middle. Choose it where things are seen at an angle; a few degrees suit photographs of
upright things, 180 what has no up.

Reference: Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Fill, Levels, maps, moved


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    degrees: float = Field(default=15.0, gt=0, le=180)
    """The largest angle, either way."""
    fill: Fill = "black"
    """What stands in the corners: black, or the pixels of the edge drawn out."""

    def build(self) -> Rotate:
        return Rotate(self.p, self.degrees, self.fill)


class Rotate(ArrayAugmenter):
    def __init__(self, p: float, degrees: float, fill: Fill) -> None:
        super().__init__(p)
        self._reach = math.radians(degrees)
        self._fill: Fill = fill

    def _changed(self, array: Tensor, draw: Draw, levels: Levels) -> Tensor:
        angle_B = draw.between("angle", -self._reach, self._reach)
        height, width = array.shape[2:]
        cos, sin, none = angle_B.cos(), angle_B.sin(), torch.zeros_like(angle_B)
        # coordinates run from -1 to 1 on both sides: without the ratio an image that is not square would be sheared
        turned = maps(cos, -sin * height / width, none, sin * width / height, cos, none)
        return moved(array, turned, self._fill, levels)
