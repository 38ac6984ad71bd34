"""Training rows of a spec for a page that shows some of them, and what each is called."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.pipeline.collected import Collected
from rayline.prepare.preparation import Preparation
from rayline.prepare.row_names import row_name
from rayline.sources.scan import frame as read

FRAGMENTS = 12
"""Fragments that rows are taken from, at most, spread over the data."""
FRAGMENT = "__fragment__"
"""Column of the place of each row's fragment."""


def training_frames(collected: Collected, fitted: Preparation) -> Iterator[pl.DataFrame]:
    """The training rows of some fragments, with ROW, FRAGMENT and all columns that `fitted` and the target need.

    Raises:
        DataError: rows that cannot be read.
    """
    names = [*dict.fromkeys([*(f.name for f in fitted.features), collected.target.name, *collected.assign.columns])]
    fragments = collected.source.fragments()
    places = np.unique(np.linspace(0, len(fragments) - 1, min(FRAGMENTS, len(fragments))).round().astype(int))
    for place in places.tolist():
        frame = read(collected.source, fragments[place], [name for name in names if name != ROW])
        part = frame.filter(pl.Series(collected.assign(frame) >= 0))
        part = part.filter(pl.Series(fitted.in_training(part)))
        yield part.with_columns(pl.lit(place).alias(FRAGMENT))


def called(collected: Collected, frame: pl.DataFrame) -> tuple[str, ...]:
    """What rows of `training_frames` are called, by file and place: `row 18 of adult.csv` [n]."""
    fragments = collected.source.fragments()
    hidden = "path" in collected.training.private  # of files with a row each, the path is a value

    def name(place: int, row: int) -> str:
        return row_name(row, "" if hidden else collected.source.label_of(fragments[place], row))

    return tuple(name(place, row) for place, row in frame.select(FRAGMENT, ROW).iter_rows())
