"""How far estimates of a profile may lie from the truth, in numbers. Tests hold every one to them.

    counts, missing, ends, mean, variance     exact (sums of floats within 1e-12 of their terms' size)
    distinct values                           exact up to 16,384 (of fractions 1,024); beyond: `distinct_error`
    rows of frequent values                   exact as above; beyond: `frequent_error`
    quantiles, histograms, shares             exact up to 65,536 rows; beyond: `rank_error`

None depends on the order of rows or of merging, so no order is worse than another.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from rayline.profile import sketch
from rayline.profile.column import ColumnProfile

if TYPE_CHECKING:
    from rayline.profile.profile import Profile


def rank_error(profile: Profile, column: str, confidence: float = 0.99) -> float:
    """The largest distance in rank, 0 to 1, of any quantile of `column` from the true one, at this confidence.

    0 where the sample holds every row. Else the Dvoretzky-Kiefer-Wolfowitz bound with Massart's constant (1990) for the
    column's values in the sample: 0.64% for 65,536 values, for all quantiles at once; a single one near the middle is
    off by 0.2% (its standard error).
    """
    if profile.sample.height >= profile.rows:
        return 0.0
    values = profile.sample.height - profile.sample[column].null_count()
    return min(1.0, math.sqrt(math.log(2 / (1 - confidence)) / (2 * values))) if values else 1.0


def distinct_error(column: ColumnProfile, confidence: float = 0.99) -> float:
    """The relative error of `column.distinct` at this confidence: 0 where all are counted, else 2.0% (fractions 8.1%).

    The k-th smallest of uniform hashes tells the number of them with a relative standard error of 1/√(k - 2).
    """
    if not column.truncated:
        return 0.0
    return NormalDist().inv_cdf((1 + confidence) / 2) / math.sqrt(len(column.values.values) - 2)


def frequent_error(column: ColumnProfile) -> tuple[float, float]:
    """By what shares of the column's values `Profile.top` may give too few and too many rows.

    (0, 0) where all are counted; else never more than 0.05% too few, and more than 0.2% too many with a chance of one
    in a thousand.
    """
    return (sketch.TOO_FEW, sketch.TOO_MANY) if column.truncated else (0.0, 0.0)
