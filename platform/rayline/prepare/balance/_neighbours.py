"""What balancers that make up rows share: which rows of a class are nearest to each other, and how many are wanted.

N rows of a class · Q of them that are asked for · F numbers · D columns of codes · k neighbours
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.columns import Target, Task
from rayline.core.errors import DataError, SpecError
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.core.seeds import derive, splitmix64, uniform
from rayline.prepare.balance._balancer import Balancer, FloatArray, IntArray, Labels, RatioConfig, wanted

BLOCK_ROWS = 512
SPARE = 8
"""Neighbours more than asked for that are measured exactly: a matrix product rounds."""


class NeighbourConfig(RatioConfig, ABC):
    makes: ClassVar[bool] = True

    neighbours: int = Field(default=5, ge=1, le=100)
    """Of how many nearest rows of its class one is drawn."""
    among: int = Field(default=20_000, ge=2, le=200_000)
    """Rows of a class between which new ones are made, at most: a seeded subset."""

    def check(self, layout: Layout, target: Target) -> None:
        super().check(layout, target)
        if layout.tensors:
            raise SpecError(
                f"prepare.balance: {type(self).plugin_name} makes up rows of numbers, and {layout.tensors[0].name!r} "
                "is an array. Use oversample with prepare.augment, or weights."
            )


class Lines(NamedTuple):
    """Rows made up on the lines between two, as places among the rows they are made of."""

    inputs: Prepared
    begin: IntArray
    """Of each, the row that it begins at [m]."""
    end: IntArray
    """And the neighbour that it goes towards [m]."""


class MadeUp(NamedTuple):
    """Rows made up, and the places of those that each lies between [m]."""

    rows: Rows
    begin: IntArray
    end: IntArray


class FromNeighbours(Balancer, ABC):
    """Each new row begins at a row of the class and goes a drawn part of the way to one of its neighbours."""

    def __init__(self, ratio: float, neighbours: int, among: int) -> None:
        self._ratio = ratio
        self._neighbours = neighbours
        self._among = among

    def rows_made(self, labels: Labels) -> IntArray:
        return wanted(labels.counts, self._ratio) - labels.counts

    def made(self, rows: Rows, layout: Layout, target: Target, seed: int) -> Rows | None:
        """Rows of the classes that are scarcer than wanted, class after class.

        Raises:
            DataError: a class has but one row.
        """
        found = self.make(rows, layout, target, self.rows_made(Labels(rows.target, rows.row, target)), seed)
        return None if found is None else found.rows

    def make(self, rows: Rows, layout: Layout, target: Target, new_K: IntArray, seed: int) -> MadeUp | None:
        """As `made`, `new_K` rows of each class: fewer are the first ones of more.

        Raises:
            DataError: a class that is asked for has but one row.
        """
        labels = Labels(rows.target, rows.row, target)
        parts: list[Lines] = []
        classes: list[int] = []
        for name, (has, new) in enumerate(zip(labels.counts, new_K.tolist(), strict=True)):
            if not new:
                continue
            if has < 2:
                which = "a class" if target.private else f"class {target.classes[name]!r}"
                raise DataError(
                    f"prepare.balance: {which} has one training row, and rows are made up "
                    "between two. Use oversample or weights, or give more rows."
                )
            of = labels.drawn(np.flatnonzero(labels.classes == name), self._among, derive(seed, "among", name))
            inputs, begin, end = self._between(rows.inputs, of, new, layout, derive(seed, "made", name))
            parts.append(Lines(inputs, of[begin], of[end]))
            classes += [name] * new
        if not parts:
            return None
        every = np.array(classes, np.int64)
        made = Rows(
            Prepared(
                np.concatenate([part.inputs.numbers for part in parts]),
                np.concatenate([part.inputs.categories for part in parts]),
            ),
            every if target.task is Task.MULTICLASS else every.astype(np.float32),
            -1 - np.arange(len(classes)),
        )
        return MadeUp(made, *(np.concatenate(ends) for ends in ([p.begin for p in parts], [p.end for p in parts])))

    @abstractmethod
    def _between(self, inputs: Prepared, of: IntArray, new: int, layout: Layout, seed: int) -> Lines:
        """`new` rows made up between the rows at places `of`; each line's ends as places within `of`."""

    def _begin(self, of: IntArray, new: int, seed: int) -> IntArray:
        """Where each new row begins, as places within `of`: each row equally often, up to one time."""
        order = np.argsort(splitmix64(np.arange(len(of), dtype=np.uint64), derive(seed, "begin")), kind="stable")
        return order[np.arange(new) % len(of)]

    def _drawn(self, new: int, seed: int, name: str) -> FloatArray:
        return uniform(splitmix64(np.arange(new, dtype=np.uint64), derive(seed, name)))


def nearest(
    x_NF: FloatArray, asked_Q: IntArray, k: int, codes_ND: npt.NDArray[np.int64] | None = None, apart: float = 0.0
) -> IntArray:
    """The k nearest other rows of each row asked for [Q, k], the nearest first, of equal ones the first.

    Args:
        x_NF: numbers; distances are Euclidean.
        asked_Q: places of rows.
        k: at most N - 1.
        codes_ND: what is equal or not; each code that differs adds `apart` squared to the squared distance.
    """
    x_NF = x_NF - x_NF.mean(axis=0) if x_NF.shape[1] else x_NF
    squares_N = np.einsum("nf,nf->n", x_NF, x_NF)
    found = np.empty((len(asked_Q), k), np.int64)
    most = min(k + SPARE, len(x_NF) - 1)
    for start in range(0, len(asked_Q), BLOCK_ROWS):
        asked = asked_Q[start : start + BLOCK_ROWS]
        about = squares_N[asked, None] + squares_N[None] - 2 * (x_NF[asked] @ x_NF.T)
        if codes_ND is not None:
            for codes_N in codes_ND.T:
                about += apart**2 * (codes_N[asked, None] != codes_N[None])
        about[np.arange(len(asked)), asked] = np.inf
        near = np.sort(np.argpartition(about, most - 1, axis=1)[:, :most], axis=1)
        exact = np.square(x_NF[asked, None] - x_NF[near]).sum(axis=2)
        if codes_ND is not None:
            exact += apart**2 * (codes_ND[asked, None] != codes_ND[near]).sum(axis=2)
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        found[start : start + BLOCK_ROWS] = np.take_along_axis(near, order, axis=1)
    return found
