"""Areas under curves from one sort, for many weightings of the rows at once, ties exact.

n rows · R resamples · G groups of equal score
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.evaluate.metrics._metric import ratio
from rayline.evaluate.scored import FloatArray, Scored

Area = Callable[[FloatArray, FloatArray], FloatArray]


def groups(
    is_class: npt.NDArray[np.bool_], score: npt.NDArray[Any], weights_RN: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Weights of the rows of the class and of the others [R, G], groups in falling order of score."""
    order = np.argsort(-score)  # ties need no order: they are one group
    ranked = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    weights = weights_RN[:, order]
    of_class = weights * is_class[order]
    others = weights - of_class
    if len(starts) < len(order):
        of_class, others = np.add.reduceat(of_class, starts, axis=1), np.add.reduceat(others, starts, axis=1)
    return of_class, others


def roc_area(of_class_RG: FloatArray, others_RG: FloatArray) -> FloatArray:
    """How likely a row of the class scores above one of the others, ties counted half [R]."""
    above = np.cumsum(of_class_RG, axis=1)
    won = np.einsum("rg,rg->r", above, others_RG) - 0.5 * np.einsum("rg,rg->r", of_class_RG, others_RG)
    return ratio(won, above[:, -1] * others_RG.sum(axis=1))


def average_precision(of_class_RG: FloatArray, others_RG: FloatArray) -> FloatArray:
    """Precision at each group's threshold, weighted by the recall it adds [R]."""
    hits = np.cumsum(of_class_RG, axis=1)
    answered = np.cumsum(others_RG, axis=1)
    answered += hits
    precision = np.divide(hits, answered, out=np.zeros_like(hits), where=answered > 0)
    return ratio(np.einsum("rg,rg->r", precision, of_class_RG), hits[:, -1])


def macro_area(scored: Scored, weights_RN: FloatArray, area: Area) -> FloatArray:
    """The mean of one-vs-rest areas [R] over the classes for which they are defined; NaN where there is none."""
    if not len(scored):
        return np.full(len(weights_RN), np.nan)
    areas = np.stack([area(*groups(is_class, score, weights_RN)) for _, is_class, score in scored.one_vs_rest()])
    defined = ~np.isnan(areas)
    return ratio(np.where(defined, areas, 0.0).sum(axis=0), defined.sum(axis=0).astype(np.float64))
