"""Sound as it is: one channel at one rate, cut or padded to one length.

Choose it for networks that learn their own filters from raw samples, and for short signals of machines; for speech and
sounds of the world with little data `spectrogram` learns far faster. WAV is read as it is, FLAC, Ogg and MP3 with the
extra `audio`. Reference: Dai et al., "Very Deep Convolutional Neural Networks for Raw Waveforms", ICASSP 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import polars as pl

from rayline.prepare.audio._sound import Clip, SoundConfig
from rayline.prepare.tensors import Arrays, TensorStep

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile


class Config(SoundConfig):
    def learn(self, column: ColumnProfile, sample: pl.Series) -> Waveform:  # noqa: ARG002
        return Waveform(self.clip(column))

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Waveform:  # noqa: ARG003
        return Waveform(Clip.from_json(value))


class Waveform(TensorStep):
    """Samples from -1 to 1, float32 [samples]."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._clip.samples,)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        return self._clip(value)

    def to_json(self) -> dict[str, Any]:
        return self._clip.to_json()

    def account(self) -> dict[str, Any]:
        return {"rate": self._clip.rate, "samples": self._clip.samples}
