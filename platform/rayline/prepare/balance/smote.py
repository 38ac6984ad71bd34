"""Make up rows of scarce classes between neighbours (SMOTE). Choose it for tables of numbers with hundreds of scarce
rows; with categories use `smotenc`, with few rows `weights`.

A new row lies on the straight line from a row of its class to one of its nearest neighbours in the class. Distances run
over the prepared numbers, so scale them. Reference: Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique",
JAIR 2002.
"""

from __future__ import annotations

import numpy as np

from rayline.core.columns import Target
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout, Prepared
from rayline.prepare.balance._balancer import IntArray
from rayline.prepare.balance._neighbours import FromNeighbours, Lines, NeighbourConfig, nearest


class Config(NeighbourConfig):
    def build(self) -> Smote:
        return Smote(self.ratio, self.neighbours, self.among)

    def check(self, layout: Layout, target: Target) -> None:
        super().check(layout, target)
        # of a one-hot column the name holds a value
        other = [*layout.categories, *filter(None, layout.flag_of)]
        if other or not layout.numbers:
            told = f"{other[0]!r} is no number that lies between others" if other else "there is no number column"
            raise SpecError(f"prepare.balance: smote works on number columns alone, and {told}. Use smotenc.")


class Smote(FromNeighbours):
    def _between(self, inputs: Prepared, of: IntArray, new: int, layout: Layout, seed: int) -> Lines:  # noqa: ARG002
        x_NF = inputs.numbers[of].astype(np.float64)
        begin = self._begin(of, new, seed)
        k = min(self._neighbours, len(of) - 1)
        asked, back = np.unique(begin, return_inverse=True)
        near = nearest(x_NF, asked, k)[back]
        end = near[np.arange(new), (self._drawn(new, seed, "neighbour") * k).astype(np.int64)]
        way = self._drawn(new, seed, "way")[:, None]
        numbers = x_NF[begin] + way * (x_NF[end] - x_NF[begin])
        return Lines(Prepared(numbers.astype(np.float32), np.zeros((new, 0), np.int32)), begin, end)
