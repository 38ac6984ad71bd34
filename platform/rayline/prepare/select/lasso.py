"""Keep the number columns that a linear model with an L1 penalty gives a weight.

Choose it for many columns of which few matter in a straight line; of near copies it keeps one. Columns (and a
regression's target) are standardised first, so `alpha` has no unit. Score: the absolute weight, for classes the largest
over the classes. Regression is scikit-learn's `Lasso`, classes its L1 logistic regression with C = 1 / (alpha m).
Reference: Tibshirani, "Regression Shrinkage and Selection via the Lasso", JRSS B 58, 1996.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from rayline.core.seeds import derive
from rayline.prepare.select._linear import standardised_target, steady
from rayline.prepare.select._selector import Candidates, FloatArray, Scored, ScoredConfig, Selector

SMALLEST_WEIGHT = 1e-9
"""Below this a weight is rounding."""


class Config(ScoredConfig):
    alpha: Annotated[float, Field(gt=0.0)] | Literal["auto"] = "auto"
    """Strength of the penalty; larger keeps fewer columns. `auto`: the best in five-fold cross-validation."""
    rows: int = Field(default=16_384, ge=100)
    """Rows of the training sample that are looked at, at most: a seeded subset."""

    def build(self) -> Lasso:
        return Lasso(self)


class Lasso(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        looked_at = candidates.at_most(self._options.rows)
        looked_at.require_rows("lasso")
        with steady():
            weights_W = self._regression(looked_at) if looked_at.is_regression else self._classes(looked_at)
        scores_W = np.where(weights_W > SMALLEST_WEIGHT, weights_W, 0.0)
        return self._options.best(candidates, scores_W, "lasso")

    def _regression(self, looked_at: Candidates) -> FloatArray:
        from sklearn import linear_model  # a second to import

        alpha = self._options.alpha
        model = (
            linear_model.LassoCV(cv=min(5, len(looked_at.target_M)), max_iter=5_000)
            if alpha == "auto"
            else linear_model.Lasso(alpha=alpha, max_iter=10_000)
        )
        fitted = model.fit(looked_at.standardised(), standardised_target(looked_at))
        return np.abs(np.asarray(fitted.coef_, dtype=np.float64))

    def _classes(self, looked_at: Candidates) -> FloatArray:
        from sklearn import linear_model

        alpha, m = self._options.alpha, len(looked_at.target_M)
        options: dict[str, Any] = {"solver": "saga", "random_state": derive(looked_at.seed, "lasso") % 2**32}
        smallest_class = int(np.unique(looked_at.target_M, return_counts=True)[1].min())
        if alpha == "auto" and smallest_class >= 2:
            # penalties from the one that keeps nothing down to a thousandth of it
            model = linear_model.LogisticRegressionCV(
                Cs=1.0 / (np.logspace(-0.5, -3.5, 7) * m),
                cv=min(5, smallest_class),
                scoring="neg_log_loss",
                max_iter=200,
                tol=1e-3,
                l1_ratios=(1.0,),
                **options,
            )
        else:
            penalty = 0.01 if alpha == "auto" else alpha
            model = linear_model.LogisticRegression(
                C=1.0 / (penalty * m), l1_ratio=1.0, max_iter=5_000, tol=1e-5, **options
            )
        fitted = model.fit(looked_at.standardised(), looked_at.target_M)
        found: FloatArray = np.abs(fitted.coef_).max(axis=0)
        return found
