"""Writes prepared rows as Arrow shards, one a fragment and part: `train/`, `validation/`, `test/` below a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.columns import ROW, Target
from rayline.core.errors import DataError
from rayline.core.prepared import Rows, write_parquet, write_shard
from rayline.prepare.preparation import Preparation
from rayline.prepare.row_names import row_name
from rayline.prepare.split._parts import TEST, VALIDATION, Parts
from rayline.prepare.target import encode
from rayline.prepare.tensors import UnusableValueError
from rayline.profile.profile import plain_texts

Form = Literal["arrow", "parquet"]
Assign = Callable[[pl.DataFrame], Parts]
TRAIN_FOLDER, VALIDATION_FOLDER, TEST_FOLDER = FOLDERS = ("train", "validation", "test")


class Fragment(Protocol):
    @property
    def index(self) -> int: ...

    @property
    def label(self) -> str: ...


class Source(Protocol):
    """What is needed of a source plug-in."""

    def fragments(self) -> Sequence[Any]: ...

    def read(self, fragment: Any, columns: Sequence[str] | None = None, *, encoded: bool = False) -> pa.Table: ...

    def label_of(self, fragment: Any, row: int) -> str: ...


def write_fragment(
    source: Source,
    fragment: Fragment,
    preparation: Preparation,
    target: Target,
    *,
    assign: Assign,
    folder: str,
    columns: Sequence[str] = (),
    form: Form = "arrow",
) -> dict[str, int]:
    """Prepare one fragment's rows and write each part's; returns rows by part's folder.

    Args:
        source: where the fragment is read.
        fragment: one of its fragments; shards are named by its index.
        preparation: fitted on training rows.
        target: the column to predict.
        assign: the part of each row: `TEST`, `VALIDATION`, `DROPPED`, or 0 and above for training.
        folder: path or URI; rows go to `train/`, `validation/` and `test/` below it.
        columns: what `assign` reads beside features, target and `ROW`.
        form: `arrow`: shards that training reads; `parquet`: a column an input, for other tools.

    Raises:
        DataError: rows that cannot be read or prepared.
        StorageError: the folder cannot be written.
    """
    needed = dict.fromkeys([*(f.name for f in preparation.features), target.name, *columns])
    needed.pop(ROW, None)
    table = source.read(fragment, list(needed), encoded=True)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    parts = assign(plain_texts(frame, only=columns))
    masks = {TRAIN_FOLDER: parts >= 0, VALIDATION_FOLDER: parts == VALIDATION, TEST_FOLDER: parts == TEST}
    masks[TRAIN_FOLDER] &= preparation.in_training(frame)
    written = {}
    for name, mask in masks.items():
        part = frame if mask.all() else frame.filter(pl.Series(mask))
        if part.height:
            try:
                inputs = preparation.apply(part, training=name == TRAIN_FOLDER, by_column=form == "parquet")
            except UnusableValueError as error:
                raise _unusable(error, part[ROW][error.place], source, fragment) from None
            rows = Rows(inputs, encode(part[target.name], target), part[ROW].to_numpy())
            place = files.join(folder, name, f"part-{fragment.index:05d}.{form}")
            if form == "parquet":
                write_parquet(place, rows, preparation.layout, target.name)
            else:
                write_shard(place, rows)
        written[name] = part.height
    return written


def _unusable(error: UnusableValueError, row: int, source: Source, fragment: Fragment) -> DataError:
    where = row_name(row, source.label_of(fragment, row))
    return DataError(f"{where}, column {error.column!r}: {error.why}")


def write_shards(
    source: Source,
    preparation: Preparation,
    target: Target,
    assign: Assign,
    folder: str,
    *,
    columns: Sequence[str] = (),
    form: Form = "arrow",
) -> dict[str, int]:
    """`write_fragment` for every fragment in this process; `prepare.on_ray.write_shards` does so on the cluster."""
    written = [
        write_fragment(source, fragment, preparation, target, assign=assign, folder=folder, columns=columns, form=form)
        for fragment in source.fragments()
    ]
    return total(written)


def total(written: Sequence[dict[str, int]]) -> dict[str, int]:
    """Rows by part's folder over all fragments."""
    return {name: sum(counts[name] for counts in written) for name in FOLDERS}
