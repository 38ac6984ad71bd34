"""Mean absolute error, in units of the target. Choose it when every unit of error costs the same."""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import REGRESSION, Metric, ratio
from rayline.evaluate.metrics.mse import errors
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Mae:
        return Mae()


class Mae(Metric):
    tasks = REGRESSION
    better = "lower"
    highest = float("inf")

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        return ratio(weights_RN @ np.abs(errors(scored)), weights_RN.sum(axis=1))
