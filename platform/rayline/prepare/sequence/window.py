"""Cut sequences to one length, and pad shorter ones: what recurrent and convolutional networks read.

Choose it where speed carries meaning (eight readings a second stay eight a second); where sequences of different speed
mean the same, use `resample`. One column is one channel. Smoothing comes first, then what is missing is filled, then
the length is cut or padded by zeros, which after `scale: standard` are the training mean. Reference: Fawaz et al.,
"Deep learning for time series classification: a review", Data Mining and Knowledge Discovery 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from rayline.prepare.sequence._lengths import SequenceConfig, SequenceStep, Treatment
from rayline.prepare.smooth._smoother import FloatArray
from rayline.prepare.tensors import Arrays

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

End = Literal["start", "end"]


class Config(SequenceConfig):
    crop: End = "start"
    """The end that longer sequences lose: `start` keeps the latest values."""
    pad: End = "start"
    """The end at which shorter sequences are padded."""

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Window:
        return Window(self.learnt_treatment(column, sample), self.crop, self.pad)

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Window:  # noqa: ARG003
        return Window(Treatment.from_json(value["treatment"]), value["crop"], value["pad"])


class Window(SequenceStep):
    def __init__(self, treatment: Treatment, crop: End, pad: End) -> None:
        super().__init__(treatment)
        self._crop = crop
        self._pad = pad

    def _arrays_of(self, values: FloatArray) -> FloatArray:
        length = self._treatment.length
        kept = self._treatment.scaled(values[:, -length:] if self._crop == "start" else values[:, :length])
        made = np.zeros((len(values), length))
        if self._pad == "start":
            made[:, length - kept.shape[1] :] = kept
        else:
            made[:, : kept.shape[1]] = kept
        return made

    def to_json(self) -> dict[str, Any]:
        return {"treatment": self._treatment.to_json(), "crop": self._crop, "pad": self._pad}
