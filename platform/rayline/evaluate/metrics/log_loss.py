"""Log-loss: the mean surprise at the true class, in nats.

Choose it when the probabilities themselves are used: it rewards ranking and calibration together and punishes
sure mistakes without bound. Reference: scikit-learn `log_loss`, whose clipping by the predictions' own precision
it shares.
"""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Task
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric, ratio
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> LogLoss:
        return LogLoss()


class LogLoss(Metric):
    tasks = CLASSIFICATION
    better = "lower"
    highest = float("inf")

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        return ratio(weights_RN @ row_losses(scored), weights_RN.sum(axis=1))


def row_losses(scored: Scored) -> FloatArray:
    """Each row's surprise [n], nats."""
    dtype = scored.prediction.dtype
    least = float(np.finfo(dtype if dtype.kind == "f" else np.float64).eps)
    if scored.task is Task.BINARY:
        positive = scored.prediction.astype(np.float64)
        of_truth = np.where(scored.truth > 0.5, positive, 1.0 - positive)
    else:
        of_truth = scored.prediction[np.arange(len(scored)), scored.truth.astype(np.int64)].astype(np.float64)
    return np.asarray(-np.log(np.clip(of_truth, least, 1.0 - least)))
