"""Permutation importance: how much worse predictions get when one column's values are shuffled among rows.

Choose it to learn what a fitted model leans on, whatever the model is. Columns that say the same share their
importance: shuffling one leaves the other. Reference: Breiman, "Random forests", 2001; Fisher, Rudin and
Dominici, "All models are wrong, but many are useful", 2019.

    n rows
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW, Target
from rayline.core.seeds import derive
from rayline.evaluate.metrics._metric import Metric
from rayline.evaluate.scored import Scored


@dataclass(frozen=True)
class Importance:
    """What shuffling `feature` cost: the mean loss of the metric (positive: it got worse) and its spread."""

    feature: str
    drop: float
    std: float


def importance(
    predict: Callable[[pl.DataFrame], npt.NDArray[Any]],
    frame: pl.DataFrame,
    truth: npt.NDArray[Any],
    target: Target,
    metric: Metric,
    *,
    features: Sequence[str] | None = None,
    repeats: int = 3,
    rows: int = 5000,
    seed: int = 0,
    threshold: float = 0.5,
) -> list[Importance]:
    """The importance of each feature, the largest first.

    Args:
        predict: raw columns [m] to predictions, as `Scored.prediction`.
        frame: rows that the model was not trained on [n], raw columns.
        truth: as `Scored.truth` [n].
        target: what is predicted.
        metric: what is measured before and after (`evaluate.selection.build_metric`).
        features: the columns to shuffle; by default all of `frame` but the target.
        repeats: shuffles of each column; 0 gives an empty list.
        rows: used at most, a seeded choice of the n.
        seed: of that choice and of the shuffles; each column has its own, whatever the order of columns.
        threshold: where the positive class begins, for metrics of answers.

    Returns:
        One `Importance` a column; none where these rows do not define the metric (they are of one class).
    """
    if repeats == 0 or not len(frame):
        return []
    if len(frame) > rows:
        chosen = np.sort(np.random.default_rng(derive(seed, "rows")).choice(len(frame), rows, replace=False))
        frame, truth = frame[chosen.tolist()], truth[chosen]
    sign = 1.0 if metric.better == "higher" else -1.0

    def score(predictions: npt.NDArray[Any]) -> float:
        return sign * metric(Scored(target, truth, predictions, threshold))

    whole = score(predict(frame))
    if math.isnan(whole):
        return []
    # the repeats of a column go through the predictor together: its cost a call is what counts in wide tables
    stacked = pl.concat([frame] * repeats, rechunk=True)
    found = []
    for name in features if features is not None else [c for c in frame.columns if c not in (target.name, ROW)]:
        rng = np.random.default_rng(derive(seed, "shuffle", name))
        order = np.concatenate([rng.permutation(len(frame)) for _ in range(repeats)])
        predictions = predict(stacked.with_columns(frame[name].gather(order)))
        drops = [whole - score(part) for part in np.split(predictions, repeats)]
        found.append(Importance(name, float(np.mean(drops)), float(np.std(drops))))
    return sorted(found, key=lambda one: -one.drop)
