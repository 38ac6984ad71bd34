"""Scale numbers to mean 0 and standard deviation 1 over the training rows.

The default for networks: inputs of one size let one learning rate fit all weights. Reference: LeCun, Bottou, Orr and
Müller, "Efficient BackProp", 1998, section 4.3.
"""

from __future__ import annotations

import math

from rayline.prepare.fitted import Affine
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import NumberColumn


class Config(ScaleConfig):
    def build(self) -> Standard:
        return Standard()


class Standard(Scaler):
    def learn(self, column: NumberColumn) -> Affine:
        column.require_values("standard")
        if column.is_constant:
            return Affine(0.0 - column.mean, 1.0)
        return Affine(0.0 - column.mean, 1.0 / math.sqrt(column.variance))
