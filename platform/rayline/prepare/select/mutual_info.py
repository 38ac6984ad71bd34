"""Keep number columns that tell about the target in any way, straight or not.

Choose it where effects are curved; each column is judged alone, so joint effects are not seen (`tree` and `rfe` see
them). Columns of few values (one-hot, indicators, counts) are judged as discrete ones. Score: the mutual information
in nats, estimated from nearest neighbours. Reference: Kraskov, Stögbauer and Grassberger, Physical Review E 69, 2004;
Ross, PLoS ONE 9, 2014; it is scikit-learn's estimate.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.errors import DataError
from rayline.core.seeds import derive
from rayline.prepare.select._selector import Candidates, Scored, ScoredConfig, Selector

FEW_VALUES = 16
SMALLEST = 1e-9
"""Nats below which an estimate is rounding."""


class Config(ScoredConfig):
    neighbours: int = Field(default=3, ge=1)
    """More of them: less noise in the estimate, more bias."""
    rows: int = Field(default=16_384, ge=100)
    """Rows of the training sample that are looked at, at most: a seeded subset."""

    def build(self) -> MutualInfo:
        return MutualInfo(self)


class MutualInfo(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        from sklearn.feature_selection import mutual_info_classif, mutual_info_regression  # a second to import

        looked_at = candidates.at_most(self._options.rows)
        looked_at.require_rows("mutual_info")
        if not candidates.is_regression and len(np.unique(looked_at.target_M)) == len(looked_at.target_M):
            raise DataError(
                "select mutual_info: every class has one row in the training sample, and what a column tells is "
                "measured between rows of a class. Give more rows, or leave it out of prepare.select."
            )
        estimate = mutual_info_regression if candidates.is_regression else mutual_info_classif
        few_W = few_values(looked_at)
        scores_W = estimate(
            _numbered(looked_at.numbers_MW, few_W),
            looked_at.target_M,
            discrete_features=few_W,
            n_neighbors=min(self._options.neighbours, len(looked_at.target_M) - 1),
            random_state=derive(candidates.seed, "mutual_info") % 2**32,  # of the noise that parts equal values
        )
        scores_W = np.where(scores_W > SMALLEST, scores_W, 0.0)
        return self._options.best(candidates, scores_W, "mutual_info")


def few_values(candidates: Candidates) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which columns take so few values that each of them is met often [W]."""
    rows = len(candidates.target_M)
    return np.array([len(np.unique(x_M)) <= min(FEW_VALUES, rows // 2) for x_M in candidates.numbers_MW.T], dtype=bool)


def _numbered(
    numbers_MW: npt.NDArray[np.floating[Any]], few_W: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> npt.NDArray[np.floating[Any]]:
    """Columns of few values by the place of each value, which says as much: scikit-learn takes fractions for a slip."""
    found = numbers_MW.copy()
    for column in np.flatnonzero(few_W):
        found[:, column] = np.unique(numbers_MW[:, column], return_inverse=True)[1]
    return found
