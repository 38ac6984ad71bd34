"""What a reducer is: from the prepared training sample, a linear map of the number columns to fewer.

m rows of the sample · W number columns · K columns they become
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rayline.core.catalog import PluginConfig


@dataclass(frozen=True)
class Projection:
    """`(x - mean) @ components.T`, summed over W in a fixed order, in float64."""

    names: tuple[str, ...]
    """Names of the K columns."""
    mean_W: npt.NDArray[np.float64]  # noqa: N815
    components_KW: npt.NDArray[np.float64]  # noqa: N815
    explained: tuple[float, ...]
    """Share of the variance that each of the K columns carries."""


class Reducer(ABC):
    @abstractmethod
    def learn(self, numbers_MW: npt.NDArray[np.float64], names: tuple[str, ...], seed: int) -> Projection: ...


class ReduceConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Reducer: ...
