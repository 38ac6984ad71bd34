"""A record to show people what a request holds: of each column a value that is typical of the golden rows, so that it
is nobody's row; where the model refuses such a mix, a golden row as it is (private columns are in neither).

candidates(signature, golden rows, bins) → the typical record; then the golden rows; then what is declared of columns
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType, InputColumn, Signature
from rayline.profile.bins import Bins, CategoryBins, NumberBins

_WHOLE = 2.0**53
"""Up to here a whole number in a float64 is exact."""


def candidates(signature: Signature, rows: pl.DataFrame, bins: Mapping[str, Bins]) -> Iterator[dict[str, Any]]:
    """Records as JSON has them, the most telling first; the last is of values that are allowed one by one.

    Args:
        signature: what a request must hold.
        rows: golden rows, as the source has them; columns that are private are not among them.
        bins: of the columns that reach the model as requests give them.
    """
    allowed = {column.name: _allowed(column, bins.get(column.name)) for column in signature.inputs}
    known = [column for column in signature.inputs if column.name in rows.columns]
    if rows.height:
        yield allowed | {column.name: _typical(column, rows[column.name]) for column in known}
        for row in rows.iter_rows(named=True):
            yield allowed | {column.name: _as_json(row[column.name], column) for column in known}
    yield allowed


def _typical(column: InputColumn, values: pl.Series) -> Any:
    """The middle number, the most frequent text, the first of anything else; `None` where all are missing."""
    there = [value for value in (_as_json(value, column) for value in values.to_list()) if value is not None]
    if not there:
        return None
    if column.type is FeatureType.NUMBER:
        return sorted(there)[(len(there) - 1) // 2]
    if column.type in (FeatureType.CATEGORY, FeatureType.TEXT):
        (first, _), *_ = Counter(map(category_text, there)).most_common(1)
        return next(value for value in there if category_text(value) == first)
    return there[0]


def _as_json(value: Any, column: InputColumn) -> Any:
    """A value of a frame as a request holds it."""
    if isinstance(value, str) and column.type is FeatureType.NUMBER:  # a file's, which may be lenient
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < _WHOLE else value
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_as_json(item, column) for item in value]
    return value


def _allowed(column: InputColumn, bins: Bins | None) -> Any:
    """A value in the middle of what training held, within what is declared."""
    if column.allowed:
        return column.allowed[0] if column.type is not FeatureType.NUMBER else _as_json(column.allowed[0], column)
    if column.type is not FeatureType.NUMBER:
        if isinstance(bins, CategoryBins) and bins.values:
            return bins.values[0]
        return None if column.nullable else [] if column.type is FeatureType.SEQUENCE else ""
    value: float | None = bins.edges[len(bins.edges) // 2] if isinstance(bins, NumberBins) and bins.edges else None
    if value is None:
        value = None if column.nullable else 0.0
    if value is not None:
        value = max(value, column.minimum) if column.minimum is not None else value
        value = min(value, column.maximum) if column.maximum is not None else value
        value = int(value) if value == int(value) or column.value_type == "integer" else round(value, 6)
    return value
