"""Random search: every dimension drawn independently.

Choose it for a first look at a space, or when many trials run at once; it is hard to beat when few keys
matter (Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", 2012).
"""

from __future__ import annotations

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.tune.search._search import Params, Search, Space, sample


class Config(PluginConfig):
    def build(self, space: Space, *, seed: int, maximise: bool) -> Search:  # noqa: ARG002 - it never looks at values
        return Random(space, seed)


class Random(Search):
    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._rng = np.random.default_rng(seed)

    def ask(self) -> Params:
        return {key: sample(dimension, self._rng) for key, dimension in self._space.items()}
