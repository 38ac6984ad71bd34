"""Let time run faster and slower along each sequence. Choose it for movements and processes whose speed varies.

Ends stay where they are; channels of a row are warped alike. Reference: Um et al., "Data Augmentation of Wearable
Sensor Data for Parkinson's Disease Monitoring using Convolutional Neural Networks", ICMI 2017.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._curves import curves, read_at
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "sequence"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    std: float = Field(default=0.2, gt=0, le=2)
    """Of the logarithm of speed at the knots."""
    knots: int = Field(default=4, ge=2, le=64)
    """Points between which speed changes smoothly."""

    def build(self) -> TimeWarp:
        return TimeWarp(self.p, self.std, self.knots)


class TimeWarp(ArrayAugmenter):
    def __init__(self, p: float, std: float, knots: int) -> None:
        super().__init__(p)
        self._std = std
        self._knots = knots

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        length = array.shape[1]
        if length < 3:
            return array
        speed_BL = curves(draw.normals("knots", self._knots) * self._std, length).exp()
        gone_BL = speed_BL[:, 1:].cumsum(dim=1)
        steps_BL = torch.cat([torch.zeros_like(gone_BL[:, :1]), gone_BL / gone_BL[:, -1:] * (length - 1)], dim=1)
        return read_at(array, steps_BL)
