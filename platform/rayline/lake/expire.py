"""Expiry: old snapshots are given up, and what no kept snapshot refers to is removed.

First a snapshot says which is the oldest that counts, then files go; killed between the two, the next expiry goes on.
Files that no snapshot ever named may belong to a commit under way: they go once they are older than GUARD_S, and no
commit refers to files half that old.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from rayline.core.errors import InputError
from rayline.lake import parquet
from rayline.lake.log import FOLDER, GUARD_S, name_of
from rayline.lake.snapshot import Change, State, base_of
from rayline.lake.table import Table

OBJECTS = "objects"


@dataclass(frozen=True)
class Expired:
    oldest: int
    """The oldest snapshot that can be read from now on."""
    snapshots: int
    """Given up now."""
    files: int
    """Removed now: data files, objects, snapshot files and what killed processes left."""


def expire(table: Table, keep: int, *, guard_s: float = GUARD_S) -> Expired:
    """Keep the newest `keep` snapshots (and the record of this), and remove what only others refer to.

    Args:
        guard_s: age from which files that no snapshot names are removed. Less than the time a commit may take is
            safe only while nothing else writes.

    Raises:
        InputError: `keep` is less than 1.
        StorageError: the place cannot be read or written.
    """
    if keep < 1:
        raise InputError(f"--keep {keep}: keep at least 1 snapshot, the newest.")
    before = table.latest().oldest
    given_up: set[str] = set()
    count = 0

    def plan(newest: State) -> Change | None:
        nonlocal before, count
        numbers = [summary.number for summary in newest.history]
        if len(numbers) <= keep:
            return None
        before, count = newest.oldest, len(numbers) - keep
        return Change("expire", oldest=numbers[-keep])

    newest, made = table.log.commit(plan)
    kept = _named(table, newest.oldest, newest.number)
    if made:
        given_up = _named(table, before, newest.oldest) - kept
        table.place.delete(sorted(given_up))
    left = _left_over(table, newest, kept, time.time() - guard_s)
    table.place.delete(left)
    return Expired(newest.oldest, count if made else 0, len(given_up) + len(left))


def _named(table: Table, first: int, last: int) -> set[str]:
    """Data files that snapshots `first` to `last` refer to."""
    named = {file.path for file in table.log.at(first).files()}
    for change in table.log.changes(range(first + 1, last + 1)):
        named.update(file.path for part in change.files for file in part.new)
    return named


def _left_over(table: Table, newest: State, kept: set[str], before: float) -> list[str]:
    """Files last written before `before` that nothing refers to."""
    kept = set(kept)
    if newest.kind == "files":  # nothing is ever taken out of a table, so the newest state names every object
        for piece in table.pieces(newest):
            kept.update(table.read(newest, piece, ["object"]).column("object").to_pylist())
    # the first snapshot stays: it holds the table's name
    kept.add(name_of(0))
    needed = base_of(newest.oldest)
    found = []
    for folder in (parquet.DATA, OBJECTS, FOLDER):
        for path, written in table.place.tree(folder).items():
            numbered = re.fullmatch(FOLDER + r"/(\d{10})\.json", path)
            if path not in kept and written < before and not (numbered and int(numbered[1]) >= needed):
                found.append(path)
    return sorted(found)
