"""The distinct values of a column and how often each occurs: exact up to a cap, beyond it a fair choice of values.

Past the cap those values stay whose hashes are smallest (a KMV sketch: Bar-Yossef et al., "Counting distinct elements
in a data stream", 2002). A value that is among them in the whole is among them in every part that has it, so merging
in any order gives the same values with exact counts, and the k-th smallest hash tells how many distinct there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.profile.value_hash import hash_values

FLOAT_CAP = 1024
CAP = 16_384
"""Distinct values kept of a column: of fractions few, for they seldom repeat."""


def cap_of(dtype: pl.DataType) -> int:
    """How many distinct values of a column of this type are kept."""
    return FLOAT_CAP if dtype.is_float() else CAP


@dataclass(frozen=True)
class Values:
    """Distinct values [d] in ascending order, with their rows [d]."""

    values: pl.Series
    rows: npt.NDArray[np.int64]
    truncated: bool = False
    """Whether there were more than the cap, so that only some are kept."""

    @cached_property
    def distinct(self) -> int:
        """How many distinct values there are; an estimate (about 1%, 3% of fractions) where truncated."""
        if not self.truncated:
            return len(self.values)
        largest = int(hash_values(self.values).max())
        return max(len(self.values) + 1, round((len(self.values) - 1) * 2.0**64 / max(largest, 1)))

    def as_dict(self) -> dict[Any, int]:
        """Value to rows, in ascending order of values; dates as ISO text."""
        values = self.values.dt.to_string("iso") if self.values.dtype.is_temporal() else self.values
        return dict(zip(values.to_list(), self.rows.tolist(), strict=True))


def count_values(column: pl.Series) -> Values:
    """Count the values of a column without nulls."""
    if column.dtype.is_float():
        column = column + 0.0  # -0.0 is 0.0
    cap = cap_of(column.dtype)
    prefix = column.head(4 * cap)
    truncated = False
    if len(column) > len(prefix) and prefix.n_unique() > cap:
        # the cap-th smallest hash of some rows bounds that of all: only values below it can stay
        bound = np.partition(hash_values(prefix.unique()), cap - 1)[cap - 1]
        column = column.filter(pl.Series(hash_values(column) <= bound))
        truncated = True
    counted = column.value_counts(name="rows")
    return _keep(counted[column.name], counted["rows"].to_numpy().astype(np.int64), truncated)


def merge_values(parts: Sequence[Values]) -> Values:
    """The counts of all parts together, whatever their order."""
    if len(parts) == 1:
        return parts[0]
    every = pl.DataFrame(
        {
            "value": pl.concat([part.values for part in parts]),
            "rows": np.concatenate([part.rows for part in parts]),
        }
    )
    summed = every.group_by("value").agg(pl.col("rows").sum())
    return _keep(summed["value"], summed["rows"].to_numpy(), any(part.truncated for part in parts))


def _keep(values: pl.Series, rows: npt.NDArray[np.int64], truncated: bool) -> Values:
    """Distinct values in ascending order, no more than the cap."""
    cap = cap_of(values.dtype)
    if len(values) > cap:
        chosen = np.argpartition(hash_values(values), cap - 1)[:cap]
        values, rows, truncated = values[chosen], rows[chosen], True
    order = values.arg_sort()
    return Values(values[order].alias("value"), rows[order.to_numpy()], truncated)
