"""Add noise to number columns. Choose it for small tables of measurements; a little goes a long way.

Indicators of missing values and one-hot columns (`NAME=…`) stay as they are, unless `columns` names them. Reference:
Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 1995.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from rayline.prepare.augment._augmenter import Augmenter, ColumnsConfig, Examples, Inputs, Kind
from rayline.prepare.augment._draw import Draw


class Config(ColumnsConfig):
    kind: ClassVar[Kind] = "number"
    std: float = Field(default=0.05, gt=0)
    """Of the noise, in units of the prepared column (standard deviations, where it is scaled so)."""

    def build(self) -> NumberNoise:
        return NumberNoise(self.p, self.std)


class NumberNoise(Augmenter):
    def __init__(self, p: float, std: float) -> None:
        self._p = p
        self._std = std

    def __call__(self, examples: Examples, inputs: Inputs, draw: Draw) -> Examples:
        numbers = examples.numbers.clone()
        noise = draw.normals("noise", len(inputs.places)) * self._std
        places = torch.tensor(inputs.places, device=numbers.device)
        numbers[:, places] += torch.where(draw.chosen(self._p)[:, None], noise, 0.0)
        return examples._replace(numbers=numbers)
