"""Give each value of a category the mean target of the training rows that have it, drawn towards the mean of all.

Choose it for categories of many values whose effect on the target is the same in all company. A training row gets the
mean over rows of the other four fifths, so that no row sees its own target; rows to answer get the mean over all.
Missing is a value of its own; an unknown value gets what values too rare to be known have, or the mean of all. Learnt
from the profile's sample. Agrees with scikit-learn's `TargetEncoder` under `standardise: false`. Reference:
Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes", SIGKDD Explorations 3, 2001.

m rows of the sample · I ids (missing, unknown, known values) · K target columns (one a class where there are several)
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.prepared import FIRST_ID, MISSING_ID, UNKNOWN_ID
from rayline.prepare.encode._encoder import Encoder, VocabularyConfig
from rayline.prepare.fitted import INNER_FOLDS, Numbers, Vocabulary
from rayline.prepare.training_columns import CategoryColumn

FloatArray = npt.NDArray[np.float64]
Table = tuple[tuple[float, ...], ...]


class Config(VocabularyConfig):
    smooth: Literal["auto"] | Annotated[float, Field(ge=0.0)] = "auto"
    """How many rows of the mean of all each value's rows are mixed with; `auto`: by how its rows vary."""
    standardise: bool = True
    """Give deviations from the mean of all, in the target's standard deviations; `false`: means as they are."""

    def build(self) -> Target:
        return Target(self)


class Target(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Vocabulary:
        known = self._options.known(column)
        target = column.target("target")
        places = {text: FIRST_ID + place for place, text in enumerate(known)}
        ids_M = np.array(
            [MISSING_ID if text is None else places.get(text, UNKNOWN_ID) for text in column.read_texts()],
            dtype=np.int64,
        )
        size = FIRST_ID + len(known)
        mean_K, spread_K = target.values_MK.mean(axis=0), target.values_MK.std(axis=0)
        if not self._options.standardise:
            mean_K, spread_K = np.zeros_like(mean_K), np.ones_like(spread_K)
        spread_K = np.where(spread_K > 0.0, spread_K, 1.0)

        def table(rows: npt.NDArray[np.bool_]) -> Table:
            means_IK = self._means(ids_M[rows], target.values_MK[rows], size)
            return tuple(tuple(row) for row in ((means_IK - mean_K) / spread_K).tolist())

        every = table(np.ones(len(ids_M), dtype=np.bool_))
        others = [target.fold_M != fold for fold in range(INNER_FOLDS)]
        # so few rows that a fold holds them all: nothing is known of them without it
        folds = tuple(table(rows) if rows.any() else tuple((0.0,) * len(mean_K) for _ in every) for rows in others)
        suffixes = tuple(f":{name}" if name else "" for name in target.names)
        return Vocabulary(known, "numbers", missing=column.missing > 0, numbers=Numbers(suffixes, every, folds))

    def _means(self, ids_M: npt.NDArray[np.int64], values_MK: FloatArray, size: int) -> FloatArray:
        """Means of the target by id [I, K], each drawn towards the mean of all."""
        counts_I1 = np.bincount(ids_M, minlength=size).astype(np.float64)[:, None]
        mean_K = values_MK.mean(axis=0)
        sums_IK = np.stack([np.bincount(ids_M, weights=y_M, minlength=size) for y_M in values_MK.T], axis=1)
        if self._options.smooth != "auto":
            rows = float(self._options.smooth)
            below_I1 = counts_I1 + rows
            drawn_IK = (sums_IK + rows * mean_K) / np.where(below_I1 > 0.0, below_I1, 1.0)
            return np.asarray(np.where(below_I1 > 0.0, drawn_IK, mean_K))
        there_I1 = np.maximum(counts_I1, 1.0)
        means_IK = sums_IK / there_I1
        apart_MK = np.square(values_MK - means_IK[ids_M])
        within_IK = np.stack([np.bincount(ids_M, weights=a_M, minlength=size) for a_M in apart_MK.T], axis=1) / there_I1
        # the weight of a value's own mean: nearer to 1 the more rows it has and the less they vary
        known_IK = values_MK.var(axis=0) * counts_I1
        below_IK = known_IK + within_IK
        own_IK = np.where(below_IK > 0.0, known_IK / np.where(below_IK > 0.0, below_IK, 1.0), 0.0)
        return np.asarray(own_IK * means_IK + (1.0 - own_IK) * mean_K)
