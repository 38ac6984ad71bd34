"""Multiply each sequence by a factor of its own. Choose it where the size of a signal varies and its shape counts.

Several channels get factors of their own. Reference: Um et al., "Data Augmentation of Wearable Sensor Data for
Parkinson's Disease Monitoring using Convolutional Neural Networks", ICMI 2017.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "sequence"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    std: float = Field(default=0.1, gt=0)
    """Of the factors, about 1."""

    def build(self) -> Scaling:
        return Scaling(self.p, self.std)


class Scaling(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, std: float) -> None:
        super().__init__(p)
        self._std = std

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        return array * (1 + self._std * draw.normals("factor", 1))
