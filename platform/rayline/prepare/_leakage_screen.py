"""Number columns that cannot tell the target, found many at a time: of a wide table, nearly all of them.

`_leakage_target` looks at one feature after the other, a third of a millisecond each. What it would find nothing in is
found here for a block of columns at once, by the same counts, and it need not look.

    B columns at once · n rows · C classes
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_ROWS = 1 << 12
"""Rows up to which sorting all columns is the quicker way."""
BLOCK_VALUES = 1 << 18
MARGIN = 1e-6
"""By how much correlations may be off that are summed in another order."""


def dense(sample: pl.DataFrame, names: Sequence[str], distinct: int) -> Iterator[tuple[list[str], Floats]]:
    """Those of `names` that are numbers without holes, of more than `distinct` values: blocks of names and rows [B, n].

    None of a sample of many rows, for which each column by itself is quicker.
    """
    if not 0 < sample.height <= MOST_ROWS:
        return
    kinds = sample.schema
    whole = [n for n in names if kinds[n].is_numeric() and not sample.get_column(n).null_count()]
    at_once = max(BLOCK_VALUES // sample.height, 1)
    for start in range(0, len(whole), at_once):
        block = whole[start : start + at_once]
        x_Bn = np.stack([sample.get_column(name).to_numpy().astype(np.float64) for name in block])
        ordered = np.sort(x_Bn, axis=1)
        values = 1 + np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1)
        usable = np.isfinite(x_Bn).all(axis=1) & (values > distinct)
        yield [name for name, kept in zip(block, usable.tolist(), strict=True) if kept], x_Bn[usable]


def by_cuts(x_Bn: Floats, codes: Codes) -> Floats:
    """How much of the class [n] thresholds of a column tell [B]: one between each two classes, or the row before in
    order; of two classes also the area of the ROC curve. Whole numbers and their halves: to the last bit what
    `_leakage_target._by_cuts` says.
    """
    columns, n = x_Bn.shape
    rows = np.bincount(codes)
    classes = np.flatnonzero(rows)
    order = np.argsort(x_Bn, axis=1, kind="stable")
    ordered, codes_Bn = np.take_along_axis(x_Bn, order, axis=1), codes[order]
    end_Bn = np.ones((columns, n + 1), np.bool_)  # with the place before the first row
    end_Bn[:, 1:-1] = ordered[:, 1:] != ordered[:, :-1]  # rows of equal values stay together
    met_CBn = [codes_Bn == code for code in classes]
    middle_CB = np.stack([(met * np.arange(n)).sum(axis=1) / rows[c] for met, c in zip(met_CBn, classes, strict=True)])
    so_far_CBn = np.zeros((len(classes), columns, n + 1))
    for place, met in enumerate(met_CBn):
        np.cumsum(met, axis=1, out=so_far_CBn[place, :, 1:])
    right_Bn = np.zeros((columns, n + 1))
    for place_B in np.argsort(middle_CB, axis=0, kind="stable"):
        so_far_Bn = so_far_CBn[place_B, np.arange(columns)]
        gain_Bn = np.where(end_Bn, right_Bn - so_far_Bn, -np.inf)
        right_Bn = so_far_Bn + np.maximum.accumulate(gain_Bn, axis=1)
    wrong_B = np.minimum(n - right_Bn[:, -1], np.count_nonzero(codes_Bn[:, 1:] != codes_Bn[:, :-1], axis=1))
    share_B = 1.0 - wrong_B / (n - int(rows.max()))
    told_B: Floats = np.maximum(share_B, _area(so_far_CBn, end_Bn)) if len(classes) == 2 else share_B
    return told_B


def _area(so_far_CBn: Floats, end_Bn: Bools) -> Floats:
    """Area [B] under the ROC curve, or over it, of two classes."""
    at_ends = np.where(end_Bn, so_far_CBn, 0.0)
    first, second = at_ends[:, :, 1:]
    first_before, second_before = np.maximum.accumulate(at_ends, axis=2)[:, :, :-1]
    steps = np.where(end_Bn[:, 1:], (second + second_before) / 2 * (first - first_before), 0.0)
    area_B = steps.sum(axis=1) / (so_far_CBn[0, :, -1] * so_far_CBn[1, :, -1])
    either_B: Floats = np.maximum(area_B, 1.0 - area_B)
    return either_B


def by_line(x_Bn: Floats, target: Floats) -> Floats:
    """How much of the target [n] a straight line of a column, or of its ranks, tells [B], within `MARGIN`."""
    order = np.argsort(x_Bn, axis=1, kind="stable")
    ordered = np.take_along_axis(x_Bn, order, axis=1)
    line_B = _correlation(x_Bn, target[None, :])
    ranks_B = _correlation(_ranks(ordered), _ranks(np.sort(target)[None, :])[0][_places(target)][order])
    return np.maximum(line_B**2, ranks_B**2)


def _places(target: Floats) -> Codes:
    """Each value's place in order."""
    places = np.empty(len(target), np.int64)
    places[np.argsort(target, kind="stable")] = np.arange(len(target))
    return places


def _ranks(ordered_Bn: Floats) -> Floats:
    """Ranks of values in ascending order; of equal ones their mean."""
    n = ordered_Bn.shape[1]
    new_Bn = np.ones(ordered_Bn.shape, np.bool_)
    new_Bn[:, 1:] = ordered_Bn[:, 1:] != ordered_Bn[:, :-1]
    last_Bn = np.roll(new_Bn, -1, axis=1)
    place = np.arange(n)
    low_Bn = np.maximum.accumulate(np.where(new_Bn, place, 0), axis=1)
    high_Bn = np.minimum.accumulate(np.where(last_Bn, place, n)[:, ::-1], axis=1)[:, ::-1]
    return (low_Bn + high_Bn) / 2 + 1.0


def _correlation(a_Bn: Floats, b_Bn: Floats) -> Floats:
    a_Bn, b_Bn = (v / np.maximum(np.abs(v).max(axis=1, keepdims=True), 1e-300) for v in (a_Bn, b_Bn))
    a_Bn, b_Bn = (v - v.mean(axis=1, keepdims=True) for v in (a_Bn, b_Bn))
    scale_B = np.sqrt((a_Bn * a_Bn).sum(axis=1) * (b_Bn * b_Bn).sum(axis=1))
    product_B = (a_Bn * b_Bn).sum(axis=1)
    found_B: Floats = np.divide(product_B, scale_B, out=np.zeros_like(product_B), where=scale_B > 0)
    return found_B
