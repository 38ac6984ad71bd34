"""Checks that held-out rows taught nothing: each says what was found, how often, where, and what to do.

    every fragment:   watch(frame, parts, …)          hashes of its rows by side, a few bytes a row
    all of them:      both_sides, groups_divided, first_held_out
    where one is:     compared_rows, later_rows       which rows; a second look at the data, on this path only
    training profile: revealing                       features that tell the target by themselves
    afterwards:       strangers, not_row_by_row    statistics that held-out rows had a part in
    in tests:         moved    whether a preparation is what training rows alone teach; a run fits it from their profile
                               and nothing else, and strangers looks at that

A finding never holds a value, for its column may be private: rows are named by their places. Reference: Kaufman et al.,
"Leakage in data mining: formulation, detection, and avoidance", ACM TKDD 2012; Kapoor and Narayanan, "Leakage and the
reproducibility crisis in machine-learning-based science", Patterns 2023.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.prepare._leakage_sides import (
    Finding,
    Watch,
    both_sides,
    chance,
    compared_rows,
    first_held_out,
    groups_divided,
    later_rows,
    repeated,
    time_backwards,
    watch,
)
from rayline.prepare._leakage_target import revealing
from rayline.prepare.preparation import Preparation
from rayline.prepare.row_names import row_names
from rayline.prepare.split._parts import DROPPED, Parts
from rayline.profile.profile import Profile


class LeakageError(DataError):
    """Held-out rows could have taught something. One line a finding."""


def strangers(profiles: Mapping[int, Profile], assign: Callable[[pl.DataFrame], Parts]) -> Finding | None:
    """Rows in a part's statistics that are not of that part, as far as the sample of its rows tells.

    Args:
        profiles: by part.
        assign: the part of each row of a frame.
    """
    odd: list[int] = []
    for part, profile in sorted(profiles.items()):
        sample = profile.sample
        if part != DROPPED and sample.height:
            odd.extend(sample[ROW].to_numpy()[assign(sample) != part].tolist())
    if not odd:
        return None
    return Finding(
        "statistics",
        len(odd),
        f"statistics of a part were learnt from {len(odd)} rows that are not of that part ({row_names(odd)}). "
        "The source gave other rows the second time it was read, or a plug-in looks beyond its rows: "
        "give data that does not change while it is read.",
    )


def moved(fitted: Preparation, again: Preparation) -> Finding | None:
    """Whether what was learnt is other, in any bit, than what the training rows alone teach.

    Args:
        fitted: the preparation in use.
        again: the same steps, learnt from the training rows and no others.
    """
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (_files(p, Path(folder) / name) for p, name in ((fitted, "fitted"), (again, "again")))
    odd = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if not odd:
        return None
    return Finding(
        "statistics",
        len(odd),
        f"the preparation is not what the training rows alone teach ({', '.join(odd)} differ): held-out rows moved "
        "its statistics. Fit it from the profile of the training rows.",
    )


def not_row_by_row(apply: Callable[[pl.DataFrame], pl.DataFrame], frame: pl.DataFrame, parts: Parts) -> Finding | None:
    """Whether a correction gives training rows other values where held-out rows stand beside them.

    Args:
        apply: what is done to rows while they are read (`prepare.clean`, `prepare.derive`).
        frame: raw rows with `ROW`.
        parts: the part of each [n].
    """
    training = pl.Series(parts >= 0)
    if training.all() or not training.any():
        return None
    together, alone = apply(frame).filter(training), apply(frame.filter(training))
    odd = [name for name in together.columns if not together[name].equals(alone[name], null_equal=True)]
    if not odd:
        return None
    rows = int(training.sum())
    return Finding(
        "statistics",
        rows,
        f"{', '.join(map(repr, odd))} of training rows depends on held-out rows that are read with them: a step of "
        "prepare.clean or prepare.derive looks at other rows than its own. Make it work row by row.",
    )


def refuse(findings: Iterable[Finding]) -> None:
    """Raises:
    LeakageError: there are findings; the message has one line for each.
    """
    lines = [f"leakage ({finding.kind}): {finding.text}" for finding in findings]
    if lines:
        raise LeakageError("\n".join(lines))


def _files(preparation: Preparation, folder: Path) -> dict[str, bytes]:
    preparation.save(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


__all__ = [
    "Finding",
    "LeakageError",
    "Watch",
    "both_sides",
    "chance",
    "compared_rows",
    "first_held_out",
    "groups_divided",
    "later_rows",
    "moved",
    "not_row_by_row",
    "refuse",
    "repeated",
    "revealing",
    "strangers",
    "time_backwards",
    "watch",
]
