"""Make up rows of scarce classes between neighbours, of numbers and categories (SMOTE-NC).

Choose it for mixed tables with hundreds of scarce rows. Numbers lie between a row and one of its neighbours; a category
is the one that most of the neighbours have (of equally many, the nearest's). A category that differs counts in
distances as much as the median standard deviation of the class's numbers. Indicators and one-hot columns are
categories, those of one column together. Reference: Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique",
JAIR 2002, section 6.1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayline.core.columns import Target
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout, Prepared
from rayline.prepare.balance._balancer import IntArray
from rayline.prepare.balance._neighbours import FromNeighbours, Lines, NeighbourConfig, nearest


class Config(NeighbourConfig):
    def build(self) -> SmoteNc:
        return SmoteNc(self.ratio, self.neighbours, self.among)

    def check(self, layout: Layout, target: Target) -> None:
        super().check(layout, target)
        if all(layout.flag_of):
            raise SpecError(
                "prepare.balance: smotenc makes up rows between numbers, and there is no number column. "
                "Use oversample or weights."
            )


class SmoteNc(FromNeighbours):
    def _between(self, inputs: Prepared, of: IntArray, new: int, layout: Layout, seed: int) -> Lines:
        rows_NW, ids_NC = inputs.numbers[of], inputs.categories[of]
        numeric = [place for place, of in enumerate(layout.flag_of) if not of]
        groups = _groups(layout.flag_of)
        patterns = [np.unique(rows_NW[:, group], axis=0, return_inverse=True) for group in groups]
        codes_ND = np.stack(
            [*ids_NC.T.astype(np.int64), *(code.reshape(-1) for _, code in patterns)] or [of * 0], axis=1
        )
        x_NF = rows_NW[:, numeric].astype(np.float64)
        begin = self._begin(of, new, seed)
        k = min(self._neighbours, len(of) - 1)
        asked, back = np.unique(begin, return_inverse=True)
        near_Qk = nearest(x_NF, asked, k, codes_ND, float(np.median(x_NF.std(axis=0))))
        voted_QD = _majority(codes_ND[near_Qk])
        end = near_Qk[back, (self._drawn(new, seed, "neighbour") * k).astype(np.int64)]
        way = self._drawn(new, seed, "way")[:, None]
        numbers = np.empty((new, rows_NW.shape[1]), np.float32)
        numbers[:, numeric] = x_NF[begin] + way * (x_NF[end] - x_NF[begin])
        width = ids_NC.shape[1]
        for place, (group, (values, _)) in enumerate(zip(groups, patterns, strict=True)):
            numbers[:, group] = values[voted_QD[back, width + place]]
        return Lines(Prepared(numbers, voted_QD[back, :width].astype(np.int32)), begin, end)


def _groups(flags: tuple[str, ...]) -> list[list[int]]:
    """Places of the columns of yes and no, those of one column together."""
    found: dict[str, list[int]] = {}
    for place, of in enumerate(flags):
        if of:
            found.setdefault(of, []).append(place)
    return list(found.values())


def _majority(votes_QkD: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The code that most of k neighbours have [Q, D]; of equally many, that of the first."""
    chosen = np.empty((len(votes_QkD), votes_QkD.shape[2]), np.int64)
    for place in range(votes_QkD.shape[2]):
        votes_Qk = votes_QkD[:, :, place]
        agree_Qk = (votes_Qk[:, :, None] == votes_Qk[:, None, :]).sum(axis=2)
        chosen[:, place] = votes_Qk[np.arange(len(votes_Qk)), agree_Qk.argmax(axis=1)]
    return chosen
