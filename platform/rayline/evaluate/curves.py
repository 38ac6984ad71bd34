"""Curves of a judgement, thinned to what a plot can show: ROC, precision-recall, reliability.

n rows · G groups of equal score · P points
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.columns import Task
from rayline.evaluate.metrics._metric import ratio
from rayline.evaluate.metrics._ranking import average_precision, groups, roc_area
from rayline.evaluate.metrics.calibration_error import bin_of, confidence_and_right
from rayline.evaluate.scored import FloatArray, Scored

_POINTS = 160


@dataclass(frozen=True)
class Curve:
    """One class against the rest. ROC: x false-positive rate, y recall; PR: x recall, y precision."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float
    share: float
    """The part of all rows that are of the class: the floor of a PR curve."""


@dataclass(frozen=True)
class Bin:
    """Rows whose stated probability lies between `low` and `high`, and how often they were right."""

    low: float
    high: float
    rows: int
    stated: float
    observed: float
    observed_low: float
    """Wilson's 95% interval of `observed`."""
    observed_high: float


def roc_and_pr(scored: Scored, most: int = 12) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
    """The ROC and PR curves of each class that some rows are of and others are not, `most` of them.

    Where there are more, the most frequent classes are drawn.
    """
    roc, pr = [], []
    known = [one for one in scored.one_vs_rest() if one[1].any() and not one[1].all()]
    drawn = {name for name, _, _ in sorted(known, key=lambda one: -int(one[1].sum()))[:most]}
    for name, is_class, score in known:
        if name not in drawn:
            continue
        of_class, others = groups(is_class, score, np.ones((1, len(scored))))
        hits, alarms = np.cumsum(of_class[0]), np.cumsum(others[0])
        share = float(is_class.mean())
        recall, false_rate = _from_zero(hits / hits[-1]), _from_zero(alarms / alarms[-1])
        roc.append(_curve(name, false_rate, recall, float(roc_area(of_class, others)[0]), share))
        precision = hits / (hits + alarms)
        steps = np.concatenate([precision[:1], precision])
        pr.append(_curve(name, recall, steps, float(average_precision(of_class, others)[0]), share))
    return tuple(roc), tuple(pr)


def reliability(scored: Scored, bins: int = 10) -> tuple[Bin, ...]:
    """Stated against observed shares in bins of equal width; empty bins are left out.

    Binary: of the positive class. Multi-class: of the class answered.
    """
    if scored.task is Task.REGRESSION:
        return ()
    confidence, right = confidence_and_right(scored)
    place = bin_of(confidence, bins)
    rows = np.bincount(place, np.ones(len(place)), bins)
    stated, observed = (ratio(np.bincount(place, of, bins), rows) for of in (confidence, right))
    out = []
    for number in np.flatnonzero(rows):
        low, high = wilson(float(observed[number]), int(rows[number]))
        edges = (float(number / bins), float((number + 1) / bins))
        out.append(Bin(*edges, int(rows[number]), float(stated[number]), float(observed[number]), low, high))
    return tuple(out)


def wilson(share: float, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share seen in `rows` trials (Wilson, 1927).

    >>> [round(end, 3) for end in wilson(0.5, 100)]
    [0.404, 0.596]
    """
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)))
    return max(0.0, middle - half), min(1.0, middle + half)


def _from_zero(values: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], values])


def _curve(name: str, x: FloatArray, y: FloatArray, area: float, share: float) -> Curve:
    keep = _thin(x, y)
    return Curve(name, tuple(x[keep].round(5).tolist()), tuple(y[keep].round(5).tolist()), area, share)


def _thin(x: FloatArray, y: FloatArray) -> npt.NDArray[Any]:
    # by length along the curve, so that steep and flat parts keep their shape alike
    length = _from_zero(np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    places = np.searchsorted(length, np.linspace(0, length[-1], _POINTS))
    return np.unique(np.concatenate([places.clip(0, len(x) - 1), [0, len(x) - 1]]))
