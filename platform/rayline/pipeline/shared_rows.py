"""Rows that share content, on both sides of a split: windows that overlap, frames of one video.

A source tells from where to where in its content each row reaches (`Source.spans`); rows whose spans meet hold some of
the same, and a held-out one tells little of a model that has learnt from the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.shown import counted
from rayline.prepare.leakage import MEANT, Finding
from rayline.prepare.row_names import row_name
from rayline.prepare.split._parts import TEST, VALIDATION, Assignment, Parts
from rayline.sources._source import FILE_SHIFT, Fragment, Shared, Source

Mask = npt.NDArray[np.bool_]


def spans(source: Source, fragment: Fragment, frame: pl.DataFrame, parts: Parts) -> pl.DataFrame:
    """`ROW`, `part` and the span (`start`, `end`) of each row of a fragment that belongs to a part.

    Args:
        source: whose rows they are.
        fragment: where they come from.
        frame: the rows, with `ROW`.
        parts: the part of each [n].
    """
    used = (parts >= 0) | (parts == TEST) | (parts == VALIDATION)
    rows = frame[ROW].to_numpy()[used]
    found = source.spans(fragment, rows - (fragment.file << FILE_SHIFT) - fragment.first_row)
    return pl.DataFrame({ROW: rows, "part": parts[used], "start": found[:, 0], "end": found[:, 1]})


def finding(told: Sequence[pl.DataFrame], assignment: Assignment, shared: Shared) -> Finding | None:
    """Held-out rows that share content with training rows; or else those of the first fold that has such rows.

    Args:
        told: `spans` of every fragment.
        assignment: which parts each fold learns from and is judged by.
        shared: how rows come to share content.
    """
    rows = pl.concat(told).sort(ROW)
    parts = rows["part"].to_numpy()
    sides = [("", parts >= 0, (parts == TEST) | (parts == VALIDATION))]
    if assignment.folds > 1:
        sides += [
            (
                f" of fold {fold + 1} (tune.folds)",
                np.isin(parts, assignment.training_parts(fold)),
                np.isin(parts, assignment.judged_parts(fold)),
            )
            for fold in range(assignment.folds)
        ]
    for where, training, held in sides:
        meeting = _meeting(rows, training, held)
        if not meeting.height:
            continue
        first = meeting.row(0, named=True)
        other = rows.filter(training).filter(pl.col("start") < first["end"], pl.col("end") > first["start"])
        return Finding(
            "shared",
            meeting.height,
            f"{counted(meeting.height, 'held-out row')}{where} {'holds' if meeting.height == 1 else 'hold'} "
            f"some of what training rows hold, for {shared.what}; for example {row_name(first[ROW])} is held out "
            f"and {row_name(other[ROW][0])} is trained on. "
            f"Set {', or '.join(shared.ways)}.",
            MEANT,
        )
    return None


def _meeting(rows: pl.DataFrame, training: Mask, held: Mask) -> pl.DataFrame:
    """The held-out rows whose span meets one of a training row."""
    starts, ends = (np.sort(rows[name].to_numpy()[training]) for name in ("start", "end"))
    one = rows.filter(held)
    # training spans that begin before this one ends, less those that have ended before it begins
    before = np.searchsorted(starts, one["end"].to_numpy(), "left")
    over = np.searchsorted(ends, one["start"].to_numpy(), "right")
    return one.filter(before > over)
