"""Cut a window out of each sequence and stretch it to the whole length. Choose it where any stretch of a signal shows
what it is.

Channels of a row are cut alike. Reference: Le Guennec et al., "Data Augmentation for Time Series Classification using
Convolutional Neural Networks", AALTD 2016.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._curves import read_at
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "sequence"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    share: float = Field(default=0.9, gt=0, lt=1)
    """Of the length that the window keeps."""

    def build(self) -> WindowSlice:
        return WindowSlice(self.p, self.share)


class WindowSlice(ArrayAugmenter):
    def __init__(self, p: float, share: float) -> None:
        super().__init__(p)
        self._share = share

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        last = array.shape[1] - 1
        start_B1 = draw.uniforms("start", 1) * (1 - self._share) * last
        return read_at(array, start_B1 + torch.arange(last + 1, device=array.device) * self._share)
