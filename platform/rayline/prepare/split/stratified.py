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
from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.core.seeds import UInt64Array
from rayline.prepare.split._parts import (
    TEST,
    VALIDATION,
    Assignment,
    Parts,
    SplitConfig,
    Splitter,
    check_folds,
    is_dropped,
    key_hashes,
    mark_dropped,
)

MOST_CLASSES = 1000
LARGEST = 2**64 - 1


class Config(SplitConfig):
    def build(self) -> StratifiedSplitter:
        return StratifiedSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> StratifiedAssignment:
        strata = {
            name: Stratum(item["test"], item["validation"], tuple(item["folds"]))
            for name, item in value["strata"].items()
        }
        rest = Stratum(value["rest"]["test"], value["rest"]["validation"], tuple(value["rest"]["folds"]))
        return StratifiedAssignment(value["key"], value["target"], value["seed"], strata, rest)


@dataclass(frozen=True)
class Stratum:
    """Cut-offs of one class: test where the hash is below `test`, else validation below `validation`, else a fold.

    The fold of a training row is the number of `folds` cut-offs that its second hash reaches.
    """

    test: int
    validation: int
    folds: tuple[int, ...]


class StratifiedSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:
        column = plain(frame[target])
        if column.dtype.is_float() and len(fractions := column.filter(column % 1 != 0)):
            raise SpecError(_not_classes(target, f"holds fractions such as {fractions[0]}"))
        texts, codes = category_texts(column)
        classes = pa.DictionaryArray.from_arrays(
            pa.array(codes), pa.array(["" if text is None else text for text in texts])
        )
        columns = {
            ROW: pa.array(frame[ROW].to_numpy()),
            "part": pa.array(key_hashes(frame, key, self._options.seed, "part")),
            "fold": pa.array(key_hashes(frame, key, self._options.seed, "fold")),
            "class": classes,
        }
        return pa.table(columns).replace_schema_metadata({"key": key, "target": target})

    def fit(
        self, indexes: Sequence[pa.Table], folds: int = 1, *, dropped: npt.NDArray[np.int64] | None = None
    ) -> StratifiedAssignment:
        check_folds(folds)
        metadata = indexes[0].schema.metadata
        key, target = metadata[b"key"].decode(), metadata[b"target"].decode()
        table = pa.concat_tables(indexes).unify_dictionaries().combine_chunks()
        if dropped is not None and len(dropped):
            table = table.filter(pa.array(~is_dropped(table.column(ROW).to_numpy(), dropped)))
        by_class = _by_class(table)
        if len(by_class) > min(MOST_CLASSES, max(2, table.num_rows // 2)):
            raise SpecError(_not_classes(target, f"has {len(by_class)} values in {table.num_rows} rows"))
        strata: dict[str, Stratum] = {}
        owed = np.zeros(3)
        first_fold = 0
        for name, (part_hashes, fold_hashes) in by_class.items():
            sizes, owed = _sizes(len(part_hashes), self._options, owed)
            stratum, training = _cut(part_hashes, fold_hashes, sizes, folds, first_fold)
            first_fold = (first_fold + training) % folds
            strata[name] = stratum
        return StratifiedAssignment(key, target, self._options.seed, strata, _unseen(self._options, folds))


@dataclass(frozen=True)
class StratifiedAssignment(Assignment):
    key: str
    target: str
    seed: int
    strata: dict[str, Stratum]
    """Cut-offs by the class's text."""
    rest: Stratum
    """Cut-offs for classes that were not there when the split was made."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.key, self.target)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        texts, codes = category_texts(frame[self.target])
        part_hashes = key_hashes(frame, self.key, self.seed, "part")
        fold_hashes = key_hashes(frame, self.key, self.seed, "fold")
        parts = np.empty(frame.height, dtype=np.int8)
        for code, text in enumerate(texts):
            rows = np.flatnonzero(codes == code)
            stratum = self.strata.get(text or "", self.rest)
            cuts = np.array(stratum.folds, dtype=np.uint64)
            place = np.searchsorted(cuts, fold_hashes[rows], side="right").astype(np.int8)
            place[part_hashes[rows] < np.uint64(stratum.validation)] = VALIDATION
            place[part_hashes[rows] < np.uint64(stratum.test)] = TEST
            parts[rows] = place
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


def _sizes(rows: int, options: Config, owed: npt.NDArray[np.float64]) -> tuple[list[int], npt.NDArray[np.float64]]:
    """Rows of a class for train, validation, test: each share's floor or ceiling, and at least one for train.

    `owed` is by how much each part has fallen short in the classes before; parts that are owed most get the rows
    that rounding leaves, so that whole parts keep their shares too.
    """
    shares = np.array([1.0 - options.validation - options.test, options.validation, options.test])
    exact = shares * rows
    floors = np.floor(exact + 1e-9)  # 0.1 * 30 is a whole number, whatever its last bit says
    left = rows - int(floors.sum())
    fractions = exact - floors
    owed = owed + exact - floors
    preference = np.where(fractions > 1e-9, owed, -np.inf)
    if floors[0] == 0:
        preference[0] = np.inf
    for part in np.argsort(-preference, kind="stable")[:left]:
        floors[part] += 1
        owed[part] -= 1
    return [int(size) for size in floors], owed


def _cut(
    part_hashes: UInt64Array, fold_hashes: UInt64Array, sizes: Sequence[int], folds: int, first_fold: int
) -> tuple[Stratum, int]:
    """A class's cut-offs, and how many training rows they give."""
    _, validation, test = sizes
    ordered = np.sort(part_hashes)
    cut_test, cut_validation = int(ordered[test]), int(ordered[test + validation])
    training = np.sort(fold_hashes[part_hashes >= np.uint64(cut_validation)])
    n = len(training)
    # the folds from `first_fold` on take the rows that do not divide, so that folds over all classes are even too
    extra = [1 if (fold - first_fold) % folds < n % folds else 0 for fold in range(folds)]
    ends = np.cumsum([n // folds + more for more in extra])[:-1].tolist()
    cuts = tuple(int(training[end]) if end < n else LARGEST for end in ends)
    return Stratum(cut_test, cut_validation, cuts), n


def _unseen(options: Config, folds: int) -> Stratum:
    test, validation = (int(share * 2.0**64) for share in (options.test, options.test + options.validation))
    return Stratum(test, validation, tuple(2**64 * fold // folds for fold in range(1, folds)))


def _not_classes(target: str, what: str) -> str:
    return (
        f"data.split: stratified keeps the shares of classes, and target {target!r} {what}. "
        "Use data.split: hash for a number."
    )
