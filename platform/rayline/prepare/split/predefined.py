"""Follow a column that says which part each row belongs to.

Choose it where a benchmark fixes the split, or somebody else has divided the rows. Values are `train`, `validation`
and `test` (also `training`, `valid`, `val`, `dev`, `testing`), or are mapped by `parts`; a row mapped to `out` belongs
to no part. Folds follow a `folds` column if there is one, each of its values a fold, else a seeded hash of the row's
key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field, field_validator

from rayline.core.category_text import category_text, category_texts
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError, listing
from rayline.core.seeds import uniform
from rayline.core.shown import counted
from rayline.prepare.row_names import row_name
from rayline.prepare.split._parts import (
    OUT,
    TEST,
    VALIDATION,
    Assignment,
    Parts,
    SplitConfig,
    Splitter,
    check_folds,
    check_repeat,
    fold_hashes,
    followed,
    gathered,
    key_hashes,
    mark_dropped,
    options_of,
    told,
)

KNOWN = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
PARTS = {"train": 0, "validation": VALIDATION, "test": TEST, "out": OUT}
UNKNOWN = 127


class Config(SplitConfig):
    column: str
    """The column that says the part."""
    parts: dict[str, Literal["train", "validation", "test", "out"]] = Field(default={})
    """Value to part, where values are others: `{2022: train, 2023: validation, 2024: test}`."""
    folds: str | None = None
    """A column whose values are the folds of training rows, as many as `tune.folds`."""
    seed: int = 0
    """Of the hash that divides folds where no column does."""

    @field_validator("parts", mode="before")
    @classmethod
    def _texts_of_values(cls, value: Any) -> Any:
        # YAML reads 2023 and yes as number and boolean
        return {category_text(key): part for key, part in value.items()} if isinstance(value, Mapping) else value

    @property
    def reads(self) -> dict[str, str]:
        return {"column": self.column} | ({"folds": self.folds} if self.folds else {})

    @property
    def sets_aside(self) -> tuple[str, ...]:
        return tuple(self.reads.values())

    def build(self) -> PredefinedSplitter:
        return PredefinedSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> PredefinedAssignment:
        return PredefinedAssignment(**{**options_of(value), "fold_values": tuple(value["fold_values"])})


class PredefinedSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options
        self._named: dict[str, str] = dict(options.parts)

    def reads(self, key: str, target: str) -> tuple[str, ...]:  # noqa: ARG002 (the column alone decides)
        return (key, *self._options.reads.values())

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:  # noqa: ARG002
        options = self._options
        parts = _parts(frame, options.column, self._named)
        columns: dict[str, Any] = {ROW: frame[ROW].to_numpy(), "training": parts == 0}
        if options.folds is not None:
            columns["fold"] = pa.array(_texts(frame, options.folds), pa.string())
        return pa.table(columns).replace_schema_metadata({"key": key})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> PredefinedAssignment:
        check_folds(folds)
        options = self._options
        values: tuple[str, ...] = ()
        if options.folds is not None and folds > 1:
            check_repeat(repeat, "predefined with a folds column")
            values = self._fold_values(indexes, folds, dropped)
        return PredefinedAssignment(
            told(indexes), options.column, self._named, options.folds, values, options.seed, folds, repeat
        )

    def _fold_values(
        self, indexes: Sequence[pa.Table], folds: int, dropped: npt.NDArray[np.int64] | None
    ) -> tuple[str, ...]:
        table = gathered(indexes, dropped)
        table = table.filter(table.column("training"))
        found = table.column("fold")
        if found.null_count:
            raise DataError(
                f"data.split.folds {self._options.folds!r} is missing in "
                f"{counted(found.null_count, 'training row')}. Fill it."
            )
        values = sorted(found.unique().to_pylist(), key=lambda text: (len(text), text))
        if len(values) != folds:
            raise SpecError(
                f"data.split.folds {self._options.folds!r} has {counted(len(values), 'value')} in the training "
                f"rows, and tune.folds is {folds}. Set tune.folds to {len(values)}."
            )
        return tuple(values)


@dataclass(frozen=True)
class PredefinedAssignment(Assignment):
    key: str
    column: str
    named: dict[str, str]
    """The column's texts to parts; empty for the usual names."""
    fold_column: str | None
    fold_values: tuple[str, ...]
    """The fold column's text of each fold; empty where a hash divides folds."""
    seed: int
    folds: int
    repeat: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        if self.fold_values and self.fold_column:
            return (self.column, self.fold_column)
        return (self.column, self.key) if self.folds > 1 else (self.column,)

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        parts = _parts(frame, self.column, self.named)
        training = parts == 0
        if self.fold_values and self.fold_column:
            place = {text: fold for fold, text in enumerate(self.fold_values)}
            texts = _texts(frame, self.fold_column)
            # a value that came later has no fold of its own, and joins one
            folds = np.array([place.get(text or "", 0) for text in texts], dtype=np.int8)
            parts[training] = folds[training]
        elif self.folds > 1:
            hashes = fold_hashes(key_hashes(frame, self.key, self.seed, "fold"), self.repeat)
            parts[training] = (uniform(hashes) * self.folds).astype(np.int8)[training]
        return mark_dropped(parts, frame, dropped)

    def to_json(self) -> dict[str, Any]:
        return {"split": "predefined", **asdict(self)}


def _texts(frame: pl.DataFrame, name: str) -> npt.NDArray[np.object_]:
    """The column's values as the texts categories are known by [n]."""
    texts, codes = category_texts(followed(frame, name))
    return np.array(texts, dtype=object)[codes]


def _parts(frame: pl.DataFrame, column: str, named: Mapping[str, str]) -> Parts:
    texts = _texts(frame, column)
    parts = np.full(frame.height, UNKNOWN, np.int8)
    for text in set(texts.tolist()):
        part = None if text is None else named.get(text) if named else KNOWN.get(text.lower())
        if part is not None:
            parts[texts == text] = PARTS[part]
    if len(odd := np.flatnonzero(parts == UNKNOWN)):
        raise DataError(
            f"data.split.column {column!r} names no part in {len(odd):,} of {frame.height:,} rows, the first in "
            f"{row_name(frame[ROW][int(odd[0])])}. Known: {listing(named or KNOWN, 10)}. "
            "Map other values by data.split.parts, for example {2023: validation, old: out}."
        )
    return parts
