"""Mirror images. Choose it where left and right mean the same (animals, scenes), never for text, digits or signs.

`vertical` is for pictures without an up (cells, aerial views). Reference: Krizhevsky et al., "ImageNet Classification
with Deep Convolutional Neural Networks", 2012.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._draw import Draw

Direction = Literal["horizontal", "vertical", "both"]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    direction: Direction = "horizontal"
    """horizontal: left and right change sides; vertical: top and bottom; both: one of the two, or both at once."""

    def build(self) -> Flip:
        return Flip(self.p, self.direction)


class Flip(ArrayAugmenter):
    def __init__(self, p: float, direction: Direction) -> None:
        super().__init__(p)
        self._direction = direction

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        if self._direction != "both":
            return array.flip(3 if self._direction == "horizontal" else 2)
        which = draw.uniforms("direction", 1).reshape(-1, 1, 1, 1)
        across = torch.where(which < 2 / 3, array.flip(3), array)
        return torch.where(which > 1 / 3, across.flip(2), across)
