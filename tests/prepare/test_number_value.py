"""Numbers as they come, as float64."""

import datetime as dt
import decimal
import math

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import DataError
from rayline.prepare.number_value import parse_number, to_floats

NAN = math.nan


@pytest.mark.parametrize(
    ("column", "floats"),
    [
        (pl.Series("x", [1, None, 3]), [1.0, NAN, 3.0]),
        (pl.Series("x", [1.5, NAN, math.inf, -math.inf]), [1.5, NAN, NAN, NAN]),
        (pl.Series("x", [True, None, False]), [1.0, NAN, 0.0]),
        (pl.Series("x", ["1", " 2.5 ", None, "", "inf", "nan", "1e3"]), [1.0, 2.5, NAN, NAN, NAN, NAN, 1000.0]),
        (pl.Series("x", [2**63 - 1, -(2**63)]), [2.0**63, -(2.0**63)]),
        (pl.Series("x", [decimal.Decimal("1.25")]), [1.25]),
        (pl.Series("x", [None, None]), [NAN, NAN]),
        (pl.Series("x", [], dtype=pl.Int64), []),
    ],
    ids=str,
)
def test_columns(column: pl.Series, floats: list[float]) -> None:
    np.testing.assert_array_equal(to_floats(column), np.array(floats))


@pytest.mark.parametrize("column", [pl.Series("x", ["1", "many"]), pl.Series("x", [dt.date(2026, 1, 1)])], ids=str)
def test_columns_that_are_no_numbers_are_refused_by_name(column: pl.Series) -> None:
    with pytest.raises(DataError, match="'x' must hold numbers, not"):
        to_floats(column)


@pytest.mark.parametrize("value", [1, 1.0, "1", " 1 ", True, np.int8(1), np.float32(1), decimal.Decimal(1)])
def test_one_value(value: object) -> None:
    assert parse_number(value, "x") == 1.0


@pytest.mark.parametrize("value", [None, "", " ", NAN, math.inf, "nan", "-inf", 10**400])
def test_one_missing_value(value: object) -> None:
    assert math.isnan(parse_number(value, "x"))


@pytest.mark.parametrize("value", ["many", [1], {}, b"1", 1j, dt.date(2026, 1, 1)])
def test_one_value_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="'x' must hold numbers"):
        parse_number(value, "x")


def test_reading_leaves_the_column_alone() -> None:
    column = pl.Series("x", [1.0, math.inf])
    to_floats(column)
    assert column.to_list() == [1.0, math.inf]


@pytest.mark.parametrize("value", ["many", [1], b"secret"])
def test_no_value_of_a_private_column_is_told(value: object) -> None:
    with pytest.raises(DataError, match="'x' must hold numbers, and a value of it is none") as told:
        parse_number(value, "x", private=True)
    assert repr(value) not in str(told.value)
    with pytest.raises(DataError) as told:
        to_floats(pl.Series("x", ["1", "many"]), private=True)
    assert "many" not in str(told.value)
