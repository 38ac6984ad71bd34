"""Exact shares by cut-offs: rows ordered by a seeded hash, cut where the counts are right.

A set of rows is divided to one row, and what is kept is a few numbers: a row that comes later is placed by the same
cut-offs, and one that was there keeps its part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.seeds import UInt64Array
from rayline.prepare.split._parts import TEST, VALIDATION, Parts

LARGEST = 2**64 - 1


@dataclass(frozen=True)
class Cuts:
    """Test where the first hash is below `test`, else validation below `validation`, else a fold.

    The fold of a training row is the number of `folds` cut-offs that its second hash reaches.
    """

    test: int
    validation: int
    folds: tuple[int, ...]

    def parts(self, part_hashes: UInt64Array, fold_hashes: UInt64Array) -> Parts:
        """The part of each row [n]."""
        cuts = np.array(self.folds, dtype=np.uint64)
        place = np.searchsorted(cuts, fold_hashes, side="right").astype(np.int8)
        place[part_hashes < np.uint64(self.validation)] = VALIDATION
        place[part_hashes < np.uint64(self.test)] = TEST
        return place

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Cuts:
        """What `dataclasses.asdict` made of cuts, after JSON."""
        return cls(value["test"], value["validation"], tuple(value["folds"]))


def sizes(
    rows: int, shares: tuple[float, float], owed: npt.NDArray[np.float64]
) -> tuple[list[int], npt.NDArray[np.float64]]:
    """Rows of a class for train, validation, test: each share's floor or ceiling, and at least one for train.

    `shares` are those of validation and test. `owed` is by how much each part has fallen short in the classes before;
    parts that are owed most get the rows that rounding leaves, so that whole parts keep their shares too.
    """
    validation, test = shares
    exact = np.array([1.0 - validation - test, validation, test]) * rows
    floors = np.floor(exact + 1e-9)  # 0.1 * 30 is a whole number, whatever its last bit says
    left = rows - int(floors.sum())
    fractions = exact - floors
    owed = owed + exact - floors
    preference = np.where(fractions > 1e-9, owed, -np.inf)
    if floors[0] == 0:
        preference[0] = np.inf
    for part in np.argsort(-preference, kind="stable")[:left]:
        floors[part] += 1
        owed[part] -= 1
    return [int(size) for size in floors], owed


def cut(
    part_hashes: UInt64Array,
    fold_hashes: UInt64Array,
    sizes: Sequence[int],
    shares: tuple[float, float],
    folds: int,
    first_fold: int = 0,
) -> tuple[Cuts, int]:
    """The cut-offs that give `sizes` (train, validation, test) and even folds, and how many training rows there are.

    Of those that divide these rows so, the ones nearest to `shares` (validation, test), which are right for rows that
    come later. The folds from `first_fold` on take the rows that do not divide, so that folds over several sets are
    even too.
    """
    _, validation, test = sizes
    ordered = np.sort(part_hashes)
    cut_test = _between(ordered, test, shares[1])
    cut_validation = _between(ordered, test + validation, shares[0] + shares[1])
    training = np.sort(fold_hashes[part_hashes >= np.uint64(cut_validation)])
    n = len(training)
    extra = [1 if (fold - first_fold) % folds < n % folds else 0 for fold in range(folds)]
    ends = np.cumsum([n // folds + more for more in extra])[:-1].tolist()
    cuts = tuple(_between(training, end, fold / folds) for fold, end in enumerate(ends, 1))
    return Cuts(cut_test, cut_validation, cuts), n


def _between(ordered: UInt64Array, below: int, share: float) -> int:
    """The cut-off nearest to a share of all hashes that has `below` of the `ordered` ones below it."""
    least = int(ordered[below - 1]) + 1 if below else 0
    most = int(ordered[below]) if below < len(ordered) else LARGEST
    return min(max(int(share * 2.0**64), least), most)


def by_share(validation: float, test: float, folds: int) -> Cuts:
    """The cut-offs that are right on average, for rows of which nothing is known."""
    first, second = (int(share * 2.0**64) for share in (test, test + validation))
    return Cuts(first, second, tuple(2**64 * fold // folds for fold in range(1, folds)))
