"""Divide rows by a seeded hash of their key.

The default: a row keeps its part for ever, as data grows and in whatever order it comes, and one look at the row says
which. Shares are right on average only (to about 1% in 10,000 rows); choose `stratified` where classes are rare or
rows few. Reference: Breck et al., "The ML Test Score", IEEE Big Data 2017 (hash splits in production).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.seeds import uniform
from rayline.prepare.split._parts import (
    TEST,
    VALIDATION,
    Assignment,
    Parts,
    SeededConfig,
    Splitter,
    check_folds,
    fold_hashes,
    key_hashes,
    mark_dropped,
    options_of,
    told,
)


class Config(SeededConfig):
    def build(self) -> HashSplitter:
        return HashSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> HashAssignment:
        return HashAssignment(**options_of(value))


class HashSplitter(Splitter):
    needs_rows = False

    def __init__(self, options: Config) -> None:
        self._options = options

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:  # noqa: ARG002 (rows need not be seen)
        return pa.table({}).replace_schema_metadata({"key": key})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,  # noqa: ARG002 (a row's place depends on no other row)
        repeat: int = 0,
    ) -> HashAssignment:
        check_folds(folds)
        return HashAssignment(
            told(indexes), self._options.validation, self._options.test, self._options.seed, folds, repeat
        )


@dataclass(frozen=True)
class HashAssignment(Assignment):
    key: str
    validation: float
    test: float
    seed: int
    folds: int
    repeat: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.key,)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        parts = np.zeros(frame.height, dtype=np.int8)
        if self.folds > 1:
            fold = uniform(fold_hashes(key_hashes(frame, self.key, self.seed, "fold"), self.repeat))
            parts = (fold * self.folds).astype(np.int8)
        if self.test + self.validation > 0:
            place = uniform(key_hashes(frame, self.key, self.seed, "part"))
            parts[place < self.test + self.validation] = VALIDATION
            parts[place < self.test] = TEST
        return mark_dropped(parts, frame, dropped)

    def to_json(self) -> dict[str, Any]:
        return {"split": "hash", **asdict(self)}
