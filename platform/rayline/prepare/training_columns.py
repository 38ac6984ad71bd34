"""The training columns that steps learn from: profile statistics, kept true from one step to the next.

A clipped or filled column is not scanned again. Filling changes the moments in closed form; clipping takes them
from the profile's sample of rows, which is the whole data up to its size (65,536 rows). `profile_columns.py` makes
them of a profile.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from rayline.core.errors import DataError
from rayline.prepare.number_value import FloatArray

SMALLEST_STD = 1e-100
"""Below this a column counts as constant: its scale would leave the range of floats."""


@dataclass(frozen=True)
class NumberColumn:
    """A number column of the training rows, as the steps before leave it. Infinite values count as missing."""

    name: str
    count: int
    missing: int
    mean: float
    variance: float
    """Of the population: divided by `count`."""
    minimum: float
    maximum: float
    counts: Mapping[float, int] | None
    """Rows of each value, where the profile kept all of them."""
    read_sample: Callable[[], FloatArray] = field(repr=False, compare=False)
    """Values of the profile's sample of rows, NaN where missing; read only when a step asks for it."""

    @cached_property
    def sample(self) -> FloatArray:
        """The values there are in the sample, sorted: sums over them do not depend on the order of rows."""
        values = self.read_sample()
        return np.sort(values[~np.isnan(values)])

    @property
    def is_constant(self) -> bool:
        """Whether the values differ by rounding alone; such a column is scaled by 1."""
        span = self.maximum - self.minimum
        varies = span > 1e-13 * max(abs(self.minimum), abs(self.maximum)) and math.sqrt(self.variance) > SMALLEST_STD
        return not varies

    def require_values(self, step: str) -> None:
        """Raises:
        DataError: training has no value at all for `step` to learn from.
        """
        _require(self.name, self.count, step)

    def quantile(self, q: float) -> float:
        """The value below which a share `q` of the rows lie, by linear interpolation in the sample."""
        return float(np.quantile(self.sample, q)) if len(self.sample) else math.nan

    def mode(self) -> float:
        """The most frequent value; of equally frequent ones the smallest."""
        counts = self.counts if self.counts is not None else Counter(self.sample.tolist())
        return min(counts, key=lambda value: (-counts[value], value))

    def filled(self, value: float) -> NumberColumn:
        """The column once its missing values are `value`."""
        if self.missing == 0:
            return self
        n, m = self.count, self.missing
        total = n + m
        mean, variance = (self.mean, self.variance) if n else (value, 0.0)
        apart = value - mean
        counts = None if self.counts is None else {**self.counts, value: self.counts.get(value, 0) + m}
        share = m / total
        return replace(
            self,
            count=total,
            missing=0,
            mean=mean + apart * share,
            variance=variance * (1.0 - share) + apart * apart * share * (1.0 - share),
            minimum=min(self.minimum, value) if n else value,
            maximum=max(self.maximum, value) if n else value,
            counts=counts,
            read_sample=lambda: np.nan_to_num(self.read_sample(), nan=value),
        )

    def with_sample(self, values_M: FloatArray, missing: int | None = None, total: int | None = None) -> NumberColumn:
        """The column once the sample's values are `values_M` (NaN: missing), its moments taken from them.

        `missing`: rows still missing; by default their share in the sample, which is exact where it holds every row.
        `total`: rows there are; by default as many as before.
        """
        there = np.sort(values_M[~np.isnan(values_M)])
        total = self.count + self.missing if total is None else total
        if missing is None:
            missing = round(total * (1.0 - len(there) / max(len(values_M), 1)))
        mean = float(np.mean(there)) if len(there) else math.nan
        return replace(
            self,
            count=total - missing,
            missing=missing,
            mean=mean,
            variance=float(np.mean(np.square(there - mean))) if len(there) else math.nan,
            minimum=float(there[0]) if len(there) else math.nan,
            maximum=float(there[-1]) if len(there) else math.nan,
            counts=None,
            read_sample=lambda: values_M,
        )

    def clipped(self, low: float, high: float) -> NumberColumn:
        """The column once the values there are of it are cut to `low … high`; missing ones stay missing."""
        sample = np.clip(self.sample, low, high)
        mean = float(np.mean(sample))
        counts: Counter[float] = Counter()
        for value, rows in (self.counts or {}).items():
            counts[min(max(value, low), high)] += rows
        return replace(
            self,
            mean=mean,
            variance=float(np.mean(np.square(sample - mean))),
            minimum=min(max(self.minimum, low), high),
            maximum=min(max(self.maximum, low), high),
            counts=None if self.counts is None else counts,
            read_sample=lambda: np.clip(self.read_sample(), low, high),
        )


@dataclass(frozen=True)
class TargetSample:
    """The sample's targets, for encodings that learn from them.

    m rows of the sample · K columns: the value (regression), 1.0 for the positive class (binary), or one a class
    """

    values_MK: npt.NDArray[np.float64]  # noqa: N815
    names: tuple[str, ...]
    """One a column: "" where there is one, else the classes."""
    fold_M: npt.NDArray[np.int64]  # noqa: N815
    """Inner fold 0..4 of each row."""


@dataclass(frozen=True)
class CategoryColumn:
    """A category column of the training rows, as the steps before leave it."""

    name: str
    counts: Mapping[str, int]
    """Rows of each text. Where the profile did not keep every value, rows of its sample."""
    missing: int
    read_texts: Callable[[], list[str | None]] = field(default=list, repr=False, compare=False)
    """Texts of the profile's sample of rows, `None` where missing; read only when a step asks for them."""
    read_target: Callable[[], TargetSample] | None = field(default=None, repr=False, compare=False)
    """The targets of those rows."""

    def require_values(self, step: str) -> None:
        """Raises:
        DataError: training has no value at all for `step` to learn from.
        """
        _require(self.name, len(self.counts), step)

    def target(self, step: str) -> TargetSample:
        """The sample's targets.

        Raises:
            DataError: nothing is to be predicted.
        """
        if self.read_target is None:
            raise DataError(f"column {self.name!r}: {step!r} learns from the target, and none is given.")
        return self.read_target()

    def ranked(self) -> list[str]:
        """Texts by falling count, equal counts in the order of the texts."""
        return sorted(self.counts, key=lambda text: (-self.counts[text], text))

    def filled(self, text: str) -> CategoryColumn:
        """The column once its missing values are `text`."""
        if self.missing == 0:
            return self
        return replace(
            self,
            counts={**self.counts, text: self.counts.get(text, 0) + self.missing},
            missing=0,
            read_texts=lambda: [text if found is None else found for found in self.read_texts()],
        )


def _require(name: str, count: int, step: str) -> None:
    if count == 0:
        raise DataError(
            f"column {name!r} has no value in the training rows, so {step!r} has nothing to learn from. "
            f"Set data.features.{name}: drop, or impute it with a constant."
        )
