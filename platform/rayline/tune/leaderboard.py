"""Trials ranked by their mean over folds, each with a confidence interval that does not flatter.

Folds share training rows, so their scores are correlated and the plain t interval is too narrow. The variance
of the mean is corrected to `(1/k + test/train) s²` (Nadeau and Bengio, "Inference for the Generalization Error", 2003).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from rayline.tune.ledger import TrialRecord


@dataclass(frozen=True)
class Entry:
    """One line of the leaderboard; `low` and `high` are `None` while fewer than two folds are done."""

    rank: int
    trial: str
    number: int
    params: dict[str, Any]
    mean: float
    low: float | None
    high: float | None
    folds: list[float]
    seconds: float
    complete: bool


def leaderboard(
    trials: list[TrialRecord],
    *,
    folds: int,
    maximise: bool,
    confidence: float,
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> list[Entry]:
    """Complete trials best first, then unfinished ones (stopped early) by the mean of what they finished.

    `bounds` are the least and the largest value the metric can take; no interval reaches beyond them.
    """
    scored = [trial for trial in trials if trial.folds]

    def order(trial: TrialRecord) -> tuple[bool, float, int]:
        mean = _mean(trial)
        return len(trial.folds) < folds, -mean if maximise else mean, trial.number

    entries = []
    for rank, trial in enumerate(sorted(scored, key=order), start=1):
        results = [trial.folds[k] for k in sorted(trial.folds)]
        values = [r.value for r in results]
        low, high = interval(values, float(np.mean([r.rows / r.train_rows for r in results])), confidence)
        entries.append(
            Entry(
                rank=rank,
                trial=trial.id,
                number=trial.number,
                params=trial.params,
                mean=_mean(trial),
                low=None if low is None else max(low, bounds[0]),
                high=None if high is None else min(high, bounds[1]),
                folds=values,
                seconds=sum(r.seconds for r in results),
                complete=len(results) == folds,
            )
        )
    return entries


def interval(values: list[float], test_to_train: float, confidence: float) -> tuple[float | None, float | None]:
    """Corrected t interval of the mean of `values` [k], one a fold; `(None, None)` for fewer than two."""
    k = len(values)
    if k < 2:
        return None, None
    spread = float(np.std(values, ddof=1)) * float(np.sqrt(1 / k + test_to_train))
    half = float(stats.t.ppf((1 + confidence) / 2, k - 1)) * spread
    mean = float(np.mean(values))
    return mean - half, mean + half


def _mean(trial: TrialRecord) -> float:
    return float(np.mean([result.value for result in trial.folds.values()]))
