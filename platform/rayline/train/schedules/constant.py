"""The same learning rate throughout. Choose it for a comparison, or when the number of epochs is open."""

from __future__ import annotations

from rayline.train.schedules._schedule import Multiplier, ScheduleConfig


class Config(ScheduleConfig):
    def after_warmup(self, steps: int) -> Multiplier:  # noqa: ARG002 (the family's interface)
        return lambda step: 1.0  # noqa: ARG005
