"""Fill a row's missing numbers with those of the training rows that are nearest to it in its other numbers.

Choose it where rows fall into groups that a straight line does not tell. Distances run over the numbers both rows have,
each column in its own standard deviations (`standardise`). It costs a look at every donor for each row that lacks a
number, and the package keeps the donors' numbers, so private columns are neither read nor filled (`private_steps`).

Of donors equally far at the edge of the k nearest there may be more than places. All of them share these places: each
counts as their mean does. That is the mean over every choice among them, and depends on no order of rows.
scikit-learn's `KNNImputer` takes whichever of them its partition leaves in front. Both lie within what a choice can
give, and agree where there is none. Reference: Troyanskaya et al., "Missing Value Estimation Methods for DNA
Microarrays", Bioinformatics 17, 2001.

D donors · F number columns · R rows with the same columns missing · k neighbours
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.errors import SpecError
from rayline.prepare.impute._joint import (
    Filler,
    FloatArray,
    JointImputeConfig,
    require_columns,
    some_rows,
    unit_scale,
)

MOST_NUMBERS = 32_000_000
"""Numbers of donors that are kept at most: 256 MB."""
BLOCK_ROWS = 8
"""Rows compared with all donors at a time: their distances stay in the processor's cache."""
TIE = 1e-12
"""Squared distances that differ by less, as a share, are equal: sums of other columns round in other ways."""


class Config(JointImputeConfig):
    keeps_rows: ClassVar[bool] = True

    neighbours: int = Field(default=5, ge=1)
    """How many of the nearest donors that have the number are averaged."""
    weights: Literal["uniform", "distance"] = "uniform"
    """`distance`: a donor counts by the reciprocal of its distance."""
    donors: int = Field(default=8_192, ge=1)
    """Training rows kept to look for neighbours among, at most: a seeded subset of the sample."""
    standardise: bool = True
    """Measure each column in its standard deviations; `false` measures in its own unit."""

    def learn(self, x_FM: FloatArray, names: Sequence[str], seed: int) -> Filler:
        require_columns(x_FM, names, "knn")
        if len(names) * min(self.donors, x_FM.shape[1]) > MOST_NUMBERS:
            raise SpecError(
                f"impute knn: {len(names):,} number columns of {self.donors:,} donors are more than a package should "
                f"hold. Set donors: {MOST_NUMBERS // len(names)} or less, or impute with median."
            )
        mean_F, factor_F = unit_scale(x_FM)
        if not self.standardise:
            factor_F = np.ones_like(factor_F)
        donors_FD = some_rows(x_FM, self.donors, seed, "knn donors")
        # a column so rare that no donor has it is filled with its mean
        return Knn(donors_FD, mean_F, factor_F, self.neighbours, by_distance=self.weights == "distance")

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[np.float64]]) -> Filler:
        neighbours, by_distance = arrays["options"].tolist()
        return Knn(arrays["donors"], arrays["mean"], arrays["factor"], int(neighbours), by_distance=bool(by_distance))


class Knn(Filler):
    def __init__(
        self,
        donors_FD: FloatArray,
        mean_F: FloatArray,
        factor_F: FloatArray,
        neighbours: int,
        *,
        by_distance: bool,
    ) -> None:
        self._donors_FD, self._mean_F, self._factor_F = donors_FD, mean_F, factor_F
        self._neighbours, self._by_distance = neighbours, by_distance
        self._present_FD = ~np.isnan(donors_FD)
        self._complete = [bool(present_D.all()) for present_D in self._present_FD]
        self._shared_FD = self._present_FD.astype(np.float64)
        self._scaled_FD = np.where(self._present_FD, _scaled(donors_FD, mean_F[:, None], factor_F[:, None]), 0.0)
        self._having_F = [np.flatnonzero(present) for present in self._present_FD]

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        options = np.array([self._neighbours, self._by_distance], dtype=np.float64)
        return {"donors": self._donors_FD, "mean": self._mean_F, "factor": self._factor_F, "options": options}

    def __call__(self, x_FN: FloatArray) -> None:
        missing_FN = np.isnan(x_FN)
        lacking = np.flatnonzero(missing_FN.any(axis=0))
        if not len(lacking):
            return
        patterns_PF, pattern_of = np.unique(missing_FN[:, lacking].T, axis=0, return_inverse=True)
        pattern_of = pattern_of.reshape(-1)
        for place, missing_F in enumerate(patterns_PF):
            rows = lacking[pattern_of == place]
            for start in range(0, len(rows), BLOCK_ROWS):
                self._fill(x_FN, rows[start : start + BLOCK_ROWS], missing_F)

    def _fill(self, x_FN: FloatArray, rows: npt.NDArray[np.int64], missing_F: npt.NDArray[np.bool_]) -> None:
        squares_RD = self._squares(x_FN[:, rows], np.flatnonzero(~missing_F))
        for column in np.flatnonzero(missing_F).tolist():
            having_H = self._having_F[column]
            squares_RH = squares_RD if len(having_H) == squares_RD.shape[1] else squares_RD[:, having_H]
            values_H = self._donors_FD[column, having_H]
            x_FN[column, rows] = [self._average(squares_H, values_H, column) for squares_H in squares_RH]

    def _squares(self, x_FR: FloatArray, known: npt.NDArray[np.int64]) -> FloatArray:
        """Squared distances to every donor over the columns both have, grown to all F; inf where they share none."""
        total_RD = np.zeros((x_FR.shape[1], self._donors_FD.shape[1]))
        apart_RD = np.empty_like(total_RD)
        shared_D = np.zeros(self._donors_FD.shape[1])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for f in known.tolist():
                scaled_R = _scaled(x_FR[f], self._mean_F[f], self._factor_F[f])
                np.subtract(scaled_R[:, None], self._scaled_FD[f], out=apart_RD)
                np.multiply(apart_RD, apart_RD, out=apart_RD)
                if not self._complete[f]:
                    np.multiply(apart_RD, self._shared_FD[f], out=apart_RD)
                total_RD += apart_RD
                shared_D += self._shared_FD[f]
            total_RD *= len(x_FR) / shared_D
        total_RD[np.isnan(total_RD)] = np.inf
        return total_RD

    def _average(self, squares_H: FloatArray, values_H: FloatArray, column: int) -> float:
        k = min(self._neighbours, len(squares_H))
        if k == 0:
            return float(self._mean_F[column])
        # the k-th smallest is one value whatever the partition does with equal ones, which differs by processor
        furthest = float(np.partition(squares_H, k - 1)[k - 1])
        near = np.flatnonzero(squares_H <= furthest * (1.0 + TIE))
        if furthest == np.inf:  # fewer than k share a column with the row
            near = near[squares_H[near] < np.inf]
            if not len(near):
                return float(self._mean_F[column])
        tied = np.zeros(0, dtype=np.intp)
        if len(near) > k:
            is_tied = squares_H[near] >= furthest * (1.0 - TIE)
            near, tied = near[~is_tied], near[is_tied]
        values, squares = values_H[near].tolist(), squares_H[near].tolist()
        if len(tied):
            places = k - len(values)
            values += [math.fsum(values_H[tied].tolist()) / len(tied)] * places
            squares += [furthest] * places
        if not self._by_distance:
            return math.fsum(values) / len(values)
        distances = [math.sqrt(square) for square in squares]
        nearest = min(distances)
        # shares of the nearest one's weight: a reciprocal alone could overflow; at distance 0 nothing else counts
        weights = [nearest / distance if nearest else float(distance == 0.0) for distance in distances]
        return math.fsum(w * value for w, value in zip(weights, values, strict=True)) / math.fsum(weights)


def _scaled(x: FloatArray, mean: FloatArray, factor: FloatArray) -> FloatArray:
    # within limits whose squares are finite, so that a column a donor lacks adds 0 and no NaN
    with np.errstate(over="ignore"):
        found: FloatArray = np.clip((x - mean) * factor, -1e150, 1e150)
    return found
