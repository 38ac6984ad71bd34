"""Sets of rows by their `ROW` numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
NO_ROWS: Rows = np.zeros(0, np.int64)


def among(rows: Rows, chosen: Rows | None) -> npt.NDArray[np.bool_]:
    """Which of `rows` [n] are among the sorted `chosen`; none where there are none.

    >>> among(np.array([7, 1, 9]), np.array([1, 2, 7])).tolist()
    [True, True, False]
    """
    if chosen is None or not len(chosen):
        return np.zeros(len(rows), np.bool_)
    at = np.minimum(np.searchsorted(chosen, rows), len(chosen) - 1)
    return np.asarray(chosen[at] == rows)
