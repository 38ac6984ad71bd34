"""The training sample as joint imputers fill it, kept while a preparation is learnt once more to prove it.

Filling is most of what a joint imputer costs (`knn` looks at every donor for every row). Learnt once more, it is the
same imputer where its arrays are the same, and these are compared whole; what a row is filled with follows from them
and from the row (`Filler`). That this holds of the imputer loaded anew is tried on some rows, and where one of them
comes out otherwise, in any bit, all of them are filled again.

F number columns · M rows of the sample
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from rayline.core.seeds import derive, splitmix64
from rayline.prepare.impute._joint import Filler, FloatArray

TRIED = 1024
"""Rows that are filled again to try an imputer whose arrays are known."""
MOST_VALUES = 32_000_000
"""Values of a sample that is kept: 256 MB."""


class Filled:
    """Samples that were filled, by the imputer's arrays and what they were before."""

    def __init__(self) -> None:
        self._known: dict[bytes, FloatArray] = {}

    def of(self, filler: Filler, x_FM: FloatArray) -> FloatArray:
        """`x_FM` [F, M], NaN where missing, filled; what is given stays as it is."""
        key = _digest(filler, x_FM)
        known = self._known.get(key)
        if known is not None and _agrees(filler, x_FM, known, seed=int.from_bytes(key[:7], "big")):
            return known
        whole_FM = x_FM.copy()
        filler(whole_FM)
        if whole_FM.size <= MOST_VALUES:
            whole_FM.flags.writeable = False
            self._known[key] = whole_FM
        return whole_FM


def _digest(filler: Filler, x_FM: FloatArray) -> bytes:
    found = hashlib.blake2b(repr((type(filler).__name__, x_FM.shape)).encode(), digest_size=16)
    found.update(np.ascontiguousarray(x_FM).data)
    for name, array in sorted(filler.arrays().items()):
        found.update(repr((name, array.shape)).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()


def _agrees(filler: Filler, x_FM: FloatArray, known_FM: FloatArray, *, seed: int) -> bool:
    """Whether the imputer fills some of the rows as it filled them before, to the bit."""
    places = _some(np.flatnonzero(np.isnan(x_FM).any(axis=0)), seed)
    some_FM = x_FM[:, places]
    filler(some_FM)
    return some_FM.tobytes() == known_FM[:, places].tobytes()


def _some(places: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    hashes = splitmix64(places.astype(np.uint64), derive(seed, "tried"))
    return np.sort(places[np.argsort(hashes, kind="stable")[:TRIED]])
