"""What every split answers with: the part each row belongs to, and which parts each fold learns from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field, model_validator

from rayline.core import catalog
from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.seeds import UInt64Array, derive, hash_keys, splitmix64
from rayline.core.shown import counted
from rayline.prepare.row_sets import among

TEST = -2
VALIDATION = -1
DROPPED = -3
OUT = -4
"""Parts of a row: `DROPPED` are duplicates and rows set aside, `OUT` those the split leaves out (a gap in time).

Training rows have a number from 0 instead: their fold (0 where there are no folds), or their stretch of time.
"""

Parts = npt.NDArray[np.int8]
MOST_FOLDS = 100


class Assignment(ABC):
    """Says of any row which part it belongs to, from the row alone. JSON-able, for the package and for retraining."""

    folds: int
    """Into how many folds the training rows are divided; 1 for none."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns `parts` reads, `ROW` apart."""

    @abstractmethod
    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        """The part of each row of `frame` [n].

        Args:
            frame: rows with `ROW`, or the declared id, and whatever else `columns` names.
            dropped: sorted `ROW` numbers of duplicates (`Duplicates.find`), which belong to no part.
        """

    def judged_parts(self, fold: int) -> tuple[int, ...]:
        """The parts that are held out as `fold`, 0 to k-1."""
        return (fold,)

    def training_parts(self, fold: int) -> tuple[int, ...]:
        """The parts that are learnt from when `fold` is held out: all others, but for a split in time."""
        return tuple(part for part in range(self.folds) if part != fold)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values; `restore` is the inverse."""


class Splitter(ABC):
    """Divides rows: each fragment tells a little (`index`), and all that was told gives the assignment (`fit`)."""

    needs_rows: ClassVar[bool] = True
    """Whether the assignment depends on the rows; without, the index of an empty frame is enough."""

    def reads(self, key: str, target: str) -> tuple[str, ...]:
        """The columns that `index` needs, `ROW` among them or not."""
        return (key, target)

    @abstractmethod
    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:
        """What a fragment must tell. `key` is the column that names a row: a declared id, else `ROW`."""

    @abstractmethod
    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> Assignment:
        """The assignment of all rows, training rows in `folds` folds; `dropped` as for `Assignment.parts`.

        Every `repeat` divides the same training rows into other folds.
        """


class SplitConfig(PluginConfig, ABC):
    @property
    def reads(self) -> dict[str, str]:
        """Option to the column it names, for the check of the spec against the data."""
        return {}

    @property
    def sets_aside(self) -> tuple[str, ...]:
        """Columns that only say how rows are divided; a model does not learn from them unless told to."""
        return ()

    @abstractmethod
    def build(self) -> Splitter: ...

    @classmethod
    @abstractmethod
    def restore(cls, value: Mapping[str, Any]) -> Assignment:
        """The assignment that `Assignment.to_json` wrote."""


class SharesConfig(SplitConfig, ABC):
    """Shares of the rows; the rest is for training."""

    validation: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of rows that training is watched on (early stopping, threshold)."""
    test: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Share of rows the finished model is judged on."""

    @model_validator(mode="after")
    def _leave_some(self) -> SharesConfig:
        if self.validation + self.test > 0.99:
            raise ValueError(f"validation + test must leave rows for training, not {self.validation} + {self.test}")
        return self


class SeededConfig(SharesConfig, ABC):
    seed: int = 0
    """Another seed, another division."""


def restore(value: Mapping[str, Any]) -> Assignment:
    """The assignment of any split plug-in, from its `to_json`."""
    config: Any = catalog.config_class("split", value["split"])
    assignment: Assignment = config.restore(value)
    return assignment


def followed(frame: pl.DataFrame, name: str) -> pl.Series:
    """A column that says where rows belong.

    Raises:
        DataError: it lacks.
    """
    if name not in frame.columns:
        known = [column for column in frame.columns if column != ROW]
        raise DataError(
            f"the data has no column {name!r}, which the split follows.{nearest(name, known)} "
            f"Columns: {listing(known, 40)}."
        )
    return frame[name]


def key_hashes(frame: pl.DataFrame, key: str, seed: int, purpose: str) -> UInt64Array:
    """A seeded hash of each row's key [n], another for each `purpose`.

    Raises:
        DataError: the column lacks, or a row has no key.
    """
    keys = followed(frame, key)
    if lacking := keys.null_count():
        raise DataError(
            f"data.id {key!r} is missing in {counted(lacking)}; the split follows it. Fill it, or leave data.id out."
        )
    return hash_keys(keys, derive(seed, "split", purpose))


def part_and_fold_hashes(frame: pl.DataFrame, key: str, seed: int, repeat: int) -> tuple[UInt64Array, UInt64Array]:
    """The hashes by which a row gets its part, and in `repeat` its fold [n], [n].

    Raises:
        DataError: as `key_hashes`.
    """
    return key_hashes(frame, key, seed, "part"), fold_hashes(key_hashes(frame, key, seed, "fold"), repeat)


def fold_hashes(hashes: UInt64Array, repeat: int) -> UInt64Array:
    """The hashes that fold `repeat` goes by, from those of the first (`key_hashes` for the purpose `fold`)."""
    return hashes if repeat == 0 else splitmix64(hashes, derive(repeat, "split", "repeat"))


def check_folds(folds: int, most: int = MOST_FOLDS) -> None:
    """Raises:
    SpecError: more folds than an int8 holds beside the other parts.
    """
    if not 1 <= folds <= most:
        raise SpecError(f"{folds} folds: give 1 (none) to {most}.")


def check_repeat(repeat: int, split: str) -> None:
    """Raises:
    SpecError: the split's folds are always the same ones.
    """
    if repeat:
        raise SpecError(f"tune.repeats: the folds of data.split: {split} are the same every time. Leave repeats out.")


def gathered(indexes: Sequence[pa.Table], dropped: npt.NDArray[np.int64] | None) -> pa.Table:
    """What all fragments told, without the rows in `dropped`."""
    table = pa.concat_tables(indexes)
    if dropped is None or not len(dropped):
        return table
    return table.filter(pa.array(~among(table.column(ROW).to_numpy(), dropped)))


def told(indexes: Sequence[pa.Table], what: str = "key") -> str:
    """What every fragment's index says of all rows: the column that names them, or the `target`."""
    return str(indexes[0].schema.metadata[what.encode()].decode())


def options_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """What an assignment wrote, without the name of its split."""
    return {name: item for name, item in value.items() if name != "split"}


def hashed_rows(frame: pl.DataFrame, key: str, seed: int) -> dict[str, pa.Array]:
    """ROW, and the hashes of a row's key by which it gets its part and its fold."""
    return {
        ROW: pa.array(frame[ROW].to_numpy()),
        "part": pa.array(key_hashes(frame, key, seed, "part")),
        "fold": pa.array(key_hashes(frame, key, seed, "fold")),
    }


def mark_dropped(parts: Parts, frame: pl.DataFrame, dropped: npt.NDArray[np.int64] | None) -> Parts:
    """`parts`, with the rows in `dropped` set to `DROPPED`."""
    if dropped is not None and len(dropped):
        parts[among(frame[ROW].to_numpy(), dropped)] = DROPPED
    return parts
