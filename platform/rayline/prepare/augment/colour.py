"""Change brightness, contrast, saturation and hue. Choose it for photographs taken in other light, by other cameras.

Set `hue` to 0 where colour is what tells classes apart. Hue is turned about the axis of greys in YIQ, which is one
product of matrices and close to a turn of HSV for small angles. Grey images change in brightness and contrast alone.
Reference: Howard, "Some Improvements on Deep Convolutional Neural Network Based Image Classification", 2013.
"""

from __future__ import annotations

import math
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, spread
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Levels, ends

LUMA = (0.299, 0.587, 0.114)
YIQ = (LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
"""Rows: brightness, orange to blue, purple to green (NTSC, 1953)."""


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    brightness: float = Field(default=0.2, ge=0, le=1)
    """Light times 1 - b to 1 + b."""
    contrast: float = Field(default=0.2, ge=0, le=1)
    """Distance to the image's mean grey times 1 - c to 1 + c."""
    saturation: float = Field(default=0.2, ge=0, le=1)
    """Distance to each pixel's grey times 1 - s to 1 + s."""
    hue: float = Field(default=0.03, ge=0, le=0.5)
    """Turns of the colour circle, either way, at most."""

    def build(self) -> Colour:
        return Colour(self.p, self.brightness, self.contrast, self.saturation, self.hue)


class Colour(ArrayAugmenter):
    def __init__(self, p: float, brightness: float, contrast: float, saturation: float, hue: float) -> None:
        super().__init__(p)
        self._brightness, self._contrast, self._saturation, self._hue = brightness, contrast, saturation, hue

    def _changed(self, array: Tensor, draw: Draw, levels: Levels) -> Tensor:
        black, white = ends(array, levels)
        light = (array - black) / (white - black)
        light = (light * self._factor("brightness", self._brightness, draw, array)).clamp_(0, 1)
        mean = _grey(light).mean(dim=(1, 2, 3), keepdim=True)
        light = torch.lerp(mean, light, self._factor("contrast", self._contrast, draw, array)).clamp_(0, 1)
        if array.shape[1] == 3:
            light = torch.lerp(_grey(light), light, self._factor("saturation", self._saturation, draw, array))
            light = _turned(light.clamp_(0, 1), draw.between("hue", -self._hue, self._hue)).clamp_(0, 1)
        return light * (white - black) + black

    def _factor(self, name: str, reach: float, draw: Draw, array: Tensor) -> Tensor:
        return spread(draw.between(name, 1 - reach, 1 + reach), array)


def _grey(light_BCHW: Tensor) -> Tensor:
    """Brightness [B, 1, H, W]."""
    if light_BCHW.shape[1] != 3:
        return light_BCHW.mean(dim=1, keepdim=True)
    red, green, blue = (light_BCHW[:, place : place + 1] for place in range(3))
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def _turned(light_BCHW: Tensor, turns_B: Tensor) -> Tensor:
    """Colours turned about the axis of greys. The map is `fixed + cos * across + sin * round`, elementwise: a batched
    product of matrices may add in another order for another batch.
    """
    fixed_33, across_33, round_33 = (light_BCHW.new_tensor(part) for part in _parts())
    angle_B11 = (turns_B * 2 * math.pi).reshape(-1, 1, 1)
    maps_B33 = fixed_33 + angle_B11.cos() * across_33 + angle_B11.sin() * round_33
    red, green, blue = (light_BCHW[:, place] for place in range(3))
    mixed = [
        maps_B33[:, row, 0, None, None] * red
        + maps_B33[:, row, 1, None, None] * green
        + maps_B33[:, row, 2, None, None] * blue
        for row in range(3)
    ]
    return torch.stack(mixed, dim=1)


@cache
def _parts() -> tuple[list[list[float]], ...]:
    to_33 = np.array(YIQ)
    back_33 = np.linalg.inv(to_33)
    turns = np.array(
        [
            [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
            [[0, 0, 0], [0, 1, 0], [0, 0, 1]],
            [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        ]
    )
    return tuple((back_33 @ turn_33 @ to_33).tolist() for turn_33 in turns)
