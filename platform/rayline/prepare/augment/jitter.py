"""Add noise to sequences, each step apart. Choose it for sensors whose readings are noisy anyway.

Steps that are exactly 0, as padding is, stay. Reference: Um et al., "Data Augmentation of Wearable Sensor Data for
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
    std: float = Field(default=0.05, gt=0)
    """Of the noise, in units of the prepared array (standard deviations, where it is scaled so)."""

    def build(self) -> Jitter:
        return Jitter(self.p, self.std)


class Jitter(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, std: float) -> None:
        super().__init__(p)
        self._std = std

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        return array + draw.normals("noise", array.shape[1]) * self._std * (array != 0)
