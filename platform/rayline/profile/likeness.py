"""Rows as points whose distances are exact, and the neighbours of each: how rows resemble each other.

Numbers are in whole steps of a 64th of a standard deviation, categories and missing values one-hot. Distances are then
sums of squares of whole numbers, exact in floating point, and neighbours that are equally far share their places, so
that neither the order of rows nor the number of threads changes anything.

N rows · F columns of numbers · C classes · B rows of a block
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_texts
from rayline.core.columns import FeatureType
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile
from rayline.profile.types import Decision, infer

MOST_COLUMNS = 512
MOST_VALUES = 50
"""Values of a category told apart; the rest are one."""
STEPS, REACH = 64, 4.0
"""Steps of a standard deviation, and how many of these a number may be from the mean: beyond, they are as far."""
BLOCK = 512

CodeArray = npt.NDArray[np.int64]


def points(
    profile: Profile, sample: pl.DataFrame, target: str, decisions: Mapping[str, Decision] | None = None
) -> FloatArray | None:
    """The features of `sample`'s rows as whole numbers [N, F]: those usable, not private and not the target.

    Of more than 512 numbers and values the first are looked at.
    """
    types = decisions or infer(profile)
    parts: list[FloatArray] = []
    for name, column in profile.columns.items():
        if name == target or name in profile.private:
            continue
        if types[name].type is FeatureType.CATEGORY:
            parts.append(_one_hot(sample[name]))
        elif column.kind in ("number", "date") and types[name].type in (FeatureType.NUMBER, FeatureType.DATE):
            parts.extend(_scaled(sample[name]))
        if sum(part.shape[1] for part in parts) >= MOST_COLUMNS:
            break
    return np.concatenate(parts, axis=1)[:, :MOST_COLUMNS] if parts else None


def _scaled(values: pl.Series) -> list[FloatArray]:
    """A column of standardised numbers, its mean where it is missing, and one of what is missing."""
    physical = values.to_physical() if values.dtype.is_temporal() else values
    x_N = physical.cast(pl.Float64).fill_null(math.nan).to_numpy()
    there_N = np.isfinite(x_N)
    if not there_N.any():
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        centred_N = np.where(there_N, x_N, 0.0) - np.mean(x_N[there_N])
        spread = float(np.std(x_N[there_N]))
        z_N = centred_N / spread if math.isfinite(spread) and spread > 0 else np.zeros(len(x_N))
    z_N = np.where(there_N, np.clip(np.nan_to_num(z_N), -REACH, REACH), 0.0)
    found = [np.rint(z_N * STEPS)[:, None]] if z_N.any() else []
    return found if there_N.all() else [*found, np.where(there_N, 0.0, STEPS)[:, None]]


def _one_hot(values: pl.Series) -> FloatArray:
    texts, codes = category_texts(values)
    counts = np.bincount(codes, minlength=len(texts))
    ranked = np.argsort(-counts, kind="stable")
    places = np.empty(len(texts), np.int64)
    places[ranked] = np.minimum(np.arange(len(texts)), MOST_VALUES)
    met = places[codes]
    found = np.zeros((len(codes), int(met.max()) + 1))
    found[np.arange(len(codes)), met] = STEPS
    return found


def neighbours(x_NF: FloatArray, labels: Sequence[CodeArray], classes: int, most: int) -> list[FloatArray]:
    """For each of `labels` [N], the share of each row's `most` nearest that has each class [N, C], itself left out."""
    n = len(x_NF)
    k = min(most, n - 1)
    squares_N = np.square(x_NF).sum(axis=1)
    # whole numbers below 2**24 are exact in float32, which is twice as fast; a distance is at most 4 of these squares
    x_NF = np.ascontiguousarray(x_NF, np.float32 if 4 * squares_N.max() < 2**24 else np.float64)
    squares_N = squares_N.astype(x_NF.dtype)
    found = [np.zeros((n, classes)) for _ in labels]
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        far_BN = x_NF[start:end] @ x_NF.T
        far_BN *= -2
        far_BN += squares_N  # less the row's own square: the order of neighbours is the same
        far_BN[np.arange(end - start), np.arange(start, end)] = np.inf
        last_B = np.partition(far_BN, k - 1, axis=1)[:, k - 1]
        places, others = np.nonzero(far_BN <= last_B[:, None])
        tied = far_BN[places, others] == last_B[places]
        ties_B = np.bincount(places[tied], minlength=end - start)
        nearer_B = np.bincount(places[~tied], minlength=end - start)
        weights = np.where(tied, ((k - nearer_B) / ties_B)[places], 1.0)
        for shares_NC, labels_N in zip(found, labels, strict=True):
            flat = np.bincount(places * classes + labels_N[others], weights, minlength=(end - start) * classes)
            shares_NC[start:end] = flat.reshape(-1, classes) / k
    return found
