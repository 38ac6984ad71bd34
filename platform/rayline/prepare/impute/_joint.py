"""What a joint imputer is: it fills a row's missing numbers from the row's other numbers.

m rows of the sample · n rows to fill · F number columns
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError
from rayline.core.seeds import derive, splitmix64
from rayline.prepare.impute._imputer import ImputeConfig, Imputer

FloatArray = npt.NDArray[np.float64]


class Filler(ABC):
    """A fitted joint imputer; it is nothing but its arrays, which `restore` takes back."""

    @abstractmethod
    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """The whole state; float64 arrays of any shape."""

    @abstractmethod
    def __call__(self, x_FN: FloatArray) -> None:
        """Replace every NaN of `x_FN` [F, n] in place by a finite number.

        A row's result depends on that row alone, bit for bit, whatever the n: sums run in a fixed order over columns
        and rows of the state, elementwise over the n rows; never a matrix product over them.
        """


class SomeColumns(Filler):
    """A filler that knows of some of the columns: the others are neither read nor filled."""

    PLACES: ClassVar[str] = "columns_read"
    """Name of the array that is stored beside the filler's own."""

    def __init__(self, inner: Filler, places_S: FloatArray) -> None:
        """
        Args:
            inner: fitted on these columns.
            places_S: where they stand among the F.
        """
        self._inner, self._places_S = inner, places_S.astype(np.intp)

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        return {**self._inner.arrays(), self.PLACES: self._places_S.astype(np.float64)}

    def __call__(self, x_FN: FloatArray) -> None:
        x_SN = x_FN[self._places_S]
        self._inner(x_SN)
        x_FN[self._places_S] = x_SN


class JointImputeConfig(ImputeConfig, ABC):
    """Options of an imputer that reads all number columns together."""

    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER})
    keeps_rows: ClassVar[bool] = False
    """Whether what is learnt holds training rows; it then neither reads nor fills a private column."""

    def build(self) -> Imputer:
        """A joint imputer learns no single column by itself: `learn` takes the place of this."""
        raise NotImplementedError("a joint imputer is learnt over all number columns at once, by learn()")

    @abstractmethod
    def learn(self, x_FM: FloatArray, names: Sequence[str], seed: int) -> Filler:
        """Fit on the training sample, NaN where missing.

        Raises:
            DataError: a column without any value.
        """

    @classmethod
    @abstractmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[np.float64]]) -> Filler:
        """The inverse of `Filler.arrays`."""


def require_columns(x_FM: FloatArray, names: Sequence[str], step: str) -> None:
    """Raises:
    DataError: a column of the sample without any value.
    """
    for name, values in zip(names, x_FM, strict=True):
        if np.isnan(values).all():
            raise DataError(
                f"column {name!r} has no value in the training rows, so {step!r} has nothing to learn from. "
                f"Set data.features.{name}: drop, or impute it with a constant."
            )


def some_rows(x_FM: FloatArray, most: int, seed: int, purpose: str) -> FloatArray:
    """At most `most` rows of the sample that hold a value at all, in their order; a seeded choice [F, m]."""
    places = np.flatnonzero(~np.isnan(x_FM).all(axis=0))
    if len(places) > most:
        hashes = splitmix64(places.astype(np.uint64), derive(seed, purpose))
        places = np.sort(places[np.argsort(hashes, kind="stable")[:most]])
    return np.ascontiguousarray(x_FM[:, places])


def unit_scale(x_FM: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and reciprocal of the standard deviation of the values there are in each column [F]; 1 where none varies."""
    mean_F = np.nanmean(x_FM, axis=1)
    spread_F = np.nanstd(x_FM, axis=1)
    varies_F = spread_F > 1e-13 * np.nanmax(np.abs(x_FM), axis=1)
    return mean_F, np.where(varies_F, 1.0 / np.where(varies_F, spread_F, 1.0), 1.0)
