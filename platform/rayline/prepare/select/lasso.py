"""Keep the number columns that a linear model with an L1 penalty gives a weight.

Choose it for many columns of which few matter in a straight line; of near copies it keeps one. Columns (and a
regression's target) are standardised first, so `alpha` has no unit. Score: the absolute weight, for several classes
the largest over one class against the rest. Regression is scikit-learn's `Lasso`, classes its L1 logistic regression
with C = 1 / (alpha m).
Reference: Tibshirani, "Regression Shrinkage and Selection via the Lasso", JRSS B 58, 1996.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.seeds import derive
from rayline.prepare.select._linear import shuffled_folds, standardised_target, steady
from rayline.prepare.select._selector import Candidates, FloatArray, Scored, ScoredConfig, Selector

SMALLEST_WEIGHT = 1e-9
"""Below this a weight is rounding."""


class Config(ScoredConfig):
    alpha: Annotated[float, Field(gt=0.0)] | Literal["auto"] = "auto"
    """Strength of the penalty; larger keeps fewer columns. `auto`: the best in five-fold cross-validation, folds drawn
    by the seed."""
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

        alpha, target_M = self._options.alpha, standardised_target(looked_at)
        model = (
            linear_model.LassoCV(cv=shuffled_folds(target_M, min(5, len(target_M)), looked_at.seed), max_iter=5_000)
            if alpha == "auto"
            else linear_model.Lasso(alpha=alpha, max_iter=10_000)
        )
        fitted = model.fit(looked_at.standardised(), target_M)
        return np.abs(np.asarray(fitted.coef_, dtype=np.float64))

    def _classes(self, looked_at: Candidates) -> FloatArray:
        places = np.unique(looked_at.target_M)
        numbers_MW = looked_at.standardised()
        classes = places[1:] if len(places) == 2 else places
        weights = [self._one_class(numbers_MW, looked_at.target_M == place, looked_at.seed) for place in classes]
        return np.asarray(np.max(weights, axis=0))

    def _one_class(self, numbers_MW: FloatArray, is_class_M: npt.NDArray[np.bool_], seed: int) -> FloatArray:
        from sklearn import linear_model

        alpha, m = self._options.alpha, len(is_class_M)
        options: dict[str, Any] = {
            "solver": "liblinear",  # ten times the speed of saga where columns go together, as one-hot ones do
            "intercept_scaling": 100.0,  # it penalises the intercept: this makes that penalty small
            "random_state": derive(seed, "lasso") % 2**31,
            "max_iter": 500,
        }
        rarer = min(int(is_class_M.sum()), int((~is_class_M).sum()))
        if alpha == "auto" and rarer >= 2:
            # penalties from one that keeps hardly anything down to a thousandth of it
            model = linear_model.LogisticRegressionCV(
                Cs=1.0 / (np.logspace(-0.5, -3.5, 7) * m),
                cv=shuffled_folds(is_class_M, min(5, rarer), seed),
                scoring="neg_log_loss",
                tol=1e-3,
                l1_ratios=(1.0,),
                **options,
            )
        else:
            penalty = 0.01 if alpha == "auto" else alpha
            model = linear_model.LogisticRegression(C=1.0 / (penalty * m), l1_ratio=1.0, tol=1e-5, **options)
        found: FloatArray = np.abs(model.fit(numbers_MW, is_class_M).coef_[0])
        return found
