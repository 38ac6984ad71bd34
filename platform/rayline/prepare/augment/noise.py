"""Add white noise to sounds. Choose it where recordings come from other rooms and microphones than the training ones.

Reference: Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind, ordered, spread
from rayline.prepare.augment._draw import Draw

Decibels = Annotated[float, Field(ge=-20, le=100)]


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "audio"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    snr_db: Annotated[tuple[Decibels, Decibels], AfterValidator(ordered)] = (10.0, 30.0)
    """Least and most signal to noise, decibels; silence stays silent."""

    def build(self) -> Noise:
        return Noise(self.p, self.snr_db)


class Noise(ArrayAugmenter):
    apart = True

    def __init__(self, p: float, snr_db: tuple[float, float]) -> None:
        super().__init__(p)
        self._snr_db = snr_db

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        loudness_B = array.square().mean(dim=1).sqrt()
        level_B = loudness_B * 10 ** (-draw.between("snr", *self._snr_db) / 20)
        return (array + draw.normals("noise", array.shape[1]) * spread(level_B, array)).clamp(-1, 1)
