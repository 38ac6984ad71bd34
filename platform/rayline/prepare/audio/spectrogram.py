"""Loudness by pitch over time: a log-mel spectrogram, one row a band, one column a frame.

Choose it for speech, music and sounds of the world: it is what most audio networks read, as a picture of one channel.
Bands follow the ear (the mel scale in O'Shaughnessy's form), the logarithm its sense of loudness: 1e-6 of full power
and less is 0, and each factor of ten adds 1/6, so that full power is near 1. A sound's first frame begins at its first
sample; frames are weighed by a Hann window. Reference: Davis and Mermelstein, "Comparison of parametric representations
for monosyllabic word recognition", IEEE TASSP 1980.

B bands · T frames · K frequencies
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, model_validator
from scipy import fft

from rayline.prepare.audio._decode import FloatArray
from rayline.prepare.audio._sound import Clip, SoundConfig
from rayline.prepare.tensors import Arrays, TensorStep

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

FLOOR = 1e-6


class Config(SoundConfig):
    bands: int = Field(default=64, ge=4, le=512)
    window_ms: float = Field(default=32.0, gt=0)
    """Length of a frame, milliseconds."""
    hop_ms: float = Field(default=16.0, gt=0)
    """From one frame to the next, milliseconds."""
    low_hz: float = Field(default=20.0, ge=0)
    """Where the lowest band begins; the highest ends at half the rate."""

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.low_hz >= self.rate / 2:
            raise ValueError(f"low_hz must be below half the rate, {self.rate / 2:g}; not {self.low_hz:g}")
        if round(self.rate * self.window_ms / 1000) < 4 or round(self.rate * self.hop_ms / 1000) < 1:
            raise ValueError("window_ms must span 4 samples and hop_ms one; give longer ones or a higher rate")
        return self

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Spectrogram:  # noqa: ARG002
        window, hop = round(self.rate * self.window_ms / 1000), round(self.rate * self.hop_ms / 1000)
        return Spectrogram(self.clip(column), self.bands, window, hop, self.low_hz)

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Spectrogram:  # noqa: ARG003
        clip = Clip.from_json(value["clip"])
        return Spectrogram(clip, value["bands"], value["window"], value["hop"], value["low_hz"])


class Spectrogram(TensorStep):
    """`window` and `hop` in samples; float32 [bands, frames]."""

    def __init__(self, clip: Clip, bands: int, window: int, hop: int, low_hz: float) -> None:
        self._clip = clip
        self._window = window
        self._hop = hop
        self._low_hz = low_hz
        self._frames = 1 + max(0, math.ceil((clip.samples - window) / hop))
        self._hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        self._size = 1 << (window - 1).bit_length()
        self._filters = mel_filters(bands, self._size, clip.rate, low_hz)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._filters), self._frames)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        sound = np.zeros((self._frames - 1) * self._hop + self._window)
        clip = self._clip(value)
        sound[: len(clip)] = clip[: len(sound)]
        frames_TW = np.lib.stride_tricks.sliding_window_view(sound, self._window)[:: self._hop] * self._hann
        # a sine of amplitude 1 at the middle of a band has power 1
        spectrum_KT = fft.rfft(frames_TW, self._size, axis=1).T * (2 / self._hann.sum())
        power_KT = spectrum_KT.real**2 + spectrum_KT.imag**2
        bands_BT = np.zeros((len(self._filters), self._frames))
        for band, (first, weights) in enumerate(self._filters):
            # added one frequency after the other: a matrix product's order of adding is the library's choice
            for step, weight in enumerate(weights):
                bands_BT[band] += power_KT[first + step] * weight
        return 1 + np.log10(np.maximum(bands_BT, FLOOR)) / -math.log10(FLOOR)

    def to_json(self) -> dict[str, Any]:
        return {
            "clip": self._clip.to_json(),
            "bands": len(self._filters),
            "window": self._window,
            "hop": self._hop,
            "low_hz": self._low_hz,
        }

    def account(self) -> dict[str, Any]:
        return {"rate": self._clip.rate, "bands": len(self._filters), "frames": self._frames}


def mel_filters(bands: int, size: int, rate: int, low_hz: float) -> list[tuple[int, FloatArray]]:
    """Triangles that overlap by half, evenly spaced in mel: of each the first frequency it reads, and its weights.

    A band narrower than the distance of two frequencies reads the one nearest to its middle.
    """
    mel = np.linspace(_mel(low_hz), _mel(rate / 2), bands + 2)
    edges_hz = 700 * (10 ** (mel / 2595) - 1)
    frequencies_hz = np.arange(size // 2 + 1) * rate / size
    filters = []
    for low, middle, high in zip(edges_hz, edges_hz[1:], edges_hz[2:], strict=False):
        rising, falling = (frequencies_hz - low) / (middle - low), (high - frequencies_hz) / (high - middle)
        weights = np.maximum(np.minimum(rising, falling), 0)
        held = np.flatnonzero(weights)
        if len(held):
            filters.append((int(held[0]), weights[held[0] : held[-1] + 1]))
        else:
            filters.append((int(np.argmin(np.abs(frequencies_hz - middle))), np.ones(1)))
    return filters


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
