"""Divide rows at random, with exact counts.

Choose it for few rows of a number to predict: every part has its share to one row, and folds are even to one row.
`stratified` does so for each class. Costs one look at all keys; the cut-offs found are kept, so that rows that come
later are placed as by `hash` and those there keep their part. Reference: Efraimidis, "Weighted random sampling over
data streams", 2015 (a sample is the rows with the smallest random numbers).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.prepare.split._cuts import Cuts, by_share, cut, sizes
from rayline.prepare.split._parts import (
    Assignment,
    Parts,
    SeededConfig,
    Splitter,
    check_folds,
    fold_hashes,
    gathered,
    hashed_rows,
    mark_dropped,
    part_and_fold_hashes,
    told,
)


class Config(SeededConfig):
    def build(self) -> RandomSplitter:
        return RandomSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> RandomAssignment:
        return RandomAssignment(
            value["key"], value["seed"], Cuts.read(value["cuts"]), value["folds"], value.get("repeat", 0)
        )


class RandomSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options

    def reads(self, key: str, target: str) -> tuple[str, ...]:  # noqa: ARG002 (the target is not looked at)
        return (key,)

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:  # noqa: ARG002
        return pa.table(hashed_rows(frame, key, self._options.seed)).replace_schema_metadata({"key": key})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> RandomAssignment:
        check_folds(folds)
        options = self._options
        table = gathered(indexes, dropped)
        cuts = by_share(options.validation, options.test, folds)
        if table.num_rows:
            counts, _ = sizes(table.num_rows, (options.validation, options.test), np.zeros(3))
            second = fold_hashes(table.column("fold").to_numpy(), repeat)
            cuts, _ = cut(table.column("part").to_numpy(), second, counts, (options.validation, options.test), folds)
        return RandomAssignment(told(indexes), options.seed, cuts, folds, repeat)


@dataclass(frozen=True)
class RandomAssignment(Assignment):
    key: str
    seed: int
    cuts: Cuts
    folds: int
    repeat: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.key,)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        hashes = part_and_fold_hashes(frame, self.key, self.seed, self.repeat)
        return mark_dropped(self.cuts.parts(*hashes), frame, dropped)

    def to_json(self) -> dict[str, Any]:
        return {"split": "random", **asdict(self)}
