"""Columns that somebody scaled by statistics of all rows before the split: held-out rows had a part in every value.

Standardised: mean 0 and standard deviation 1 over all rows, and not over the training rows. Scaled to 0..1: smallest 0
and largest 1 over all rows, one of which no training row has, in a column of fractions that are no plain shares.
Reference: Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", Patterns
2023, section "pre-processing on training and test set".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from rayline.core.columns import Feature, FeatureType
from rayline.core.errors import listing
from rayline.prepare.leakage import Finding
from rayline.profile.column import ColumnProfile
from rayline.profile.profile import Profile

CLOSE = 1e-6
"""How far from 0 a mean, and from 1 a standard deviation may be: what rounding to 32 bits or six digits leaves."""
FEW_VALUES = 3
"""Below this many, values may have such statistics by nature: flags of 0 and 1, or of -1 and 1."""
LOOKED_AT = 1000
DENOMINATORS = np.array([*range(1, 65), 100, 1000, 10_000], np.float64)
"""Of plain shares: counted ones, and those written with up to four digits."""


class _Scale(NamedTuple):
    """A column's rows together."""

    rows: int
    mean: float
    square: float
    """Sum of squared deviations from the mean."""
    low: float
    high: float


def prescaled(profiles: Mapping[int, Profile], features: Sequence[Feature]) -> list[Finding]:
    """Findings, a line for each way of scaling; told as a warning, for it cannot be undone here.

    Args:
        profiles: by part, of every row there is, those that are left out too; training parts are 0 and above.
        features: the columns that are learnt from.
    """
    training = [profile for part, profile in sorted(profiles.items()) if part >= 0]
    every = [profile for _, profile in sorted(profiles.items())]
    if not training or sum(p.rows for p in every) == sum(p.rows for p in training):
        return []
    standard, within = [], []
    for name in (feature.name for feature in features if feature.type is FeatureType.NUMBER):
        columns = [profile.columns[name] for profile in every]
        if max(column.distinct for column in columns) < FEW_VALUES or not columns[0].dtype.startswith("Float"):
            continue
        whole, learnt = _scale(columns), _scale([profile.columns[name] for profile in training])
        if whole is None or learnt is None:
            continue
        if _is_standard(whole) and not _is_standard(learnt):
            standard.append(name)
        elif _is_unit(whole) and not _is_unit(learnt) and not _plain_shares([p.sample[name] for p in every]):
            within.append(name)
    rows = sum(p.rows for p in every), sum(p.rows for p in training)
    return [
        _finding(names, how, *rows)
        for names, how in (
            (standard, "mean 0 and standard deviation 1"),
            (within, "smallest value 0 and largest value 1"),
        )
        if names
    ]


def _finding(names: Sequence[str], how: str, rows: int, training: int) -> Finding:
    verb = "have" if len(names) > 1 else "has"
    return Finding(
        "statistics",
        rows - training,
        f"{listing(map(repr, names), 8)} {verb} {how} over all {rows:,} rows, and not over the {training:,} training "
        "rows: it seems that they were scaled before the split, with the help of held-out rows. Give them as they "
        "were before that; prepare.numbers.scale learns from training rows alone.",
    )


def _scale(columns: Sequence[ColumnProfile]) -> _Scale | None:
    """Chan's formula, column by column: merging whole profiles would count every value again."""
    count, mean, square = 0, 0.0, 0.0
    low, high = math.inf, -math.inf
    for column in columns:
        if column.mean is None or column.variance is None or column.minimum is None or column.maximum is None:
            continue
        apart, total = column.mean - mean, count + column.count
        square += column.variance * column.count + apart * apart * count * column.count / total
        mean += apart * column.count / total
        count = total
        low, high = min(low, float(column.minimum)), max(high, float(column.maximum))
    return _Scale(count, mean, square, low, high) if count > 1 else None


def _is_standard(scale: _Scale) -> bool:
    variances = (scale.square / scale.rows, scale.square / (scale.rows - 1))
    return abs(scale.mean) <= CLOSE and any(abs(math.sqrt(variance) - 1) <= CLOSE for variance in variances)


def _is_unit(scale: _Scale) -> bool:
    return scale.low == 0.0 and scale.high == 1.0


def _plain_shares(samples: Sequence[pl.Series]) -> bool:
    """Whether most values between 0 and 1 are what a person writes or counts: 0.25, 1/3."""
    values = pl.concat([sample.drop_nulls().cast(pl.Float64) for sample in samples])
    inner = values.filter((values > 0) & (values < 1)).head(LOOKED_AT).to_numpy()
    if not len(inner):
        return True
    product = inner[:, None] * DENOMINATORS
    return bool((np.abs(product - np.rint(product)) < CLOSE).any(axis=1).mean() > 0.5)
