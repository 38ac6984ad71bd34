"""Learn from a share of the training rows. Choose it to try a spec quickly, or to see what more data would bring.

Each class keeps its share to one row, and one row at least; a smaller share is a part of a larger one. Rows that
validate and test are all kept.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rayline.core.columns import Target
from rayline.core.prepared import Layout
from rayline.core.seeds import derive
from rayline.prepare.balance._balancer import BalanceConfig, Balancer, IntArray, Labels


class Config(BalanceConfig):
    share: float = Field(gt=0, le=1)
    """Of the training rows of each class."""
    redraw: bool = False
    """Whether each epoch draws its rows anew."""

    @property
    def redraws(self) -> bool:  # type: ignore[override]
        return self.redraw

    def build(self) -> Subsample:
        return Subsample(self.share)

    def check(self, layout: Layout, target: Target) -> None:
        """Any target will do."""


class Subsample(Balancer):
    def __init__(self, share: float) -> None:
        self._share = share

    def places(self, labels: Labels, seed: int) -> IntArray:
        if not labels.target.task.is_classification:
            return self._drawn(labels, np.arange(len(labels.keys)), derive(seed, "subsample"))
        found = [
            self._drawn(labels, np.flatnonzero(labels.classes == name), derive(seed, "subsample", name))
            for name in np.flatnonzero(labels.counts).tolist()
        ]
        return np.sort(np.concatenate(found))

    def _drawn(self, labels: Labels, of: IntArray, seed: int) -> IntArray:
        return labels.drawn(of, max(round(self._share * len(of)), min(len(of), 1)), seed)
