"""Leave rows of frequent classes out. Choose it for big data with a rare class: an epoch is short, and with `redraw`
each epoch takes other rows, so that in time all are learnt from.

Reference: Liu, Wu and Zhou, "Exploratory Undersampling for Class-Imbalance Learning", IEEE TSMC 2009.
"""

from __future__ import annotations

import numpy as np

from rayline.core.seeds import derive
from rayline.prepare.balance._balancer import Balancer, IntArray, Labels, RatioConfig


class Config(RatioConfig):
    redraw: bool = True
    """Whether each epoch draws its rows anew."""

    @property
    def redraws(self) -> bool:  # type: ignore[override]
        return self.redraw

    def build(self) -> Undersample:
        return Undersample(self.ratio)


class Undersample(Balancer):
    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def places(self, labels: Labels, seed: int) -> IntArray:
        present = labels.counts[labels.counts > 0]
        most = int(present.min() / self._ratio + 1e-9)
        found = [
            labels.drawn(np.flatnonzero(labels.classes == name), most, derive(seed, "undersample", name))
            for name in np.flatnonzero(labels.counts).tolist()
        ]
        return np.sort(np.concatenate(found))
