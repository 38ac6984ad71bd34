"""Keep number columns by taking out the weakest again and again, and fitting anew each time.

Choose it for a few hundred columns at most, where columns act together and a fixed number is to stay; it costs many
fits. Score: 1 for a column that stays; the model's own weights are of the last round only. It is scikit-learn's `RFE`
over standardised columns. Reference: Guyon, Weston, Barnhill and Vapnik, "Gene Selection for Cancer Classification
using Support Vector Machines", Machine Learning 46, 2002.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from rayline.core.seeds import derive
from rayline.prepare.select._linear import standardised_target, steady
from rayline.prepare.select._selector import Candidates, Scored, SelectConfig, Selector, stay


class Config(SelectConfig):
    keep: int | float = Field(default=0.5, gt=0)
    """How many columns stay; below 1, a share of them."""
    step: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of the columns taken out in a round, at least one."""
    estimator: Literal["linear", "tree"] = "linear"
    """What judges columns: ridge or logistic regression, or a forest of 50 trees."""
    rows: int = Field(default=8_192, ge=100)
    """Rows of the training sample that are looked at, at most: a seeded subset."""

    @field_validator("keep")
    @classmethod
    def _whole(cls, value: int | float) -> int | float:
        if value >= 1 and value != int(value):
            raise ValueError("give a whole number of columns, or a share below 1")
        return int(value) if value >= 1 else value

    def build(self) -> Rfe:
        return Rfe(self)


class Rfe(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        from sklearn.feature_selection import RFE  # a second to import

        options, width = self._options, len(candidates.names)
        looked_at = candidates.at_most(options.rows)
        looked_at.require_rows("rfe")
        keep = max(1, round(options.keep * width)) if options.keep < 1 else min(int(options.keep), width)
        if keep >= width:
            return [(name, 1.0) for name in candidates.names]
        target_M = standardised_target(looked_at) if looked_at.is_regression else looked_at.target_M
        with steady():
            rounds = RFE(self._estimator(looked_at), n_features_to_select=keep, step=options.step)
            rounds.fit(looked_at.standardised(), target_M)
        scores_W = 1.0 / np.asarray(rounds.ranking_, dtype=np.float64)
        return stay(candidates.names, scores_W, np.flatnonzero(rounds.support_).tolist(), "rfe")

    def _estimator(self, looked_at: Candidates) -> object:
        from sklearn import ensemble, linear_model

        if self._options.estimator == "linear":
            return linear_model.Ridge() if looked_at.is_regression else linear_model.LogisticRegression(max_iter=300)
        kind = ensemble.ExtraTreesRegressor if looked_at.is_regression else ensemble.ExtraTreesClassifier
        return kind(n_estimators=50, max_depth=12, random_state=derive(looked_at.seed, "rfe") % 2**32, n_jobs=1)
