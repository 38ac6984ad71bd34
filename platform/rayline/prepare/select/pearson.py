"""Keep number columns that go with the target in a straight line, and of near copies one.

Choose it as the quick first filter of many columns; it sees no curves (`mutual_info` does) and no joint effects (`tree`
and `rfe` do). Score: the absolute correlation with the target, for classes the largest over one class against the
rest. Reference: Guyon and Elisseeff, "An Introduction to Variable and Feature Selection", JMLR 3, 2003.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rayline.prepare.select._selector import Candidates, FloatArray, Scored, ScoredConfig, Selector, stay


class Config(ScoredConfig):
    redundant: float | None = Field(default=None, gt=0.0, le=1.0)
    """A column whose absolute correlation with a better one that stays is above this goes."""

    def build(self) -> Pearson:
        return Pearson(self)


class Pearson(Selector):
    def __init__(self, options: Config) -> None:
        self._options = options

    def choose(self, candidates: Candidates) -> Scored:
        candidates.require_rows("pearson")
        numbers_MW = candidates.standardised()
        scores_W = correlations(numbers_MW, candidates)
        limit = self._options.redundant
        if limit is None:
            return self._options.best(candidates, scores_W, "pearson")
        unlimited = self._options.model_copy(update={"keep": None})
        places = {name: place for place, name in enumerate(candidates.names)}
        allowed = [places[name] for name, _ in unlimited.best(candidates, scores_W, "pearson")]
        kept: list[int] = []
        for place in sorted(allowed, key=lambda place: (-scores_W[place], place)):
            if len(kept) == self._options.keep:
                break
            others = np.einsum("mk,m->k", numbers_MW[:, kept], numbers_MW[:, place]) / len(numbers_MW)
            if not (np.abs(others) > limit).any():
                kept.append(place)
        return stay(candidates.names, scores_W, kept, "pearson")


def correlations(numbers_MW: FloatArray, candidates: Candidates) -> FloatArray:
    """Absolute correlation of each standardised column with the target [W]."""
    target_M = candidates.target_M
    if candidates.is_regression:
        targets_MT = target_M.astype(np.float64)[:, None]
    else:
        targets_MT = (target_M[:, None] == np.unique(target_M)[None, :]).astype(np.float64)
    targets_MT = targets_MT - targets_MT.mean(axis=0)
    targets_MT = targets_MT / targets_MT.std(axis=0)
    # no matrix product: its sums, and with them the last bit of a score, would depend on threads and processor
    products_WT = np.einsum("mw,mt->wt", numbers_MW, targets_MT)
    found: FloatArray = np.minimum(np.abs(products_WT / len(target_M)), 1.0).max(axis=1)
    return found
