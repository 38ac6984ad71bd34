"""Means and co-moments of number columns, pairwise complete, computed in pieces and merged.

Each piece of rows is centred on its own means and pieces are combined by Chan's formula (Chan, Golub and LeVeque,
"Updating formulae and a pairwise algorithm for computing sample variances", 1979), so no number ever depends on rows
of another part, and large offsets cost no precision.

    n rows · F number columns · [i, j]: over the rows where both i and j are present
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

FloatArray = npt.NDArray[np.float64]

SMALL = 1e150
"""Means whose squares are finite: joined to no rows they stay what they are, which need not be computed."""
PIECE_ROWS = 1 << 15
"""Rows centred at once: fixed, so that sums do not depend on how a frame is chunked in memory."""


@dataclass(frozen=True)
class Gram:
    """What is needed of F columns for means, variances and correlations."""

    columns: tuple[str, ...]
    count_FF: FloatArray  # noqa: N815
    """Rows where both are present."""
    mean_FF: FloatArray  # noqa: N815
    """[i, j]: mean of i over the rows where both are present; the diagonal holds each column's own mean."""
    square_FF: FloatArray  # noqa: N815
    """[i, j]: sum of squared deviations of i over those rows; the diagonal holds each column's own."""
    comoment_FF: FloatArray  # noqa: N815
    """Sums of products of deviations from those means."""

    def select(self, columns: Sequence[str]) -> Gram:
        """The same of some of the columns."""
        places = [self.columns.index(column) for column in columns]
        at = np.ix_(places, places)
        return Gram(tuple(columns), self.count_FF[at], self.mean_FF[at], self.square_FF[at], self.comoment_FF[at])

    def correlations(self) -> FloatArray:
        """Pearson's correlation [F, F] over the rows where both are present; NaN where one does not vary there."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self.comoment_FF / np.sqrt(self.square_FF) / np.sqrt(self.square_FF.T)
            # below that a column that is the same in all rows of the pair leaves what rounding left
            varies_FF = self.square_FF > 1e-12 * np.diag(self.square_FF)[:, None]
        return np.where(varies_FF & varies_FF.T, np.clip(found, -1.0, 1.0), np.nan)


def empty(columns: Sequence[str]) -> Gram:
    """The co-moments of no rows."""
    zeros = np.zeros((len(columns), len(columns)))
    return Gram(tuple(columns), zeros, zeros, zeros, zeros)


def measure(frame: pl.DataFrame, columns: Sequence[str]) -> Gram:
    """The co-moments of number `columns` of a frame; null, NaN and infinite values are left out."""
    total = empty(columns)
    if not columns:
        return total
    numbers = pl.DataFrame([frame.get_column(name) for name in columns])  # a query would look at every column there is
    with _threads().limit(limits=1, user_api="blas"):  # sums of products depend on how threads share them
        for start in range(0, frame.height, PIECE_ROWS):
            piece = numbers.slice(start, PIECE_ROWS).cast(pl.Float64)
            piece_nF = np.asfortranarray(piece.to_numpy(order="fortran"))
            total = combine(total, _measure_piece(piece_nF, columns))
    return total


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()  # it looks through every loaded library: once a process


@np.errstate(over="ignore", invalid="ignore")
def _measure_piece(x_nF: FloatArray, columns: Sequence[str]) -> Gram:
    present_nF = np.isfinite(x_nF)
    n, width = x_nF.shape
    if present_nF.all():
        mean_F = x_nF.mean(axis=0)
        z_nF = x_nF - mean_F
        count_FF = np.full((width, width), float(n))
        comoment_FF = z_nF.T @ z_nF
        square_FF = np.repeat(np.diag(comoment_FF)[:, None], width, axis=1)
        return Gram(tuple(columns), count_FF, np.repeat(mean_F[:, None], width, axis=1), square_FF, comoment_FF)
    mask_nF = present_nF.astype(np.float64)
    count_F = np.maximum(mask_nF.sum(axis=0), 1.0)
    z_nF = np.where(present_nF, x_nF, 0.0)
    mean_F = z_nF.sum(axis=0) / count_F
    z_nF -= mean_F
    z_nF *= mask_nF
    count_FF = mask_nF.T @ mask_nF
    apart_FF = np.divide(z_nF.T @ mask_nF, count_FF, out=np.zeros_like(count_FF), where=count_FF > 0)
    mean_FF = np.where(count_FF > 0, mean_F[:, None] + apart_FF, 0.0)
    square_FF = np.maximum((z_nF * z_nF).T @ mask_nF - count_FF * apart_FF * apart_FF, 0.0)
    comoment_FF = z_nF.T @ z_nF - count_FF * apart_FF * apart_FF.T
    return Gram(tuple(columns), count_FF, mean_FF, square_FF, comoment_FF)


@np.errstate(over="ignore", invalid="ignore")
def combine(one: Gram, other: Gram) -> Gram:
    """The co-moments of both sets of rows together."""
    if not one.count_FF.any() and np.abs(other.mean_FF).max(initial=0.0) < SMALL:
        return Gram(one.columns, other.count_FF, other.mean_FF, other.square_FF + 0.0, other.comoment_FF + 0.0)
    count_FF = one.count_FF + other.count_FF
    share_FF = np.divide(other.count_FF, count_FF, out=np.zeros_like(count_FF), where=count_FF > 0)
    apart_FF = other.mean_FF - one.mean_FF
    mean_FF = np.where(one.count_FF > 0, one.mean_FF + apart_FF * share_FF, other.mean_FF)
    weight_FF = np.where((one.count_FF > 0) & (other.count_FF > 0), one.count_FF * share_FF, 0.0)
    square_FF = one.square_FF + other.square_FF + apart_FF * apart_FF * weight_FF
    comoment_FF = one.comoment_FF + other.comoment_FF + apart_FF * apart_FF.T * weight_FF
    return Gram(one.columns, count_FF, mean_FF, square_FF, comoment_FF)
