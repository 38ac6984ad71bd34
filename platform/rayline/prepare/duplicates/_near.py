"""What a rule of near duplicates is: from hashes that near rows share to the rows to drop.

rows that agree in a key → pairs → verified by the caller → clusters; the first row of each cluster stays
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.core.seeds import UInt64Array
from rayline.prepare.duplicates._duplicates import NONE, Duplicates, DuplicatesConfig, Positions, require_column
from rayline.prepare.row_sets import among

NEIGHBOURS = 64
"""Rows of one key that each is compared with; of more, the first of them too."""

Places = npt.NDArray[np.int64]
Near = Callable[[Places, Places], npt.NDArray[np.bool_]]
"""Whether the rows at two lists of places are near."""


class NearConfig(DuplicatesConfig, ABC):
    column: str
    """The column to compare."""

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.column,)


class NearDuplicates(Duplicates):
    """A rule on one column, whose values are near by some measure where they agree in one of a few keys."""

    def __init__(self, column: str) -> None:
        self._column = column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self._column,)

    def values(self, frame: pl.DataFrame, rule: str, what: str, kind: pl.DataType, wanted: str) -> pl.Series:
        """The column's values.

        Raises:
            SpecError: there is no such column, or it is not of `kind`: `rule` compares `what`, and `wanted` is to be
                named instead.
        """
        found = require_column(frame, self._column, rule)
        if found.dtype != kind:
            raise SpecError(
                f"prepare.duplicates: {rule} compares {what}, and {self._column!r} holds {found.dtype}. "
                f"Name {wanted}, or use exact."
            )
        return found

    def find(self, indexes: Sequence[pa.Table], *, dropped: Positions | None = None) -> Positions:
        table = pa.concat_tables(indexes)
        rows = table.column(ROW).to_numpy()
        left = np.flatnonzero(~among(rows, dropped))
        left = left[np.argsort(rows[left], kind="stable")]
        return repeats(rows[left], *self.compared(table, left)) if len(left) else NONE

    @abstractmethod
    def compared(self, table: pa.Table, left: Places) -> tuple[Iterable[UInt64Array], Near]:
        """Keys of the rows at `left` [n], in this order, and what says of two of them whether they are near.

        Args:
            table: what all fragments told.
            left: places of rows in it, in the order of ROW.
        """


def pairs(keys: UInt64Array) -> Iterable[tuple[Places, Places]]:
    """Places [m], [m] of rows with the same key, the earlier first, in batches; `keys` [n] of rows in their order."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    if not same.any():
        return
    inside = np.concatenate([[False], same]) | np.concatenate([same, [False]])
    order, ordered = order[inside], ordered[inside]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(starts, len(ordered)))
    for apart in range(1, min(int(sizes.max()) - 1, NEIGHBOURS) + 1):
        at = np.flatnonzero(ordered[apart:] == ordered[:-apart])
        yield order[at], order[at + apart]
    place = np.arange(len(ordered)) - np.repeat(starts, sizes)
    far = place > NEIGHBOURS
    yield order[np.repeat(starts, sizes)[far]], order[far]


def repeats(rows: Positions, keys: Iterable[UInt64Array], near: Near) -> Positions:
    """The rows that belong to a cluster and are not its first, sorted.

    Args:
        rows: `ROW` [n], sorted.
        keys: several keys for each row; rows that are near agree in one of them at least.
        near: whether the rows at two lists of places are near.
    """
    edges: list[tuple[Places, Places]] = []
    for key in keys:
        for first, second in pairs(key):
            real = near(first, second)
            edges.append((first[real], second[real]))
    if not sum(len(first) for first, _ in edges):
        return NONE
    first, second = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(first), np.bool_), (first, second)), shape=(len(rows), len(rows)))
    _, cluster = connected_components(graph, directed=False)
    stays = np.zeros(len(rows), np.bool_)
    stays[np.unique(cluster, return_index=True)[1]] = True
    return np.asarray(rows[~stays])
