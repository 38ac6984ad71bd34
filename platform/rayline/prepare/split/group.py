"""Divide rows by groups that are never divided: all rows of a patient, a customer, a device in one part and one fold.

Choose it where rows of one group resemble each other and a model will meet groups that are new. Shares of rows come as
close as groups allow; `stratify` keeps the shares of the target's classes too. Up to 4,096 groups, the largest, are
placed one by one and the smaller ones by cut-offs of a seeded hash, as are groups that come later. Only hashes of
groups are kept. Reference: scikit-learn's GroupKFold and StratifiedGroupKFold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from rayline.core.category_text import category_texts, plain
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.seeds import UInt64Array, derive, hash_keys, splitmix64
from rayline.core.shown import counted
from rayline.prepare.split._packing import Places, place
from rayline.prepare.split._parts import (
    TEST,
    VALIDATION,
    Assignment,
    Parts,
    SeededConfig,
    Splitter,
    check_folds,
    fold_hashes,
    followed,
    gathered,
    mark_dropped,
)

MOST_CLASSES = 1000


class Config(SeededConfig):
    by: str
    """The column that names each row's group."""
    stratify: bool = Field(default=False)
    """Keep the shares of the target's classes as well as whole groups let it."""

    @property
    def reads(self) -> dict[str, str]:
        return {"by": self.by}

    @property
    def sets_aside(self) -> tuple[str, ...]:
        return (self.by,)

    def build(self) -> GroupSplitter:
        return GroupSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> GroupAssignment:
        parts, folds = Places.read(value["parts"]), Places.read(value["fold_places"])
        return GroupAssignment(value["by"], value["seed"], value["folds"], parts, folds, value["repeat"])


class GroupSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options

    def reads(self, key: str, target: str) -> tuple[str, ...]:  # noqa: ARG002 (groups are followed, not keys)
        return (self._options.by, target) if self._options.stratify else (self._options.by,)

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:  # noqa: ARG002
        texts: list[str | None] = [""]
        codes = np.zeros(frame.height, np.int32)
        if self._options.stratify:
            texts, codes = category_texts(plain(frame[target]))
        classes = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array([text or "" for text in texts]))
        groups = _hashes(frame, self._options.by, self._options.seed)
        return pa.table({ROW: frame[ROW].to_numpy(), "group": groups, "class": classes})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> GroupAssignment:
        check_folds(folds)
        options = self._options
        table = gathered(indexes, dropped).unify_dictionaries().combine_chunks()
        hashes, codes = table.column("group").to_numpy(), _codes(table)
        shares = np.array([1.0 - options.validation - options.test, options.validation, options.test])
        groups = pl.Series(hashes).n_unique()
        if groups < (wanted := int((shares > 0).sum())):
            raise DataError(
                f"data.split.by {options.by!r} has {counted(groups, 'group')}, and {wanted} parts need one each. "
                "Set data.split.validation or test to 0, or divide by another column."
            )
        parts = place(hashes, codes, shares)
        training = parts.bins(hashes) == 0
        second = _second(hashes[training], repeat)
        if (groups := pl.Series(second).n_unique()) < folds:
            raise SpecError(
                f"tune.folds is {folds}, and {options.by!r} has {counted(groups, 'group')} to train on. Lower it."
            )
        return GroupAssignment(
            options.by, options.seed, folds, parts, place(second, codes[training], np.full(folds, 1 / folds)), repeat
        )


@dataclass(frozen=True)
class GroupAssignment(Assignment):
    by: str
    seed: int
    folds: int
    part_places: Places = field(repr=False)
    """Of every group: 0 for training, 1 for validation, 2 for test."""
    fold_places: Places = field(repr=False)
    """Of training groups, by their second hash."""
    repeat: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.by,)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        hashes = _hashes(frame, self.by, self.seed)
        held = self.part_places.bins(hashes)
        folds = self.fold_places.bins(_second(hashes, self.repeat))
        parts = np.where(held == 0, folds, np.where(held == 1, VALIDATION, TEST)).astype(np.int8)
        return mark_dropped(parts, frame, dropped)

    def to_json(self) -> dict[str, Any]:
        return {
            "split": "group",
            "by": self.by,
            "seed": self.seed,
            "folds": self.folds,
            "repeat": self.repeat,
            "parts": self.part_places.to_json(),
            "fold_places": self.fold_places.to_json(),
        }


def _hashes(frame: pl.DataFrame, by: str, seed: int) -> UInt64Array:
    groups = plain(followed(frame, by))
    if lacking := groups.null_count():
        raise DataError(
            f"data.split.by {by!r} is missing in {counted(lacking)}, and a row without its group could be on either "
            f"side. Fill it, or leave such rows out: data.expect: {{{by}: {{nullable: false, on: quarantine}}}}."
        )
    return hash_keys(groups, derive(seed, "split", "group"))


def _second(hashes: UInt64Array, repeat: int) -> UInt64Array:
    return fold_hashes(splitmix64(hashes, derive(0, "split", "fold")), repeat)


def _codes(table: pa.Table) -> npt.NDArray[np.int64]:
    """Each row's class as its place among all; 0 where classes do not matter."""
    if table.num_rows == 0:
        return np.zeros(0, np.int64)
    column = table.column("class").chunk(0)
    if len(column.dictionary) > MOST_CLASSES:
        raise SpecError(
            f"data.split.stratify keeps the shares of classes, and the target has {len(column.dictionary):,} values. "
            "Leave stratify out."
        )
    # classes in the order of their texts, whatever fragments came first
    order = np.argsort(np.argsort(np.array(column.dictionary.to_pylist(), dtype=object)))
    return np.asarray(order[column.indices.to_numpy()])
