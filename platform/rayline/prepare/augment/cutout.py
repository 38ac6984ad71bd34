"""Blank out boxes of each image. Choose it where a network leans on one detail of a thing that may be hidden.

Reference: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017; Zhong et
al., "Random Erasing Data Augmentation", AAAI 2020.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, ordered
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Levels, ends, inside

Side = Annotated[float, Field(gt=0, le=1)]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    holes: int = Field(default=1, ge=1, le=16)
    side: Annotated[tuple[Side, Side], AfterValidator(ordered)] = (0.2, 0.4)
    """Shortest and longest side of a hole, as shares of height and width; each side is drawn apart."""
    fill: Literal["mean", "black"] = "mean"
    """mean: each image's own mean colour."""

    def build(self) -> Cutout:
        return Cutout(self.p, self.holes, self.side, black=self.fill == "black")


class Cutout(ArrayAugmenter):
    def __init__(self, p: float, holes: int, side: tuple[float, float], *, black: bool) -> None:
        super().__init__(p)
        self._holes = holes
        self._side = side
        self._black = black

    def _changed(self, array: Tensor, draw: Draw, levels: Levels) -> Tensor:
        low, high = self._side
        places, sides = draw.uniforms("place", 2 * self._holes), draw.uniforms("side", 2 * self._holes)
        hidden = torch.zeros((len(array), 1, *array.shape[2:]), dtype=torch.bool, device=array.device)
        for hole in range(0, 2 * self._holes, 2):
            hidden |= inside(array.shape, places[:, hole : hole + 2], low + (high - low) * sides[:, hole : hole + 2])
        blank = ends(array, levels)[0] if self._black else array.mean(dim=(2, 3), keepdim=True)
        return torch.where(hidden, blank, array)
