"""Fill each column's missing numbers by a regression on the others, in turns, until they settle (MICE, one draw).

Choose it where columns go together in straight lines, such as measurements of one thing. The regressions are Bayesian
ridge, fitted on the training sample; a row is filled by the same rounds in the same order. Agrees with scikit-learn's
`IterativeImputer` with its defaults, each column in its own standard deviations (`standardise`) and filled numbers kept
within those of training (`limits`). Fitting takes rounds × F² × rows: beyond a hundred columns set `nearest`.
Reference: van Buuren and Groothuis-Oudshoorn, "mice", Journal of Statistical Software 45, 2011.

T turns (rounds × columns) · F number columns · R rows
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rayline.core.seeds import derive
from rayline.prepare.impute._joint import (
    Filler,
    FloatArray,
    JointImputeConfig,
    require_columns,
    some_rows,
    unit_scale,
)


class Config(JointImputeConfig):
    rounds: int = Field(default=10, ge=1)
    """How often every column is regressed at most."""
    tolerance: float = Field(default=1e-3, ge=0.0)
    """Rounds end when no filled number moves by more than this share of the largest number."""
    rows: int = Field(default=8_192, ge=2)
    """Training rows the regressions are fitted on, at most: a seeded subset of the sample."""
    nearest: int | None = Field(default=None, ge=1)
    """Columns a column is regressed on, drawn by their correlation with it; all others when left out."""
    standardise: bool = True
    """Regress columns in their standard deviations; `false`: in their own units."""
    limits: bool = True
    """Keep what is filled in between the least and the greatest number of training."""

    def learn(self, x_FM: FloatArray, names: Sequence[str], seed: int) -> Filler:
        require_columns(x_FM, names, "iterative")
        mean_F, factor_F = unit_scale(x_FM)
        low_F, high_F = np.nanmin(x_FM, axis=1), np.nanmax(x_FM, axis=1)
        if not self.standardise:
            factor_F = np.ones_like(factor_F)
        shift_F = mean_F if self.standardise else np.zeros_like(mean_F)
        if not self.limits:
            low_F, high_F = np.full_like(low_F, -np.inf), np.full_like(high_F, np.inf)
        x_FR = some_rows(x_FM, self.rows, seed, "iterative rows")
        # a column so rare that none of these rows has it stays at its mean, and helps no other
        known = np.flatnonzero(~np.isnan(x_FR).all(axis=1))
        scaled_FR = (x_FR[known] - shift_F[known, None]) * factor_F[known, None]
        least_F, most_F = ((edge_F[known] - shift_F[known]) * factor_F[known] for edge_F in (low_F, high_F))
        # scikit-learn wants limits that differ: those of a column that does not vary are set apart
        apart_F = np.where(least_F < most_F, 0.0, 1.0)
        fitted = self._fit(scaled_FR, (least_F - apart_F, most_F + apart_F), seed)
        turns = fitted.imputation_sequence_
        coefficients_TF = np.zeros((len(turns), len(names)))
        for turn, step in enumerate(turns):
            coefficients_TF[turn, known[step.neighbor_feat_idx]] = step.estimator.coef_
        start_F = (mean_F - shift_F) * factor_F
        start_F[known] = fitted.initial_imputer_.statistics_
        return Iterative(
            {
                "shift": shift_F,
                "factor": factor_F,
                "low": low_F,
                "high": high_F,
                "start": start_F,
                "column": np.array([known[step.feat_idx] for step in turns], dtype=np.float64),
                "intercept": np.array([step.estimator.intercept_ for step in turns], dtype=np.float64),
                "coefficients": coefficients_TF,
            }
        )

    def _fit(self, scaled_FR: FloatArray, limits: tuple[FloatArray, FloatArray], seed: int) -> Any:
        # a second to import, and an endpoint that restores needs none of it
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.experimental import enable_iterative_imputer  # noqa: F401
        from sklearn.impute import IterativeImputer

        imputer = IterativeImputer(
            max_iter=self.rounds,
            tol=self.tolerance,
            n_nearest_features=self.nearest,
            min_value=limits[0],
            max_value=limits[1],
            random_state=derive(seed, "iterative") % 2**32,
        )
        # one thread, so that sums are the same on every machine; rounds that end early are declared, no surprise
        with threadpool_limits(limits=1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return imputer.fit(scaled_FR.T)

    @classmethod
    def restore(cls, arrays: Mapping[str, npt.NDArray[np.float64]]) -> Filler:
        return Iterative(dict(arrays))


class Iterative(Filler):
    def __init__(self, arrays: dict[str, FloatArray]) -> None:
        self._arrays = arrays
        self._turns = [
            (int(column), intercept, coefficients_F[:, None], np.flatnonzero(coefficients_F))
            for column, intercept, coefficients_F in zip(
                arrays["column"].tolist(), arrays["intercept"].tolist(), arrays["coefficients"], strict=True
            )
        ]
        self._low_F, self._high_F = [(arrays[edge] - arrays["shift"]) * arrays["factor"] for edge in ("low", "high")]

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        return dict(self._arrays)

    def __call__(self, x_FN: FloatArray) -> None:
        missing_FN = np.isnan(x_FN)
        lacking = np.flatnonzero(missing_FN.any(axis=0))
        if not len(lacking):
            return
        missing_FR = missing_FN[:, lacking]
        shift_F1, factor_F1, start_F1 = (self._arrays[name][:, None] for name in ("shift", "factor", "start"))
        # a row of 1e308 in one column must not make inf, and then NaN, of another
        with np.errstate(over="ignore"):
            scaled_FR = np.clip((x_FN[:, lacking] - shift_F1) * factor_F1, -1e150, 1e150)
        np.copyto(scaled_FR, start_F1, where=missing_FR)
        rows_of = [np.flatnonzero(missing_R) for missing_R in missing_FR]
        for column, intercept, coefficients_F1, used in self._turns:
            rows = rows_of[column]
            if len(rows):
                predicted_R = _in_order(scaled_FR[:, rows], coefficients_F1, used) + intercept
                scaled_FR[column, rows] = np.clip(predicted_R, self._low_F[column], self._high_F[column])
        low_F1, high_F1 = self._arrays["low"][:, None], self._arrays["high"][:, None]
        filled_FR = np.clip(scaled_FR / factor_F1 + shift_F1, low_F1, high_F1)
        x_FN[:, lacking] = np.where(missing_FR, filled_FR, x_FN[:, lacking])


def _in_order(x_FR: FloatArray, coefficients_F1: FloatArray, used: npt.NDArray[np.int64]) -> FloatArray | float:
    """The weighted sum of the columns [R], one after the other: a plain sum would pair them, by its length."""
    if not len(used):
        return 0.0
    found: FloatArray = np.add.accumulate(x_FR[used] * coefficients_F1[used], axis=0)[-1]
    return found
