"""Expected calibration error: how far predicted probabilities are from observed shares, on average.

Choose it when probabilities are shown to people or feed a decision. Rows are binned by probability into bins of
equal width (binary: of the positive class; multi-class: of the class answered); the gap of each bin weighs by
its rows. Reference: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
binning", 2015; torchmetrics `calibration_error(norm="l1")`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Task
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric, ratio
from rayline.evaluate.scored import FloatArray, IntArray, Scored


class Config(PluginConfig):
    bins: int = Field(default=15, ge=1)
    """Bins of equal width over [0, 1]."""

    def build(self) -> CalibrationError:
        return CalibrationError(self.bins)


class CalibrationError(Metric):
    tasks = CLASSIFICATION
    better = "lower"

    def __init__(self, bins: int) -> None:
        self.bins = bins

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        confidence, right = confidence_and_right(scored)
        gap, place = confidence - right, bin_of(confidence, self.bins)
        gaps_RB = np.stack([np.bincount(place, weights * gap, self.bins) for weights in weights_RN])
        return ratio(np.abs(gaps_RB).sum(axis=1), weights_RN.sum(axis=1))


def confidence_and_right(scored: Scored) -> tuple[npt.NDArray[Any], FloatArray]:
    """Each row's stated probability [n], and 1 where what it speaks of is true, else 0 [n]."""
    if scored.task is Task.BINARY:
        return scored.prediction, scored.truth.astype(np.float64)
    right = scored.labels() == scored.truth.astype(np.int64)
    return scored.prediction.max(axis=1), right.astype(np.float64)


def bin_of(confidence: npt.NDArray[Any], bins: int) -> IntArray:
    """The bin of each probability [n], 0 to bins - 1; a bin holds its lower edge, the last one 1 as well.

    Edges are of the probabilities' own precision: a float32 0.7 lies in the bin that begins at 0.7.
    """
    edges = np.linspace(0, 1, bins + 1).astype(confidence.dtype)
    return np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, bins - 1).astype(np.int64)
