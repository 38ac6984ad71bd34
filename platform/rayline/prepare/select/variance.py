"""Leave out number columns that hardly vary over the training rows.

Choose it against columns that say the same of every row: rare one-hot values, indicators of a column that is nearly
never missing. Variances are those of the prepared columns, so numbers scaled by `standard` all have 1. Score: the
variance. Reference: scikit-learn's `VarianceThreshold`, with which it agrees.
"""

from __future__ import annotations

import numpy as np

from rayline.prepare.select._selector import Candidates, Scored, ScoredConfig, Selector


class Config(ScoredConfig):
    def build(self) -> Variance:
        return Variance(self)


class Variance(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        numbers_MW = candidates.numbers_MW
        # rounding leaves a column of one value a variance just above 0; its span is 0 exactly
        span_W = np.ptp(numbers_MW, axis=0) if len(numbers_MW) else np.zeros(len(candidates.names))
        scores_W = np.where(span_W > 0.0, np.var(numbers_MW, axis=0), 0.0)
        return self._options.best(candidates, scores_W, "variance")
