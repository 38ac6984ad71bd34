"""Move sounds in time. Choose it where what is heard may begin at any moment of the clip.

Samples and spectrograms alike move along their last axis; what leaves at one end is lost, silence comes in at the
other, or with `wrap` what was lost. Reference: Salamon and Bello, "Deep Convolutional Neural Networks and Data
Augmentation for Environmental Sound Classification", IEEE SPL 2017.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, spread
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "audio"
    share: float = Field(default=0.1, gt=0, le=1)
    """The farthest way, either way, as a share of the length."""
    wrap: bool = False

    def build(self) -> Shift:
        return Shift(self.p, self.share, wrap=self.wrap)


class Shift(ArrayAugmenter):
    def __init__(self, p: float, share: float, *, wrap: bool) -> None:
        super().__init__(p)
        self._share = share
        self._wrap = wrap

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        length = array.shape[-1]
        way_B = (draw.between("way", -self._share, self._share) * length).round().long()
        read = (torch.arange(length, device=array.device) - spread(way_B, array)).expand(array.shape)
        moved = array.gather(-1, read % length)
        return moved if self._wrap else moved * ((read >= 0) & (read < length))
