"""Accuracy: the share of rows answered rightly.

Choose it when classes are about equally frequent and every mistake costs the same; on rare classes it flatters
a model that never names them.
"""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric, ratio
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Accuracy:
        return Accuracy()


class Accuracy(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        right = (scored.labels() == scored.truth.astype(np.int64)).astype(np.float64)
        return ratio(weights_RN @ right, weights_RN.sum(axis=1))
