"""Replace each number by its rank among the training rows, spread evenly from 0 to 1 or as a normal distribution.

Choose it for numbers of any odd shape where only the order matters; distances within the data are lost, and what lies
beyond the training range becomes its end. Ranks come from the profile's sample of rows, at `knots` quantiles, with
straight lines between them. Agrees with scikit-learn's `QuantileTransformer`. Reference: Bolstad et al., "A Comparison
of Normalization Methods", Bioinformatics 19, 2003.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.prepare.fitted import Affine, Bent, Knots
from rayline.prepare.scale._scaler import ScaleConfig, Scaler
from rayline.prepare.training_columns import NumberColumn

FloatArray = npt.NDArray[np.float64]
FURTHEST = 1e-7
"""Share of a normal distribution beyond which its ends are cut, at 5.2 standard deviations."""


class Config(ScaleConfig):
    keeps_values: ClassVar[bool] = True

    to: Literal["uniform", "normal"] = "uniform"
    knots: int = Field(default=1000, ge=2, le=10_000)
    """Quantiles that are learnt; no more than there are rows in the sample."""

    def build(self) -> Quantile:
        return Quantile(self)


class Quantile(Scaler):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: NumberColumn) -> Affine | Bent:
        column.require_values("quantile")
        if column.is_constant:
            return Affine(0.0 - column.mean, 1.0)
        share_K = np.linspace(0.0, 1.0, min(self._options.knots, max(2, len(column.sample))))
        value_K = np.maximum.accumulate(np.quantile(column.sample, share_K))
        if self._options.to == "normal":
            share_K, value_K = _refined(share_K, value_K)
        x_K, share_K = _steps(value_K, share_K)
        y_K = share_K if self._options.to == "uniform" else _normal(share_K)
        return Bent(Knots(tuple(x_K.tolist()), tuple(y_K.tolist())))


def _steps(value_K: FloatArray, share_K: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rising knots; a value that many rows have gets the middle of their ranks, its neighbours the ends of them."""
    distinct_U, first_U = np.unique(value_K, return_index=True)
    last_U = np.append(first_U[1:], len(value_K)) - 1
    knots: dict[float, float] = {}
    for value, first, last in zip(distinct_U.tolist(), first_U.tolist(), last_U.tolist(), strict=True):
        if first == last:
            knots.setdefault(value, float(share_K[first]))
            continue
        below, above = np.nextafter(value, -np.inf), np.nextafter(value, np.inf)
        if first > 0:
            knots.setdefault(float(below), float(share_K[first]))
        # at the ends of the data, what lies beyond belongs with the end
        ends = first == 0, last == len(value_K) - 1
        middle = 0.0 if ends[0] else 1.0 if ends[1] else float(share_K[first] + share_K[last]) / 2.0
        knots[value] = middle
        if not ends[1]:
            knots[float(above)] = float(share_K[last])
    x_K = np.array(sorted(knots))
    return x_K, np.array([knots[x] for x in x_K.tolist()])


def _refined(share_K: FloatArray, value_K: FloatArray) -> tuple[FloatArray, FloatArray]:
    """More knots along the same straight lines, so that what is straight before the normal curve is bent after it."""
    tail = np.logspace(np.log10(FURTHEST), -1.7, 200)
    more = np.unique(np.concatenate([share_K, tail, 1.0 - tail, np.linspace(0.02, 0.98, 961)]))
    return more, np.interp(more, share_K, value_K)


def _normal(share_K: FloatArray) -> FloatArray:
    from scipy.special import ndtri  # half a second to import

    found: FloatArray = ndtri(np.clip(share_K, FURTHEST, 1.0 - FURTHEST))
    return found
