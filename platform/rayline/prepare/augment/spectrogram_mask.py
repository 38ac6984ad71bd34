"""Hide bands of pitch and stretches of time of spectrograms (SpecAugment). Choose it first for networks on
spectrograms.

What is hidden becomes the row's mean. Reference: Park et al., "SpecAugment: A Simple Data Augmentation Method for
Automatic Speech Recognition", Interspeech 2019.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rayline.prepare.augment._augmenter import ArrayAugmenter, ColumnsConfig, Kind
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "audio"
    ranks: ClassVar[tuple[int, ...]] = (2,)
    p: float = Field(default=1.0, ge=0, le=1)
    bands: int = Field(default=2, ge=0, le=16)
    """Stretches of pitch that are hidden."""
    band_share: float = Field(default=0.15, gt=0, le=1)
    """The widest, as a share of all bands."""
    times: int = Field(default=2, ge=0, le=16)
    """Stretches of time that are hidden."""
    time_share: float = Field(default=0.15, gt=0, le=1)
    """The longest, as a share of the length."""

    def build(self) -> SpectrogramMask:
        return SpectrogramMask(self.p, (self.bands, self.band_share), (self.times, self.time_share))


class SpectrogramMask(ArrayAugmenter):
    def __init__(self, p: float, bands: tuple[int, float], times: tuple[int, float]) -> None:
        super().__init__(p)
        self._bands = bands
        self._times = times

    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:  # noqa: ARG002
        hidden = _stretches(array.shape[1], *self._bands, "bands", draw)[:, :, None]
        hidden = hidden | _stretches(array.shape[2], *self._times, "times", draw)[:, None, :]
        return torch.where(hidden, array.mean(dim=(1, 2), keepdim=True), array)


def _stretches(length: int, count: int, share: float, name: str, draw: Draw) -> Tensor:
    """Bool [B, length]: which places lie in one of `count` stretches of up to `share` of the length."""
    drawn = draw.uniforms(name, 2 * max(count, 1))
    places = torch.arange(length, device=drawn.device)
    hidden = torch.zeros((len(drawn), length), dtype=torch.bool, device=drawn.device)
    for place in range(count):
        width = (drawn[:, 2 * place] * (share * length + 1)).long().clamp(max=length)
        start = (drawn[:, 2 * place + 1] * (length - width + 1)).long()
        hidden |= (places >= start[:, None]) & (places < (start + width)[:, None])
    return hidden
