"""What every schedule plug-in offers, and the warm-up they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pydantic import Field

from rayline.core.catalog import PluginConfig

Multiplier = Callable[[int], float]
"""Step number, from 0, to the factor on the learning rate."""


class ScheduleConfig(PluginConfig, ABC):
    """Options of a schedule."""

    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of all steps in which the rate climbs from near 0 to its peak."""

    def build(self, total_steps: int) -> Multiplier:
        """The factor for each of `total_steps` steps, a pure function of the step."""
        climb = int(self.warmup * total_steps)
        after = self.after_warmup(total_steps - climb)
        return lambda step: (step + 1) / (climb + 1) if step < climb else after(step - climb)

    @abstractmethod
    def after_warmup(self, steps: int) -> Multiplier:
        """The factor for each of the `steps` steps that follow the warm-up, 1.0 at the peak."""
