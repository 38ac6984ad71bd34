"""Mean squared error, in squared units of the target.

Choose it when large errors cost more than in proportion; it is what regression heads are trained on.
"""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import REGRESSION, Metric, ratio
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Mse:
        return Mse()


class Mse(Metric):
    tasks = REGRESSION
    better = "lower"
    highest = float("inf")

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        squared = np.square(errors(scored))
        return ratio(weights_RN @ squared, weights_RN.sum(axis=1))


def errors(scored: Scored) -> FloatArray:
    """Predicted minus true value of each row [n]."""
    return np.asarray(scored.prediction.astype(np.float64) - scored.truth.astype(np.float64))
