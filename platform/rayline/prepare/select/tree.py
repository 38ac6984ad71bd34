"""Keep number columns that a forest of decision trees makes use of.

Choose it where effects are curved or joint and the model is to stay free in its form. Score: a column's share of the
impurity that the trees' splits take away, over all columns 1; it favours columns of many values. Without `keep` and
`threshold`, columns above the mean score stay. Reference: Breiman, "Random Forests", Machine Learning 45, 2001; Geurts,
Ernst and Wehenkel, "Extremely Randomized Trees", Machine Learning 63, 2006.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from rayline.core.seeds import derive
from rayline.prepare.select._selector import Candidates, Scored, ScoredConfig, Selector, stay


class Config(ScoredConfig):
    trees: int = Field(default=100, ge=1)
    depth: int | None = Field(default=12, ge=1)
    """Of each tree at most; `null` for none."""
    kind: Literal["extra_trees", "random_forest"] = "extra_trees"
    """`extra_trees` draws its splits and takes a fifth of the time."""
    rows: int = Field(default=16_384, ge=100)
    """Rows of the training sample that are looked at, at most: a seeded subset."""

    def build(self) -> Tree:
        return Tree(self)


class Tree(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        from sklearn import ensemble  # a second to import

        options = self._options
        looked_at = candidates.at_most(options.rows)
        looked_at.require_rows("tree")
        kinds = {
            ("extra_trees", True): ensemble.ExtraTreesRegressor,
            ("extra_trees", False): ensemble.ExtraTreesClassifier,
            ("random_forest", True): ensemble.RandomForestRegressor,
            ("random_forest", False): ensemble.RandomForestClassifier,
        }
        forest = kinds[options.kind, candidates.is_regression](
            n_estimators=options.trees,
            max_depth=options.depth,
            max_features="sqrt",
            random_state=derive(candidates.seed, "tree") % 2**32,
            n_jobs=1,
        )
        scores_W = forest.fit(looked_at.numbers_MW, looked_at.target_M).feature_importances_
        if options.keep is None and options.threshold is None:
            above = np.flatnonzero(scores_W >= scores_W.mean()).tolist()
            return stay(candidates.names, scores_W, above, "tree")
        return options.best(candidates, scores_W, "tree")
