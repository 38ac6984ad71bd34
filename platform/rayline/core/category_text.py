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
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.errors import DataError

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
    raise DataError(f"{value!r} cannot be a category. Give text, a number, true, false or null.")


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


def encoded_texts(column: pl.Series) -> tuple[pl.Series, npt.NDArray[np.uint32]]:
    """The texts of a column (without nulls) that keeps each once, by their code, and each row's code.

    Codes that no row has stand for any text.
    """
    codes = column.to_physical().to_numpy()
    # codes are small numbers, so that a row of each is found by writing, not by hashing
    some_row = np.zeros(int(codes.max()) + 1 if len(codes) else 0, np.int64)
    some_row[codes] = np.arange(len(codes))
    return column[some_row].cast(pl.String), codes


def _of_encoded(column: pl.Series) -> tuple[list[str | None], npt.NDArray[np.int32]]:
    there = column.is_not_null().to_numpy()
    by_code, codes = encoded_texts(column.drop_nulls())
    met = [category_text(text) for text in by_code.to_list()]
    used = np.bincount(codes, minlength=len(met)) > 0
    known = sorted({text for text, seen in zip(met, used.tolist(), strict=True) if seen and text is not None})
    place = {text: n for n, text in enumerate(known)}
    missing = len(known)
    table = np.array([place.get(text or "", missing) for text in met], dtype=np.int32)
    rows = np.full(len(column), missing, dtype=np.int32)
    rows[there] = table[codes]
    return [*known, None], rows


def plain(column: pl.Series) -> pl.Series:
    """The column with Polars' own encodings of text undone and NaN as null."""
    if column.dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if column.dtype.is_float():
        return column.fill_nan(None)
    return column
