"""Repeat rows of scarce classes. Choose it with augmentation, which makes each repetition another one; without, scarce
rows are soon learnt by heart, and `weights` does the same for less.

Each row of a class is repeated equally often, up to one time. Reference: Buda et al., "A systematic study
of the class imbalance problem in convolutional neural networks", Neural Networks 2018.
"""

from __future__ import annotations

import numpy as np

from rayline.core.seeds import derive
from rayline.prepare.balance._balancer import Balancer, IntArray, Labels, RatioConfig, wanted


class Config(RatioConfig):
    def build(self) -> Oversample:
        return Oversample(self.ratio)


class Oversample(Balancer):
    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def places(self, labels: Labels, seed: int) -> IntArray:
        found = [np.arange(len(labels.keys))]
        for name, (has, want) in enumerate(zip(labels.counts, wanted(labels.counts, self._ratio), strict=True)):
            if want > has:
                of = np.flatnonzero(labels.classes == name)
                whole, left = divmod(int(want), int(has))
                found += [of] * (whole - 1) + [labels.drawn(of, left, derive(seed, "oversample", name))]
        return np.concatenate(found)
