"""Random splits: exact counts."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.prepare.split.random import Config


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 400),
    validation=st.sampled_from([0.0, 0.05, 0.1, 0.25]),
    test=st.sampled_from([0.0, 0.1, 0.2, 1 / 3]),
    folds=st.integers(1, 7),
    seed=st.integers(0, 5),
)
def test_counts_are_right_to_one_row(rows: int, validation: float, test: float, folds: int, seed: int) -> None:
    data = pl.DataFrame({ROW: np.arange(rows) * 3})
    splitter = Config(validation=validation, test=test, seed=seed).build()
    dropped = np.arange(0, rows, 5) * 3
    index = [splitter.index(data[at : at + 50], ROW, "y") for at in range(0, rows, 50)]
    parts = splitter.fit(index, folds, dropped=dropped).parts(data, dropped=dropped)
    left = rows - len(dropped)
    if left == 0:  # the one row there is was dropped
        assert parts.tolist() == [DROPPED]
        return
    assert abs((parts == TEST).sum() - test * left) < 1
    assert abs((parts == VALIDATION).sum() - validation * left) < 1
    by_fold = np.bincount(parts[parts >= 0], minlength=folds)
    assert by_fold.max() - by_fold.min() <= 1
    assert by_fold.sum() >= 1
