"""Linear models of a task over standardised columns: what `lasso` and `rfe` judge columns by."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rayline.prepare.select._selector import Candidates, FloatArray


def standardised_target(candidates: Candidates) -> FloatArray:
    """A regression's target with mean 0 and variance 1 [m], so that penalties do not depend on its unit."""
    target_M = candidates.target_M.astype(np.float64)
    found: FloatArray = (target_M - target_M.mean()) / target_M.std()
    return found


@contextmanager
def steady() -> Iterator[None]:
    """One thread of linear algebra, so that the sums and with them the choice are the same on every machine.

    A model that has not settled yet still ranks columns: its warning is not the user's.
    """
    from sklearn.exceptions import ConvergenceWarning

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)  # of attributes that are not read here
        yield
