"""Make sounds louder or softer. Choose it where distance and recording level vary and say nothing of the target.

What would exceed full scale is clipped, as a recorder does. Reference: Schlüter and Grill, "Exploring Data Augmentation
for Improved Singing Voice Detection with Neural Networks", ISMIR 2015.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, ordered, spread
from rayline.prepare.augment._draw import Draw

Decibels = Annotated[float, Field(ge=-60, le=60)]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "audio"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    db: Annotated[tuple[Decibels, Decibels], AfterValidator(ordered)] = (-6.0, 6.0)
    """Most softer and louder, decibels."""

    def build(self) -> Gain:
        return Gain(self.p, self.db)


class Gain(ArrayAugmenter):
    def __init__(self, p: float, db: tuple[float, float]) -> None:
        super().__init__(p)
        self._db = db

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        return (array * spread(10 ** (draw.between("gain", *self._db) / 20), array)).clamp(-1, 1)
