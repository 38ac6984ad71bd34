"""Linear models of a task over standardised columns: what `lasso` and `rfe` judge columns by."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rayline.core.seeds import derive
from rayline.prepare.select._selector import Candidates, FloatArray


def standardised_target(candidates: Candidates) -> FloatArray:
    """A regression's target with mean 0 and variance 1 [m], so that penalties do not depend on its unit."""
    target_M = candidates.target_M.astype("float64")
    found: FloatArray = (target_M - target_M.mean()) / target_M.std()
    return found


def shuffled_folds(target_M: npt.NDArray[Any], folds: int, seed: int) -> Any:
    """Folds for cross-validation, drawn by the seed, of classes [m] with their shares in each; of numbers without.

    Rows come in the order of the source, which may be that of the target, of time or of a class: folds of neighbours
    would each be judged on what the others have not seen.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if target_M.dtype.kind == "f" else StratifiedKFold
    return kind(folds, shuffle=True, random_state=derive(seed, "select folds") % 2**32)


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
