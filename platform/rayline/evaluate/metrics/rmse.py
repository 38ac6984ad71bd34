"""Root mean squared error, in units of the target: the size of a typical error, large ones weighing more."""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import REGRESSION, Metric, ratio
from rayline.evaluate.metrics.mse import errors
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Rmse:
        return Rmse()


class Rmse(Metric):
    tasks = REGRESSION
    better = "lower"
    highest = float("inf")

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        return np.sqrt(ratio(weights_RN @ np.square(errors(scored)), weights_RN.sum(axis=1)))
