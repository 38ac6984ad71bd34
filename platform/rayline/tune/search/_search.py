"""What every search algorithm is: `ask` for the next settings, `tell` how settings did."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from rayline.spec.sections import Dimension

Params = dict[str, Any]
"""Dotted key of the spec to a value."""
Space = dict[str, Dimension]


class Search(ABC):
    """One search over one space. Not thread-safe; the caller asks and tells from one place."""

    @abstractmethod
    def ask(self) -> Params | None:
        """The next settings to try, or `None` when the space is used up."""

    def tell(self, params: Params, value: float) -> None:  # noqa: B027 - most searches learn nothing from results
        """Learn that `params`, asked for or found on disk, scored `value` in the direction given to `build`."""


def sample(dimension: Dimension, rng: np.random.Generator) -> Any:
    """One value of a dimension, uniform over its values or its (log) range; plain Python types."""
    if dimension.values is not None:
        return dimension.values[int(rng.integers(len(dimension.values)))]
    low, high = _bounds(dimension)
    drawn = np.exp(rng.uniform(np.log(low), np.log(high))) if dimension.log else rng.uniform(low, high)
    value = float(drawn)
    return round(value) if dimension.integer else value


def _bounds(dimension: Dimension) -> tuple[float, float]:
    assert dimension.low is not None
    assert dimension.high is not None
    return dimension.low, dimension.high
