"""What a smoother is: a sequence in, the same sequence with less noise out.

A sequence has T values, one a step; `[..., T]` are any number of sequences of one length. Only values of the same
sequence are combined, one after the other along T, so that how many are smoothed at a time changes no bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from rayline.core.catalog import PluginConfig

FloatArray = npt.NDArray[np.float64]


class Smoother(ABC):
    """NaN is a missing value: it is left out of what its neighbours become."""

    @abstractmethod
    def __call__(self, values: FloatArray) -> FloatArray:
        """Smoothed `values` float64 [..., T], of the same shape; the argument is left as it is."""


class SmoothConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Smoother: ...


def shifted(values: FloatArray, steps: int) -> FloatArray:
    """`values` [..., T] moved `steps` to the right (left where negative), NaN where nothing comes from."""
    made = np.full_like(values, np.nan)
    length = values.shape[-1]
    if abs(steps) < length:
        to, source = slice(max(steps, 0), length + min(steps, 0)), slice(max(-steps, 0), length - max(steps, 0))
        made[..., to] = values[..., source]
    return made
