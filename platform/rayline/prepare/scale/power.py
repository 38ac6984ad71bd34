"""Bend numbers towards a normal distribution by a power, then scale them to mean 0 and standard deviation 1.

Choose it for skewed numbers (incomes, durations, counts) that a network should see with their tail drawn in; the order
stays. `yeo-johnson` takes any number, `box-cox` numbers above 0 alone. The exponent is the most likely one for the
profile's sample of rows. A column that no power fits is only scaled. Agrees with scikit-learn's `PowerTransformer`.
Reference: Yeo and Johnson, Biometrika 87, 2000; Box and Cox, JRSS B 26, 1964.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from rayline.core.errors import DataError
from rayline.prepare.fitted import Affine, Bent, Power
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import SMALLEST_STD, NumberColumn


class Config(ScaleConfig):
    method: Literal["yeo-johnson", "box-cox"] = "yeo-johnson"

    def build(self) -> PowerScaler:
        return PowerScaler(self.method)


class PowerScaler(Scaler):
    def __init__(self, method: Literal["yeo-johnson", "box-cox"]) -> None:
        self._method = method

    def learn(self, column: NumberColumn) -> Affine | Bent:
        column.require_values("power")
        if self._method == "box-cox" and column.minimum <= 0.0:
            raise DataError(
                f"column {column.name!r} has training numbers that are not above 0, which box-cox cannot take. "
                f"Set prepare.columns.{column.name}.scale: {{name: power, method: yeo-johnson}}."
            )
        if column.is_constant:
            return Affine(0.0 - column.mean, 1.0)
        exponent = self._most_likely(column)
        if exponent is not None:
            curve = Power(exponent, self._method)
            bent = curve(column.sample)
            mean, spread = float(np.mean(bent)), float(np.std(bent))
            # a power so strong that it leaves rounding alone, or no number at all, fits nothing
            if math.isfinite(spread) and spread > max(SMALLEST_STD, 1e-9 * float(np.abs(bent).max())):
                return Bent(curve, Affine(0.0 - mean, 1.0 / spread))
        return Affine(0.0 - column.mean, 1.0 / math.sqrt(column.variance))

    def _most_likely(self, column: NumberColumn) -> float | None:
        from scipy import stats  # half a second to import

        find = stats.yeojohnson_normmax if self._method == "yeo-johnson" else stats.boxcox_normmax
        options = {} if self._method == "yeo-johnson" else {"method": "mle"}
        with np.errstate(all="ignore"):
            try:
                exponent = float(find(column.sample, **options))
            except (ValueError, FloatingPointError, OverflowError, RuntimeError):
                return None
        return exponent if math.isfinite(exponent) else None
