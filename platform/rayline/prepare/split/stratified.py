"""Divide rows by a seeded hash of their key, with every class's share right to one row.

Choose it for rare classes and few rows: each class has its share of train, validation and test, and of every fold, to
within one row, and a class always has a training row. Costs one look at all keys and classes; the cut-offs found are
kept, so that rows that come later are placed as by `hash` and those there keep their part. Ids must be unique: rows
of one id and two classes may be parted. A target of numbers (regression) is refused. Reference: Kohavi, "A Study of
Cross-Validation and Bootstrap for Accuracy Estimation and Model Selection", IJCAI 1995.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.category_text import category_texts, plain
from rayline.core.errors import SpecError
from rayline.core.seeds import UInt64Array
from rayline.core.shown import counted
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

MOST_CLASSES = 1000


class Config(SeededConfig):
    def build(self) -> StratifiedSplitter:
        return StratifiedSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> StratifiedAssignment:
        strata = {name: Cuts.read(item) for name, item in value["strata"].items()}
        rest = Cuts.read(value["rest"])
        folds = value.get("folds", len(rest.folds) + 1)
        return StratifiedAssignment(
            value["key"], value["target"], value["seed"], strata, rest, folds, value.get("repeat", 0)
        )


class StratifiedSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:
        column = plain(frame[target])
        if column.dtype.is_float() and (column % 1 != 0).any():
            raise SpecError(_not_classes(target, "holds fractions"))
        texts, codes = category_texts(column)
        classes = pa.DictionaryArray.from_arrays(
            pa.array(codes), pa.array(["" if text is None else text for text in texts])
        )
        columns = hashed_rows(frame, key, self._options.seed)
        return pa.table({**columns, "class": classes}).replace_schema_metadata({"key": key, "target": target})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> StratifiedAssignment:
        check_folds(folds)
        key, target = told(indexes), told(indexes, "target")
        table = gathered(indexes, dropped).unify_dictionaries().combine_chunks()
        by_class = _by_class(table)
        if len(by_class) > min(MOST_CLASSES, max(2, table.num_rows // 2)):
            raise SpecError(_not_classes(target, f"has {counted(len(by_class), 'value')} in {counted(table.num_rows)}"))
        options = self._options
        shares = (options.validation, options.test)
        strata: dict[str, Cuts] = {}
        owed = np.zeros(3)
        first_fold = 0
        for name, (part, fold) in by_class.items():
            counts, owed = sizes(len(part), shares, owed)
            strata[name], training = cut(part, fold_hashes(fold, repeat), counts, shares, folds, first_fold)
            first_fold = (first_fold + training) % folds
        rest = by_share(options.validation, options.test, folds)
        return StratifiedAssignment(key, target, options.seed, strata, rest, folds, repeat)


@dataclass(frozen=True)
class StratifiedAssignment(Assignment):
    key: str
    target: str
    seed: int
    strata: dict[str, Cuts]
    """Cut-offs by the class's text."""
    rest: Cuts
    """Cut-offs for classes that were not there when the split was made."""
    folds: int
    repeat: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.key, self.target)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        texts, codes = category_texts(frame[self.target])
        first, second = part_and_fold_hashes(frame, self.key, self.seed, self.repeat)
        parts = np.empty(frame.height, dtype=np.int8)
        for code, text in enumerate(texts):
            rows = np.flatnonzero(codes == code)
            parts[rows] = self.strata.get(text or "", self.rest).parts(first[rows], second[rows])
        return mark_dropped(parts, frame, dropped)

    def to_json(self) -> dict[str, Any]:
        return {"split": "stratified", **asdict(self)}


def _by_class(table: pa.Table) -> dict[str, tuple[UInt64Array, UInt64Array]]:
    """Both hashes of each class's rows, classes in the order of their texts."""
    dictionary = (
        table.column("class").chunk(0) if table.num_rows else pa.array([], pa.dictionary(pa.int32(), pa.string()))
    )
    codes = dictionary.indices.to_numpy()
    names = dictionary.dictionary.to_pylist()
    part, fold = table.column("part").to_numpy(), table.column("fold").to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(names))).tolist()
    starts = [0, *ends][: len(ends)]
    slices = {name: order[start:end] for name, start, end in zip(names, starts, ends, strict=True) if end > start}
    return {name: (part[slices[name]], fold[slices[name]]) for name in sorted(slices)}


def _not_classes(target: str, what: str) -> str:
    return (
        f"data.split: stratified keeps the shares of classes, and target {target!r} {what}. "
        "Use data.split: hash for a number."
    )
