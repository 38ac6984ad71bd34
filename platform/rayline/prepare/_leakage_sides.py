"""What stands on both sides, training and held out: rows, groups, and time that runs backwards.

Fragments tell hashes of their rows (8 bytes a row); only where one is found on both sides are rows looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array
from rayline.core.shown import counted
from rayline.prepare.duplicates.exact import row_hashes
from rayline.prepare.row_names import row_name, row_names
from rayline.prepare.split._instants import instants
from rayline.prepare.split._parts import TEST, VALIDATION, Parts

NATURAL = 0.25
"""Where rows of equal features disagree on the target at least this often, as a share of how often any two rows do,
equal rows are different cases that look alike, not copies of one."""


USUAL = 3.0
"""Up to so many times the copies that chance would have are nothing unusual: columns depend on each other."""
TIME = "prepare.leakage.time"
MEANT = "Where that is meant, set prepare.leakage: warn."
"""What `Finding.allowed` says in most cases."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """Something that held-out rows could have taught."""

    kind: str
    """`duplicate`, `group`, `shared`, `target`, `time` or `statistics`."""
    rows: int
    """Held-out rows, or training rows, that it is about; 0 where it is not known."""
    text: str
    """What was found, how often, where, and what to do."""
    allowed: str = ""
    """How to go on as it is, where that is right: what a run says that stops at it."""
    sure: bool = True
    """Whether a run stops at it; else it is a warning."""


@dataclass(frozen=True)
class Watch:
    """What a fragment tells of its training and held-out rows."""

    training: UInt64Array
    """Hashes of whole rows: features and target."""
    held: UInt64Array
    groups: dict[str, pl.DataFrame] = field(default_factory=dict)
    """Column to a row for each group: its hash, and by side its rows and the first of them."""
    times: pl.DataFrame | None = None
    """Training rows' latest time and held-out rows' earliest, with their rows."""
    rows: dict[int, int] = field(default_factory=dict)
    """Rows by part."""


def watch(
    frame: pl.DataFrame,
    parts: Parts,
    *,
    compared: Sequence[str] = (),
    groups: Sequence[str] = (),
    time: str | None = None,
) -> Watch:
    """Watch one fragment.

    Args:
        frame: its rows with `ROW`.
        parts: the part of each [n].
        compared: columns in which a row and its copy agree: features and target. None: copies are not looked for.
        groups: columns whose values are to be on one side.
        time: a column by which no training row is to be later than a held-out one.
    """
    training, held = _sides(parts)
    none = np.zeros(0, np.uint64)
    hashes = row_hashes(pl.DataFrame([frame[name] for name in compared]))["high"].to_numpy() if compared else none
    return Watch(
        hashes[training] if compared else none,
        hashes[held] if compared else none,
        {name: _groups(frame, name, training, held) for name in groups},
        None if time is None else _times(frame, time, training, held),
        dict(zip(*(found.tolist() for found in np.unique(parts, return_counts=True)), strict=True)),
    )


def both_sides(watches: Sequence[Watch]) -> int:
    """Held-out rows whose features and target are those of a training row."""
    held = pl.concat([pl.Series(w.held) for w in watches]).to_frame("hash")
    training = pl.concat([pl.Series(w.training) for w in watches]).to_frame("hash")
    return held.join(training, on="hash", how="semi").height


def compared_rows(frame: pl.DataFrame, parts: Parts, features: Sequence[str], target: str) -> pl.DataFrame:
    """Of each row on either side: `ROW`, whether it is held out, and hashes of its features and its target."""
    training, held = _sides(parts)
    return pl.DataFrame(
        {
            ROW: frame[ROW],
            "held": held,
            "features": row_hashes(pl.DataFrame([frame[name] for name in features]))["high"],
            "target": row_hashes(frame.select(target))["high"],
        }
    ).filter(pl.Series(training | held))


def chance(sample: pl.DataFrame, columns: Sequence[str]) -> float:
    """How often two rows would agree in all of `columns` if these had nothing to do with each other."""
    shares = [
        sample[name].alias("value").value_counts()["count"].to_numpy() / max(sample.height, 1) for name in columns
    ]
    return float(np.prod([np.sum(share**2) for share in shares]))


def repeated(rows: Sequence[pl.DataFrame], by_chance: float = 0.0) -> Finding | None:
    """Copies of training rows among the held-out ones, from `compared_rows` of every fragment.

    Where few columns of few values leave many rows alike by nature, there is none: it shows in targets that differ, or
    in there being hardly more than `chance` would have.
    """
    every = pl.concat(rows).sort(ROW)
    alike = every.group_by("features").agg(pl.len().alias("rows"), pl.col("target").n_unique().alias("targets"))
    alike = alike.filter(pl.col("rows") > 1)
    if alike.height and (alike["targets"] > 1).mean() >= NATURAL * _differing(every["target"]):  # type: ignore[operator]
        return None
    key = ["features", "target"]
    training = every.filter(~pl.col("held")).group_by(key).agg(pl.col(ROW).first().alias("original"))
    copies = every.filter(pl.col("held")).join(training, on=key, how="inner").sort(ROW)
    held = int(every["held"].sum())
    if copies.height <= USUAL * by_chance * held * (every.height - held):
        return None
    row, original, are = copies[ROW][0], copies["original"][0], "is" if copies.height == 1 else "are"
    return Finding(
        "duplicate",
        copies.height,
        f"{counted(copies.height, 'held-out row')} {are} equal to training rows in every feature and the target; for "
        "example "
        f"{row_name(row)} is held out and {row_name(original)} is trained on. Drop copies by "
        "prepare.duplicates: [{name: exact, columns: [the features and the target]}], or keep them on one side by "
        "data.split: {name: group, by: COLUMN}.",
        "Where they are different cases that look alike, set prepare.leakage: warn.",
    )


def groups_divided(watches: Sequence[Watch], column: str) -> Finding | None:
    """Groups of `column` with rows on both sides."""
    found = (
        pl.concat([w.groups[column] for w in watches])
        .group_by("hash")
        .agg(pl.col("training", "held").sum(), pl.col("first_training", "first_held").min())
        .filter((pl.col("training") > 0) & (pl.col("held") > 0))
        .sort("first_held")
    )
    if not found.height:
        return None
    held = int(found["held"].sum())
    first = found.row(0, named=True)
    return Finding(
        "group",
        held,
        f"{counted(found.height, 'group')} of {column!r} {'has' if found.height == 1 else 'have'} rows on both sides: "
        f"{int(found['training'].sum()):,} training and {held:,} held-out; for example "
        f"{row_name(first['first_training'])} is trained on and {row_name(first['first_held'])} is held out. "
        f"Set data.split: {{name: group, by: {column}}}.",
        MEANT,
    )


def first_held_out(watches: Sequence[Watch]) -> tuple[Any, int] | None:
    """The earliest time of a held-out row and that row, where a training row is later."""
    times = pl.concat([w.times for w in watches if w.times is not None])
    held = times.filter("held").sort("time", ROW)
    if not held.height:
        return None
    time, row = held.row(0)[:2]
    return (time, int(row)) if (times.filter(~pl.col("held"))["time"] > time).any() else None


def later_rows(frame: pl.DataFrame, parts: Parts, column: str, time: Any) -> pl.Series:
    """`ROW` of the training rows that are later than `time`."""
    return frame[ROW].filter(pl.Series((parts >= 0) & (instants(frame[column], TIME) > time)))


def time_backwards(rows: Sequence[pl.Series], column: str, held_row: int) -> Finding:
    """Training rows that are later than the earliest held-out row, from `later_rows` of every fragment."""
    later = pl.concat(rows).sort()
    are = "is" if len(later) == 1 else "are"
    return Finding(
        "time",
        len(later),
        f"{counted(len(later), 'training row')} {are} later by {column!r} than the earliest held-out row: "
        f"{row_name(held_row)} is held out, and {row_names(later.to_list())} {are} trained on. "
        f"Set data.split: {{name: time, by: {column}}}.",
        MEANT,
    )


def _sides(parts: Parts) -> tuple[Mask, Mask]:
    return parts >= 0, (parts == TEST) | (parts == VALIDATION)


def _groups(frame: pl.DataFrame, name: str, training: Mask, held: Mask) -> pl.DataFrame:
    """Rows without a group are in none."""
    column = frame[name]
    rows = pl.DataFrame({"hash": column.hash(), ROW: frame[ROW], "training": training, "held": held})
    return (
        rows.filter(column.is_not_null())
        .group_by("hash")
        .agg(
            pl.col("training", "held").sum(),
            pl.col(ROW).filter("training").min().alias("first_training"),
            pl.col(ROW).filter("held").min().alias("first_held"),
        )
    )


def _times(frame: pl.DataFrame, name: str, training: Mask, held: Mask) -> pl.DataFrame:
    """The training row that is latest and the held-out row that is earliest."""
    times = instants(frame[name], TIME)
    rows = pl.DataFrame({"time": times, ROW: frame[ROW], "training": training, "held": held})
    latest = rows.filter("training").sort("time", ROW, descending=[True, False]).head(1)
    earliest = rows.filter("held").sort("time", ROW).head(1)
    return pl.concat([latest, earliest]).select("time", ROW, "held")


def _differing(target: pl.Series) -> float:
    """How often two rows drawn at random have different targets."""
    shares = target.alias("value").value_counts()["count"] / len(target)
    return 1.0 - float((shares**2).sum())
