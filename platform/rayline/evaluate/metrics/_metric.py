"""The contract of a metric.

n rows · R resamples
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from rayline.core.columns import Task
from rayline.evaluate.scored import FloatArray, Scored

Direction = Literal["higher", "lower"]

CLASSIFICATION = frozenset({Task.BINARY, Task.MULTICLASS})
REGRESSION = frozenset({Task.REGRESSION})


class Metric(ABC):
    """A number that says how good predictions are.

    A metric is written once, for weighted rows and many weightings at a time: the plain value is one weighting
    of ones, a bootstrap is R weightings by how often each row was drawn.
    """

    tasks: ClassVar[frozenset[Task]]
    better: ClassVar[Direction]
    lowest: ClassVar[float] = 0.0
    """The least value it can take, and below the greatest."""
    highest: ClassVar[float] = 1.0

    @abstractmethod
    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        """The metric under each weighting of the rows [R]; NaN where those rows do not define it."""

    def undefined(self, scored: Scored) -> str:
        """Why these rows do not define the metric, in words; asked only after it was NaN."""
        assert not len(scored), "a metric that rows may leave undefined says why"
        return "no rows"

    def __call__(self, scored: Scored) -> float:
        """The metric of `scored`; NaN where its rows do not define it."""
        if not len(scored):
            return float("nan")
        return float(self.weighted(scored, np.ones((1, len(scored))))[0])


def ratio(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> FloatArray:
    """`above / below`, NaN where `below` is 0."""
    out = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out
