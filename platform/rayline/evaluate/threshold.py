"""Where the positive class begins: the probability that does best on validation rows.

n rows · T thresholds
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from rayline.core.columns import Task
from rayline.core.errors import SpecError
from rayline.evaluate.scored import Scored

Aim = Literal["f1", "accuracy", "youden"]


def choose(scored: Scored, by: Aim) -> float:
    """The threshold that is best by F1, accuracy, or Youden's J (recall plus specificity).

    It lies half-way between two neighbouring probabilities, so that rounding on another machine moves no row
    across it, and is a float32, so that a comparison in either precision agrees. Among equals the one nearest
    to 0.5 is taken; 0.5 where the rows hold one class only.

    Raises:
        SpecError: the task is not binary.
    """
    if scored.task is not Task.BINARY:
        raise SpecError(f"evaluate.threshold: {by!r} tunes a binary task's threshold; this task is {scored.task}.")
    truth = scored.truth > 0.5
    positives, n = int(truth.sum()), len(scored)
    if positives in (0, n):
        return 0.5
    order = np.argsort(scored.prediction, kind="stable")
    ranked = scored.prediction[order].astype(np.float32)
    cuts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1], [True]]))  # rows below each threshold
    below = np.concatenate([[0], np.cumsum(truth[order])])[cuts]
    hits = positives - below
    answered = n - cuts
    right = hits + (cuts - below)
    if by == "f1":
        score = 2 * hits / (answered + positives)
    elif by == "accuracy":
        score = right / n
    else:
        score = hits / positives + (cuts - below) / (n - positives)
    # the last threshold answers no row with the positive class; just above 1 keeps it so for ever
    edges = np.concatenate([[0.0], ranked[cuts[1:-1]], [np.nextafter(np.float32(1), np.float32(2))]]).astype(np.float32)
    lower = np.concatenate([[0.0], ranked[cuts[1:-1] - 1], [ranked[-1]]]).astype(np.float32)
    thresholds = ((edges.astype(np.float64) + lower) / 2).astype(np.float32)
    thresholds = np.where(thresholds > lower, thresholds, edges)
    best = np.flatnonzero(score >= score.max() - 1e-12)
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]])
