"""Population stability index: the sum over bins of (live share - training share) x ln(live share / training share).

When to choose it: the default. One number for numbers and categories alike, with rules of thumb that risk teams
have used for decades: below 0.1 nothing to see, 0.1 to 0.2 a look, above 0.2 a changed population. It measures how
large a change is, so unlike a p-value it does not cry wolf over tiny changes as traffic grows. It does not see a
change inside a bin.

In a small window it is large by chance alone. Where nothing has drifted, PSI / (1/n + 1/m) with n training rows and
m live ones follows a chi-squared distribution of (bins - 1) degrees of freedom, hence a mean of
(bins - 1)(1/n + 1/m): 0.05 for ten bins and 200 rows. So the alarm begins at `threshold` or at the quantile of that
distribution that chance passes with probability `false_alarms`, whichever is higher. That rate holds for each feature
and each window of independent rows; the same row sent many times counts many times.

Shares are of counts to which half a row is added in each bin that either side has met, so that a bin empty on one
side stays finite; bins empty on both sides are left out.

Reference: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal of Risk
Model Validation 14(4), 2020. The chi-squared quantile is E. Wilson and M. Hilferty's of 1931, within 3%.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.monitor.drift._test import Drift

SMOOTHING = 0.5


class Config(PluginConfig):
    threshold: float = Field(default=0.2, gt=0)
    """PSI from which a change is large enough to tell, however sure it is."""
    false_alarms: float = Field(default=0.001, gt=0, lt=0.5)
    """Largest probability of an alarm for a feature in a window where nothing has drifted."""
    minimum_rows: int = Field(default=200, ge=1)
    """Live rows below which no alarm is raised."""

    def build(self) -> PopulationStability:
        return PopulationStability(self)


class PopulationStability:
    """PSI with a limit that knows the size of the window."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, expected: Sequence[int], observed: Sequence[int]) -> Drift:
        """PSI of rows [bins] in training and live, missing included as a bin.

        >>> test = Config().build()
        >>> round(test([500, 500], [5000, 5000]).statistic, 3), round(test([500, 500], [8000, 2000]).statistic, 3)
        (0.0, 0.416)
        """
        training, live = np.asarray(expected, np.float64), np.asarray(observed, np.float64)
        met = (training > 0) | (live > 0)
        training, live = training[met], live[met]
        bins = len(training)
        training_share = (training + SMOOTHING) / (training.sum() + SMOOTHING * bins)
        live_share = (live + SMOOTHING) / (live.sum() + SMOOTHING * bins)
        statistic = float(np.sum((live_share - training_share) * np.log(live_share / training_share)))
        scale = 1 / float(training.sum()) + 1 / float(live.sum())
        limit = math.inf
        if live.sum() >= self._config.minimum_rows:
            by_chance = chi_squared_quantile(1 - self._config.false_alarms, bins - 1) * scale
            limit = max(self._config.threshold, by_chance)
        return Drift(statistic=statistic, limit=limit, by_chance=(bins - 1) * scale)


def chi_squared_quantile(probability: float, degrees: int) -> float:
    """The value a chi-squared variable of `degrees` stays below with `probability`; 0 for no degrees.

    >>> round(chi_squared_quantile(0.999, 9), 1)  # exactly 27.88
    28.1
    """
    if degrees == 0:
        return 0.0
    spread = 2 / (9 * degrees)
    return float(degrees * max(0.0, 1 - spread + NormalDist().inv_cdf(probability) * math.sqrt(spread)) ** 3)
