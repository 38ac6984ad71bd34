"""Rows that repeat: duplicates, and rows that are alike but for the target (suspected label conflicts), in one pass.

Each row has two 64-bit hashes, of its features and of its target. The 65,536 groups of equal features whose hashes are
smallest are kept, each with its rows and the first of them: a fair choice of all groups, complete in themselves and the
same for any order and tree of merging. Up to that many different rows all is exact; beyond, shares are those among the
kept groups: with d repeated rows among them, the relative error is about 1/√d.

Hashes stay in memory and are never saved: they would tell of private columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from rayline.core.columns import ROW

CAP = 1 << 16
LACKING = 0
"""The hash of a target that is missing: it is at odds with none."""
SEEDS = (0x2545F4914F6CDD1D, 0x9E6C63D0876A9A47)


@dataclass(frozen=True)
class Repeats:
    """Groups of equal rows."""

    groups: pl.DataFrame
    """`features`, `target`: hashes; `rows`: how many; `row`: the smallest ROW among them."""
    truncated: bool = False
    """Whether there were more different features than are kept."""
    target: str | None = None

    def found(self, rows: int) -> Found:
        """What the groups say of `rows` rows."""
        met = int(self.groups["rows"].sum())
        scale = rows / met if met else 0.0
        answered = self.groups.filter(pl.col("target") != LACKING)
        alike = answered.group_by("features").agg(
            pl.len().alias("targets"), pl.col("rows").sum(), pl.col("row").sort(), pl.col("rows").alias("each")
        )
        clash = alike.filter(pl.col("targets") > 1)
        examples = clash.sort(pl.col("row").list.first()).head(10)["row"].to_list()
        twins = self.groups.filter(pl.col("rows") > 1).sort("row")
        least = (clash["rows"] - clash["each"].list.max()).sum()
        return Found(
            duplicates=round((met - self.groups.height) * scale),
            duplicated=twins.head(10)["row"].to_list(),
            conflicts=round(int(clash["rows"].sum()) * scale),
            wrong=round(int(least) * scale),
            conflicting=examples,
            exact=not self.truncated,
            groups=met - self.groups.height,
        )


@dataclass(frozen=True)
class Found:
    """Repeated rows of a whole data set; estimates unless `exact`."""

    duplicates: int
    """Rows that repeat one before them, target and all."""
    duplicated: list[int]
    """ROW numbers of the first rows that are repeated."""
    conflicts: int
    """Rows whose features are met with another target too."""
    wrong: int
    """The fewest rows whose target must be wrong, if equal features had one target."""
    conflicting: list[list[int]]
    """ROW numbers of rows that are alike but for the target, a list a group."""
    exact: bool
    groups: int
    """Repeated rows that were met among the kept groups: the estimates' relative error is about one by its root."""


def measure(frame: pl.DataFrame, target: str | None = None) -> Repeats:
    """The groups of a frame's rows; without a target whole rows are compared.

    Two rows of different features among a billion are taken for equal with a chance of about 3%, among a million with
    one of 10⁻⁸.
    """
    values = frame.drop(ROW)
    for name, dtype in values.schema.items():
        if dtype.is_float():
            values = values.with_columns(pl.col(name) + 0.0)  # -0.0 is 0.0
    features = values.drop(target) if target is not None else values
    none = pl.Series("target", np.zeros(frame.height, np.uint64))
    hashed = pl.DataFrame(
        {
            "features": features.hash_rows(SEEDS[0]) if features.width else none,
            "target": none if target is None else _answers(values[target]),
            "rows": np.ones(frame.height, np.int64),
            "row": frame[ROW],
        }
    )
    return _keep(hashed, target, truncated=False)


def _answers(target: pl.Series) -> pl.Series:
    """The hashes of what is predicted; of rows that lack it `LACKING`."""
    hashes = target.to_frame().hash_rows(SEEDS[1])
    return hashes.set(target.is_null(), LACKING) if target.null_count() else hashes


def merge(parts: Sequence[Repeats]) -> Repeats:
    """The groups of all rows together."""
    groups = pl.concat([part.groups for part in parts])
    return _keep(groups, parts[0].target, truncated=any(part.truncated for part in parts))


def _keep(groups: pl.DataFrame, target: str | None, *, truncated: bool) -> Repeats:
    hashes = groups["features"].to_numpy()
    if len(hashes) > 4 * CAP:  # most rows cannot be among the smallest: not sorted
        some = np.unique(hashes[: 4 * CAP])
        if len(some) > CAP:
            truncated, bound = True, some[CAP - 1]
            groups = groups.filter(pl.col("features") <= bound)
    summed = groups.group_by("features", "target").agg(pl.col("rows").sum(), pl.col("row").min())
    summed = summed.sort("features", "target")
    distinct = summed["features"].unique(maintain_order=True)
    if len(distinct) > CAP:
        truncated = True
        summed = summed.filter(pl.col("features") <= distinct[CAP - 1])
    return Repeats(summed, truncated, target)
