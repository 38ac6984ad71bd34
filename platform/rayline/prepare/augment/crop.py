"""Cut a part out of each image and bring it to the whole size. Choose it first for photographs: it teaches that a
thing may be anywhere, at any size, slightly out of proportion.

Keep `area` high where the thing fills the picture, or what is cut out no longer shows it. Reference: Szegedy et al.,
"Going Deeper with Convolutions", CVPR 2015 (there an area of 0.08 to 1).
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, ordered
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Levels, maps, moved

Area = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(ge=0.1, le=10)]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "image"
    p: float = Field(default=1.0, ge=0, le=1)
    area: Annotated[tuple[Area, Area], AfterValidator(ordered)] = (0.6, 1.0)
    """Smallest and largest share of the image that is kept."""
    ratio: Annotated[tuple[Ratio, Ratio], AfterValidator(ordered)] = (3 / 4, 4 / 3)
    """Least and most stretching: width to height of the part, as shares of the image's."""

    def build(self) -> Crop:
        return Crop(self.p, self.area, self.ratio)


class Crop(ArrayAugmenter):
    def __init__(self, p: float, area: tuple[float, float], ratio: tuple[float, float]) -> None:
        super().__init__(p)
        self._area = area
        self._ratio = (math.log(ratio[0]), math.log(ratio[1]))

    def _changed(self, array: Tensor, draw: Draw, levels: Levels) -> Tensor:
        area_B = draw.between("area", *self._area)
        ratio_B = draw.between("ratio", *self._ratio).exp()
        width_B = (area_B * ratio_B).sqrt().clamp(max=1.0)
        height_B = (area_B / ratio_B).sqrt().clamp(max=1.0)
        place_B2 = draw.uniforms("place", 2) * 2 - 1
        none = torch.zeros_like(area_B)
        x_B, y_B = place_B2[:, 0] * (1 - width_B), place_B2[:, 1] * (1 - height_B)
        return moved(array, maps(width_B, none, x_B, none, height_B, y_B), "edge", levels)
