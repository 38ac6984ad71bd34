"""Writes prepared rows as Arrow shards, one a fragment and part: `train/`, `validation/`, `test/` below a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.columns import ROW, Target
from rayline.core.prepared import Prepared, Rows, write_shard
from rayline.prepare.preparation import Preparation
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION, Parts
from rayline.prepare.target import encode

Assign = Callable[[pl.DataFrame], Parts]
TRAIN_FOLDER, VALIDATION_FOLDER, TEST_FOLDER = FOLDERS = ("train", "validation", "test")


class Fragment(Protocol):
    @property
    def index(self) -> int: ...


class Source(Protocol):
    """What is needed of a source plug-in."""

    def fragments(self) -> Sequence[Any]: ...

    def read(self, fragment: Any, columns: Sequence[str] | None = None) -> pa.Table: ...


def write_fragment(
    source: Source,
    fragment: Fragment,
    preparation: Preparation,
    target: Target,
    *,
    assign: Assign,
    folder: str,
    columns: Sequence[str] = (),
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

    Raises:
        DataError: rows that cannot be read or prepared.
        StorageError: the folder cannot be written.
    """
    needed = dict.fromkeys([*(f.name for f in preparation.features), target.name, *columns])
    needed.pop(ROW, None)
    table = source.read(fragment, list(needed))
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    parts = assign(frame)
    kept = frame.filter(pl.Series(parts != DROPPED))
    parts = parts[parts != DROPPED]
    rows = Rows(preparation.apply(kept), encode(kept[target.name], target), kept[ROW].to_numpy())
    masks = {TRAIN_FOLDER: parts >= 0, VALIDATION_FOLDER: parts == VALIDATION, TEST_FOLDER: parts == TEST}
    for name, mask in masks.items():
        if mask.any():
            write_shard(files.join(folder, name, f"part-{fragment.index:05d}.arrow"), select(rows, mask))
    return {name: int(mask.sum()) for name, mask in masks.items()}


def write_shards(
    source: Source,
    preparation: Preparation,
    target: Target,
    assign: Assign,
    folder: str,
    *,
    columns: Sequence[str] = (),
) -> dict[str, int]:
    """`write_fragment` for every fragment in this process; `prepare.on_ray.write_shards` does so on the cluster."""
    written = [
        write_fragment(source, fragment, preparation, target, assign=assign, folder=folder, columns=columns)
        for fragment in source.fragments()
    ]
    return total(written)


def total(written: Sequence[dict[str, int]]) -> dict[str, int]:
    """Rows by part's folder over all fragments."""
    return {name: sum(counts[name] for counts in written) for name in FOLDERS}


def select(rows: Rows, mask: npt.NDArray[np.bool_]) -> Rows:
    """The rows where `mask` [n] is true."""
    inputs = Prepared(rows.inputs.numbers[mask], rows.inputs.categories[mask])
    return Rows(inputs, rows.target[mask], rows.row[mask])
