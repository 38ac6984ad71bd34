"""Checks that held-out rows taught nothing: each says what was found, how often, where, and what to do.

    every fragment:   watch(frame, parts, …)          hashes of its rows by side, a few bytes a row
    all of them:      both_sides, groups_divided, first_held_out
    where one is:     compared_rows, later_rows       which rows; a second look at the data, on this path only
    training profile: revealing                       features that tell the target by themselves
    afterwards:       strangers, not_row_by_row       statistics that held-out rows had a part in
    what was learnt:  moved                           whether it is what training rows alone teach, learnt once more

A finding never holds a value, for its column may be private: rows are named by their places. Reference: Kaufman et al.,
"Leakage in data mining: formulation, detection, and avoidance", ACM TKDD 2012; Kapoor and Narayanan, "Leakage and the
reproducibility crisis in machine-learning-based science", Patterns 2023.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
import polars as pl

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing
from rayline.core.shown import counted
from rayline.prepare._leakage_sides import (
    MEANT,
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


def strangers(
    profiles: Mapping[int, Profile], assign: Callable[[pl.DataFrame], Parts], watches: Sequence[Watch]
) -> Finding | None:
    """Rows in a part's statistics that are not of that part: by their number, and by which are in its sample.

    Args:
        profiles: by part.
        assign: the part of each row of a frame.
        watches: of every fragment.
    """
    there = Counter[int]()
    for watched in watches:
        there.update(watched.rows)
    odd: list[int] = []
    for part, profile in sorted(profiles.items()):
        sample = profile.sample
        if part != DROPPED and sample.height:
            odd.extend(sample[ROW].to_numpy()[assign(sample) != part].tolist())
    more = sum(abs(profile.rows - there[part]) for part, profile in profiles.items() if part != DROPPED)
    if not odd and not more:
        return None
    which = f"rows that are not of that part, or not from all of its own: {more:,} more or less than it has"
    if odd:
        which = f"{counted(len(odd))} that {'is' if len(odd) == 1 else 'are'} not of that part ({row_names(odd)})"
    return Finding(
        "statistics",
        len(odd) or more,
        f"statistics of a part were learnt from {which}. "
        "The source gave other rows the second time it was read, or a plug-in looks beyond its rows: "
        "give data that does not change while it is read.",
    )


def moved(fitted: Preparation, again: Preparation) -> Finding | None:
    """Whether what was learnt is other, in any bit, than what the training rows alone teach.

    Args:
        fitted: the preparation in use.
        again: the same steps, learnt from the training rows and no others, by plug-ins that have seen no others.
    """
    (ours, our_arrays), (theirs, their_arrays) = fitted.contents, again.contents
    if _bytes(ours) == _bytes(theirs) and our_arrays == their_arrays:
        return None
    return Finding(
        "statistics",
        0,
        f"{_different(fitted, again)} is not what the training rows alone teach: learnt from them once more, by "
        "plug-ins loaded anew, it is other. A plug-in of prepare keeps something of rows it saw before, or draws "
        "numbers without the seed: have it learn from what it is given and nothing else.",
    )


def _different(fitted: Preparation, again: Preparation) -> str:
    """What differs, by column and step; no value of it."""
    steps = [
        f"{account['column']!r} ({step['step']}: {step['name']})"
        for account, other in zip(fitted.learnt, again.learnt, strict=False)
        for step, twin in zip(account["steps"], other["steps"], strict=False)
        if _bytes(step) != _bytes(twin)
    ]
    return f"what was learnt of {listing(steps, 8)}" if steps else "the fitted preparation"


def _bytes(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


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
    LeakageError: there are findings that are sure; the message has one line for each.
    """
    lines = [line(finding) for finding in findings if finding.sure]
    if lines:
        raise LeakageError("\n".join(lines))


def line(finding: Finding, *, stops: bool = True) -> str:
    """A finding as people read it.

    Args:
        finding: what was found.
        stops: whether `prepare.leakage` is `stop`; to one who has set `warn` that is no advice.
    """
    allowed = f" {finding.allowed}" if stops and finding.allowed else ""
    return f"leakage ({finding.kind}): {finding.text}{allowed}"


__all__ = [
    "MEANT",
    "Finding",
    "LeakageError",
    "Watch",
    "both_sides",
    "chance",
    "compared_rows",
    "first_held_out",
    "groups_divided",
    "later_rows",
    "line",
    "moved",
    "not_row_by_row",
    "refuse",
    "repeated",
    "revealing",
    "strangers",
    "time_backwards",
    "watch",
]
