"""From the peak to the floor along half a cosine. The default: a number of epochs fixed beforehand is used whole.

Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
"""

from __future__ import annotations

import math

from pydantic import Field

from rayline.train.schedules._schedule import Multiplier, ScheduleConfig


class Config(ScheduleConfig):
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps in which the rate climbs from near 0 to its peak."""
    floor: float = Field(default=0.0, ge=0, le=1)
    """Factor at the last step."""

    def after_warmup(self, steps: int) -> Multiplier:
        return lambda step: self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))
