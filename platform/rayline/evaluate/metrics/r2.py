"""R²: the share of the target's variance that the predictions explain.

Choose it to read quality without units: 1 is perfect, 0 no better than always answering the mean, below 0 worse.
"""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import REGRESSION, Metric, ratio
from rayline.evaluate.metrics.mse import errors
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> R2:
        return R2()


class R2(Metric):
    tasks = REGRESSION
    better = "higher"
    lowest = float("-inf")

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        truth = scored.truth.astype(np.float64)
        truth = truth - truth.mean()  # the shift changes no variance and keeps the squares from cancelling
        sums = weights_RN @ np.stack([truth, np.square(truth), np.square(errors(scored))], axis=1)
        total = weights_RN.sum(axis=1)
        variance = sums[:, 1] - np.square(sums[:, 0]) / total
        # what rounding leaves of a constant target is not variance
        variance[variance <= 1e-12 * np.maximum(sums[:, 1], np.finfo(np.float64).tiny)] = 0.0
        return 1.0 - ratio(sums[:, 2], variance)

    def undefined(self, scored: Scored) -> str:
        return "every row has the same value" if len(scored) else "no rows"
