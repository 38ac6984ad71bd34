"""One text for a category's value, whatever it came as."""

import datetime as dt
import decimal
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayline.core.category_text import category_text, category_texts
from rayline.core.errors import DataError

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.sampled_from(["True", "FALSE", " a ", "1.0", "01", ""]),
    st.dates(),
    st.datetimes(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Private", "Private"),
        (" Private ", "Private"),
        (True, "true"),
        (np.bool_(False), "false"),
        ("True", "true"),
        ("FALSE", "false"),
        (1, "1"),
        (np.int32(-4), "-4"),
        (1.0, "1"),
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (0.5, "0.5"),
        (1e-7, "1e-07"),
        (np.float32(0.1), "0.1"),
        (decimal.Decimal("2.00"), "2"),
        (decimal.Decimal("2.50"), "2.5"),
        ("1.0", "1.0"),
        ("01", "01"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3), "2026-01-02 03:00:00.000000"),
        (None, None),
        ("", None),
        ("  ", None),
        (math.nan, None),
        (-math.inf, None),
    ],
)
def test_text_of_one_value(value: object, text: str | None) -> None:
    assert category_text(value) == text


@given(SCALARS)
def test_the_text_of_a_text_is_itself(value: object) -> None:
    text = category_text(value)
    assert category_text(text) == text


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"bytes", 1j, object()])
def test_what_cannot_be_a_category_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="cannot be a category"):
        category_text(value)


COLUMNS = [
    pl.Series("c", ["a", " a", None, "", "True", "true", "z"]),
    pl.Series("c", [3, 1, None, 1]),
    pl.Series("c", [3.0, 1.5, None, math.nan, math.inf, -0.0, 0.0]),
    pl.Series("c", [0.1, 0.3, None, 2.0], dtype=pl.Float32),
    pl.Series("c", [True, None, False]),
    pl.Series("c", ["x", None, "y"], dtype=pl.Categorical),
    pl.Series("c", ["x", None, "y"], dtype=pl.Enum(["y", "x"])),
    pl.Series("c", [dt.date(2026, 1, 2), None]),
    pl.Series("c", [dt.datetime(2026, 1, 2, 3), None]),
    pl.Series("c", [decimal.Decimal("1.50"), None, decimal.Decimal("2.00")]),
    pl.Series("c", [None, None]),
    pl.Series("c", [], dtype=pl.String),
]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda c: str(c.dtype))
def test_a_column_has_the_texts_of_its_values(column: pl.Series) -> None:
    texts, codes = category_texts(column)
    values = column.to_numpy() if column.dtype == pl.Float32 else column.to_list()
    assert [texts[code] for code in codes] == [category_text(value) for value in values]
    assert texts[-1] is None
    assert texts[:-1] == sorted(set(texts[:-1]))
    assert codes.dtype == np.int32


def test_a_column_of_lists_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="'tags'.*cannot be a category"):
        category_texts(pl.Series("tags", [[1], [2]]))
