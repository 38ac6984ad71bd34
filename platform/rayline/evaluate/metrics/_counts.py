"""Weighted counts of right and wrong answers by class, shared by precision, recall and F1.

n rows · R resamples · K classes told from the rest (binary: 1, the positive one)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rayline.core.columns import Task
from rayline.evaluate.metrics._metric import ratio
from rayline.evaluate.scored import FloatArray, IntArray, Scored


class Counts(NamedTuple):
    """Weights [R, K]: rows of the class answered with it, rows answered with it, rows of it."""

    hits: FloatArray
    answered: FloatArray
    actual: FloatArray


def count(scored: Scored, weights_RN: FloatArray) -> Counts:
    labels, truth = scored.labels(), scored.truth.astype(np.int64)
    k = len(scored.target.classes)

    def by_class(places: IntArray, weights: FloatArray) -> FloatArray:
        return np.stack([np.bincount(places, row, minlength=k) for row in weights])

    right = np.flatnonzero(labels == truth)
    hits = by_class(truth[right], weights_RN[:, right])
    every = Counts(hits, by_class(labels, weights_RN), by_class(truth, weights_RN))
    return Counts(*(part[:, 1:] for part in every)) if scored.task is Task.BINARY else every


def macro(above_RK: FloatArray, below_RK: FloatArray, counts: Counts) -> FloatArray:
    """The mean [R] over classes of `above / below`.

    As in scikit-learn and torchmetrics, a class that rows are of, or were answered with, counts 0 where its own
    ratio is 0/0, and a class that occurs in neither is left out. NaN where every class is left out.
    """
    occurs = counts.answered + counts.actual > 0
    scores = np.where(occurs, np.nan_to_num(ratio(above_RK, below_RK)), 0.0)
    return ratio(scores.sum(axis=1), occurs.sum(axis=1).astype(np.float64))


def nothing_to_count(scored: Scored) -> str:
    return f"no row is, or was answered, {scored.target.classes[-1]!r}" if len(scored) else "no rows"
