"""What every drift test takes and gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Drift:
    """How far one feature's live counts are from training's."""

    statistic: float
    """0 where the shares are equal, larger the further apart they are."""
    limit: float
    """The alarm begins above this; infinite while there are too few rows to tell."""
    by_chance: float
    """The statistic's mean for a window of this size where nothing has drifted."""

    @property
    def alarm(self) -> bool:
        return self.statistic > self.limit

    @property
    def enough_rows(self) -> bool:
        return math.isfinite(self.limit)


class DriftTest(Protocol):
    """Compares training's counts with a window's, bin by bin."""

    def __call__(self, expected: Sequence[int], observed: Sequence[int]) -> Drift:
        """`expected` and `observed` are rows in each of the same bins, neither all zero."""
        ...
