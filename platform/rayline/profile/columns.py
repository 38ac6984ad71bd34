"""Every column of a frame measured: its statistics, its distinct values, and co-moments of the number columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array
from rayline.profile import inner, moments, wide
from rayline.profile.column import ColumnProfile, Kind
from rayline.profile.ends import ends_of
from rayline.profile.moments import Gram

GRAM_COLUMNS = 512
"""Number columns, the first so many, between which co-moments are kept."""


def measure_columns(
    frame: pl.DataFrame, kinds: Mapping[str, Kind], infinite: Mapping[str, int], hashes: UInt64Array
) -> tuple[dict[str, ColumnProfile], Gram]:
    """The profile of each column, and the co-moments of the first 512 number columns.

    Args:
        frame: rows with ROW, without infinite numbers.
        kinds: what each column but ROW is counted as, in order.
        infinite: rows with an infinite number, by column, where there were some.
        hashes: of the rows [n], by which samples are chosen.
    """
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    blocks = [numbers[at : at + GRAM_COLUMNS] for at in range(0, len(numbers), GRAM_COLUMNS)]
    grams = [moments.measure(frame, block) for block in blocks] or [moments.empty(())]
    mean = {name: value for gram in grams for name, value in zip(gram.columns, np.diag(gram.mean_FF), strict=True)}
    square = {name: value for gram in grams for name, value in zip(gram.columns, np.diag(gram.square_FF), strict=True)}
    ends = ends_of(frame, [name for name, kind in kinds.items() if kind in ("number", "date")])
    rows = frame[ROW].to_numpy()
    counted = wide.count_together(frame, numbers)
    schema = frame.schema
    dtypes = {dtype: "String" if dtype == pl.Categorical else str(dtype) for dtype in set(schema.values())}
    columns = {}
    for name, kind in kinds.items():
        column = frame[name]
        values, within = (counted[name], None) if name in counted else inner.measure(kind, column, rows, hashes)
        lacking = column.null_count()
        count = frame.height - lacking
        moment = kind == "number" and count > 0
        columns[name] = ColumnProfile(
            name=name,
            dtype=dtypes[schema[name]],
            kind=kind,
            count=count,
            missing=lacking,
            infinite=infinite.get(name, 0),
            minimum=ends.get(name, (None, None))[0],
            maximum=ends.get(name, (None, None))[1],
            mean=float(mean[name]) if moment else None,
            variance=float(square[name]) / count if moment else None,
            values=values,
            inner=within,
        )
    return columns, grams[0]
