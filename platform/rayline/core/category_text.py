"""The one text by which a category's value is known, whatever it came as: CSV, Parquet, JSON.

    "Private" → Private     True, "True" → true     1, 1.0, "1" → 1     1.5 → 1.5     " a " → a
    None, "", NaN, inf → missing

Vocabularies hold these texts, and both forms of a preparation look values up by them, so that a column of
integers in training is met by a JSON number or a JSON string alike. Texts are left as they are written but for
space around them and the case of true and false: the text "01" is not the number 1.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.errors import DataError
from rayline.core.shown import shown

_BOOLEANS = frozenset({"true", "false"})


def category_text(value: Any) -> str | None:
    """The text of one value, `None` where it is missing. The text of a text is itself.

    Raises:
        DataError: a value that cannot be a category, such as a list.

    >>> [category_text(v) for v in ("a", True, 3, 3.0, 0.5, float("nan"))]
    ['a', 'true', '3', '3', '0.5', None]
    """
    if isinstance(value, str):
        text = value.strip()
        lowered = text.lower()
        return lowered if lowered in _BOOLEANS else text or None
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating | decimal.Decimal):
        return _number_text(value)
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"  # as profiles spell it
    if isinstance(value, dt.date):
        return value.isoformat()
    raise DataError(f"{shown(value)} cannot be a category. Give text, a number, true, false or null.")


def _number_text(value: float | np.floating[Any] | decimal.Decimal) -> str | None:
    if not math.isfinite(value):
        return None
    if value == int(value):
        return str(int(value))
    # NumPy's float32 prints its own shortest text: 0.1, where Python would print 0.10000000149011612
    return (
        str(value)
        if isinstance(value, np.floating)
        else repr(value)
        if isinstance(value, float)
        else f"{value.normalize():f}"
    )


def category_texts(column: pl.Series) -> tuple[list[str | None], npt.NDArray[np.int32]]:
    """The distinct texts of a column of n rows (`None` for missing, always the last), and each row's place in them.

    Raises:
        DataError: the column's type cannot be a category.
    """
    if column.dtype == pl.Categorical:
        return _of_encoded(column)
    values = plain(column)
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"column {column.name!r} of type {values.dtype} cannot be a category. Give text, numbers or booleans."
        )
    distinct = values.drop_nulls().unique()
    scalars = distinct.to_numpy() if distinct.dtype == pl.Float32 else distinct.to_list()
    try:
        met = [category_text(value) for value in scalars]
    except DataError as error:
        raise DataError(f"column {column.name!r}: {error}") from None
    texts: list[str | None] = [*sorted({text for text in met if text is not None})]
    place = {text: n for n, text in enumerate(texts)}
    missing = len(texts)
    codes = np.array([missing if text is None else place[text] for text in met], dtype=np.int32)
    texts.append(None)
    if not len(distinct):
        return texts, np.full(len(column), missing, dtype=np.int32)
    looked_up = values.replace_strict(distinct, pl.Series(codes), default=missing, return_dtype=pl.Int32)
    return texts, looked_up.to_numpy()


class Encoded(NamedTuple):
    """A column of n rows that keeps each of its d texts once."""

    texts: pl.Series
    """Those that a row has [d], in the order of their codes."""
    rows: npt.NDArray[np.int64]
    """How many rows have each [d]."""
    of_text: npt.NDArray[np.int64]
    """The code of each [d]."""
    codes: npt.NDArray[np.intp]
    """Each row's code [n]; where its text is missing the one after all others, `beyond`."""
    beyond: int


FIRST_ROWS = 8_192
"""Among which most codes have a row already."""


def encoded_texts(column: pl.Series) -> Encoded:
    """The texts of a categorical column and the code of each row.

    Codes are small numbers: they are counted, and found again, by place, which takes a fraction of hashing them.
    """
    physical = column.to_physical()
    beyond = int(physical.max() or 0) + 1  # type: ignore[arg-type]
    codes = (physical.fill_null(beyond) if physical.null_count() else physical).to_numpy()
    codes = codes.astype(np.intp)  # once: counting and looking up would do so each
    counts = np.bincount(codes, minlength=beyond + 1)
    met = np.flatnonzero(counts[:beyond])
    some_row = np.full(beyond + 1, -1, np.int64)
    some_row[codes[:FIRST_ROWS]] = np.arange(min(FIRST_ROWS, len(codes)))
    if len(met) and some_row[met].min() < 0:
        some_row[codes] = np.arange(len(codes))
    return Encoded(column[some_row[met]].cast(pl.String), counts[met].astype(np.int64), met, codes, beyond)


def _of_encoded(column: pl.Series) -> tuple[list[str | None], npt.NDArray[np.int32]]:
    found = encoded_texts(column)
    met = [category_text(text) for text in found.texts.to_list()]
    known = sorted({text for text in met if text is not None})
    place = {text: n for n, text in enumerate(known)}
    table = np.full(found.beyond + 1, len(known), dtype=np.int32)
    table[found.of_text] = [place.get(text or "", len(known)) for text in met]
    return [*known, None], np.take(table, found.codes)


def plain(column: pl.Series) -> pl.Series:
    """The column with Polars' own encodings of text undone and NaN as null."""
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if column.dtype.is_float():
        return column.fill_nan(None)
    return column
