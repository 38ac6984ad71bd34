"""Stretch or squeeze sequences to one length, by straight lines between their values.

Choose it where the shape carries the meaning and the speed does not (gestures, pen strokes, machine cycles): nothing is
cut and nothing padded. The first and last values stay where they are. Sequences much longer than `length` lose detail
between the points that are read: smooth them first. Where speed matters use `window`. Reference: Fawaz et al., "Deep
learning for time series classification: a review", Data Mining and Knowledge Discovery 2019, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from rayline.prepare.sequence._lengths import SequenceConfig, SequenceStep, Treatment
from rayline.prepare.smooth._smoother import FloatArray
from rayline.prepare.tensors import Arrays

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile


class Config(SequenceConfig):
    def learn(self, column: ColumnProfile, sample: pl.Series) -> Resample:
        return Resample(self.learnt_treatment(column, sample))

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Resample:  # noqa: ARG003
        return Resample(Treatment.from_json(value))


class Resample(SequenceStep):
    def _arrays_of(self, values: FloatArray) -> FloatArray:
        scaled = self._treatment.scaled(values)
        last = scaled.shape[1] - 1
        at = np.linspace(0.0, last, self._treatment.length) if self._treatment.length > 1 else np.full(1, last / 2)
        before = np.minimum(at.astype(np.int64), max(last - 1, 0))
        share = at - before
        made: FloatArray = scaled[:, before] * (1 - share) + scaled[:, np.minimum(before + 1, last)] * share
        return made

    def to_json(self) -> dict[str, Any]:
        return self._treatment.to_json()
