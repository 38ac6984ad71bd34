"""What steps for sound share: one channel, one rate, one length."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from rayline.prepare.audio._decode import FloatArray, decode
from rayline.prepare.tensors import TensorConfig, inner_of

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

MOST_SECONDS = 10.0
MEASURED_BY_NOBODY = 1.0
"""Seconds where the profile knows no sound's length."""


@dataclass(frozen=True)
class Clip:
    """Brings any encoded sound to `samples` values at `rate` a second."""

    rate: int
    samples: int
    crop: Literal["start", "end"]

    def __call__(self, value: Any) -> FloatArray:
        """The samples of an encoded sound, float64 [samples] from -1 to 1.

        Raises:
            UnusableError: no sound, or a broken one.
        """
        sound, rate = decode(value)
        if rate != self.rate:
            sound = self._resampled(sound, rate)
        kept = sound[-self.samples :] if self.crop == "start" else sound[: self.samples]
        made = np.zeros(self.samples)
        made[: len(kept)] = kept
        return made

    def _resampled(self, sound: FloatArray, rate: int) -> FloatArray:
        shared = math.gcd(rate, self.rate)
        if self.crop == "end":  # what will be cut away need not be resampled; the filter reaches 10 samples further
            reach = (self.samples * rate) // self.rate + 1 + 20 * max(rate // self.rate, 1)
            sound = sound[:reach]
        if not len(sound):
            return sound
        from scipy.signal import resample_poly  # most of a second to import, and every spec imports this module

        made: FloatArray = resample_poly(sound, self.rate // shared, rate // shared)
        return made

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Clip:
        return cls(**value)


class SoundConfig(TensorConfig):
    """Options of every step that reads sound."""

    rate: int = Field(default=16_000, ge=100, le=192_000)
    """Samples a second, hertz; sounds of another rate are resampled (polyphase, with its low-pass filter)."""
    seconds: float | None = Field(default=None, gt=0, le=600)
    """Length; longer sounds are cut, shorter ones end in silence. `null`: of the longest training sound, up to 10."""
    crop: Literal["start", "end"] = "end"
    """The end that longer sounds lose."""

    def clip(self, column: ColumnProfile) -> Clip:
        """What every sound is brought to, with a length from the profile of a training column where none is given."""
        seconds = self.seconds
        if seconds is None:
            measured = (inner_of(column) or {}).get("seconds", {}).get("maximum")
            seconds = min(measured, MOST_SECONDS) if measured else MEASURED_BY_NOBODY
        return Clip(self.rate, max(math.ceil(self.rate * seconds), 1), self.crop)
