"""What the steps learn: small values from which both forms of a preparation are built.

A number goes through limits, fill, a curve and one affine map; a category through fill and a vocabulary. A step
plug-in returns one of these, so a new algorithm is one file: it never writes the two forms itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from rayline.core.prepared import FIRST_ID, MISSING_ID
from rayline.core.seeds import derive, splitmix64


@dataclass(frozen=True)
class Clip:
    """The limits of a number column, and what becomes of numbers beyond them."""

    low: float
    high: float
    action: Literal["clip", "missing", "drop"] = "clip"
    """`clip`: they become the limit. `missing`: they are filled like missing ones. `drop`: training rows with one are
    left out, rows to answer are cut."""


@dataclass(frozen=True)
class Affine:
    """`(x + offset) * factor`, in this order and in float64."""

    offset: float
    factor: float


@dataclass(frozen=True)
class Power:
    """A power transform. Source: Yeo and Johnson, Biometrika 87, 2000; Box and Cox, JRSS B 26, 1964."""

    exponent: float
    method: Literal["yeo-johnson", "box-cox"] = "yeo-johnson"

    def __call__(self, x_N: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Numbers [n] transformed; Box-Cox takes what is not above 0 as the smallest positive float."""
        if self.method == "box-cox":
            return _curved(map(math.log, np.maximum(x_N, np.finfo(np.float64).tiny).tolist()), self.exponent)
        out_N = np.empty_like(x_N)
        positive = x_N >= 0.0
        # log1p and expm1: 1 + x would round numbers of 1e-12 to those of 1e-16
        out_N[positive] = _curved(map(math.log1p, x_N[positive].tolist()), self.exponent)
        out_N[~positive] = -_curved(map(math.log1p, (-x_N[~positive]).tolist()), 2.0 - self.exponent)
        return out_N


def _curved(logs: Iterable[float], exponent: float) -> npt.NDArray[np.float64]:
    """`(x ** exponent - 1) / exponent` of numbers given by their logarithms, which are its limit at 0."""
    # one scalar call of libm a value: NumPy's vector loops may differ in the last bit between lengths
    return np.array([_raised(log, exponent) for log in logs] if exponent else list(logs), dtype=np.float64)


def _raised(log: float, exponent: float) -> float:
    try:
        return math.expm1(exponent * log) / exponent
    except OverflowError:
        return math.copysign(math.inf, exponent)


@dataclass(frozen=True)
class Knots:
    """Piecewise linear from `x` (rising) to `y`; flat beyond the ends."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    def __call__(self, x_N: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Numbers [n] transformed."""
        return np.interp(x_N, *self._arrays)

    @cached_property
    def _arrays(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        # making arrays of a thousand numbers takes longer than an endpoint's row does
        return np.array(self.x, dtype=np.float64), np.array(self.y, dtype=np.float64)


Curve = Power | Knots


@dataclass(frozen=True)
class Bent:
    """A scaling that is no straight line: a curve, then an affine map."""

    curve: Curve
    affine: Affine = Affine(0.0, 1.0)


@dataclass(frozen=True)
class Numbers:
    """Numbers in place of a category: a row of them for each id (missing, unknown, then the known values)."""

    suffixes: tuple[str, ...]
    """One a column: the columns are called NAME + suffix; ("",) for one column called NAME."""
    table: tuple[tuple[float, ...], ...]
    """[ids, columns]"""
    folds: tuple[tuple[tuple[float, ...], ...], ...] = ()
    """[inner folds, ids, columns]: what a training row gets, by the inner fold it is in, so that no row sees its own
    target; empty where the numbers do not come from the target. The fold of a row is `inner_fold` of its ROW."""


@dataclass(frozen=True)
class Vocabulary:
    """The known texts of a category in the order of their ids, and what a model is given for them.

    `ids`: one id a row (see `core.prepared`). `one_hot`: one number column a value, and one for missing where
    training had missing values; an unknown value is zero in all of them. `numbers`: number columns from `numbers`.
    """

    values: tuple[str, ...]
    form: Literal["ids", "one_hot", "numbers"] = "ids"
    missing: bool = True
    """Whether training had missing values (`one_hot` alone reads it)."""
    key: str = ""
    """Of a private column: `values` are keyed digests of the texts, which are then nowhere kept. Empty otherwise."""
    numbers: Numbers | None = None

    @property
    def size(self) -> int:
        """How many ids there are: missing, unknown, and the known values."""
        return FIRST_ID + len(self.values)

    def hidden(self, key: str) -> Vocabulary:
        """The same vocabulary with digests under `key` in place of its texts."""
        return replace(self, values=tuple(digest(text, key) for text in self.values), key=key)


@dataclass(frozen=True)
class Hashed:
    """A category known by the bucket its text falls in: no vocabulary, and no unknown value."""

    buckets: int
    form: Literal["ids", "one_hot"] = "ids"
    seed: int = 0
    missing_id: int = MISSING_ID
    """The id of missing values: their own, or that of the text they are filled with."""

    @property
    def size(self) -> int:
        """How many ids there are: missing, unknown (never met), and the buckets."""
        return FIRST_ID + self.buckets

    def id_of(self, text: str) -> int:
        """The id of a text: the same on every machine."""
        hashed = hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), digest_size=8, salt=self.seed.to_bytes(8, "little")
        ).digest()
        return FIRST_ID + int.from_bytes(hashed, "little") % self.buckets


def digest(text: str, key: str) -> str:
    """What stands for a private text. It hides texts from who reads files, not from who guesses each of them."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key.encode(), digest_size=12).hexdigest()


INNER_FOLDS = 5


def inner_fold(row_N: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """The inner fold 0..4 of each training row [n], from its ROW: for encodings that learn from the target."""
    hashes = splitmix64(row_N.astype(np.uint64), derive(seed, "inner fold"))
    return (hashes % np.uint64(INNER_FOLDS)).astype(np.int64)
