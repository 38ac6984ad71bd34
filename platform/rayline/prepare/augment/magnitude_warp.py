"""Multiply each sequence by a smooth curve about 1. Choose it for sensors whose sensitivity drifts.

Several channels get curves of their own. Reference: Um et al., "Data Augmentation of Wearable Sensor Data for
Parkinson's Disease Monitoring using Convolutional Neural Networks", ICMI 2017.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._curves import curves
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "sequence"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    std: float = Field(default=0.2, gt=0, le=2)
    """Of the curve at its knots, about 1."""
    knots: int = Field(default=4, ge=2, le=64)
    """Points through which the curve goes."""

    def build(self) -> MagnitudeWarp:
        return MagnitudeWarp(self.p, self.std, self.knots)


class MagnitudeWarp(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, std: float, knots: int) -> None:
        super().__init__(p)
        self._std = std
        self._knots = knots

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        return array * (1 + curves(draw.normals("knots", self._knots) * self._std, array.shape[1]))
