"""Texts and columns as moments: one reading, whoever asks."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import DataError
from rayline.core.expressions import compile_expression
from rayline.core.moments import instants, unread
from rayline.prepare.split._instants import instants as split_instants
from rayline.sources._history_columns import microseconds

HOUR = 3_600_000_000
DAY = 24 * HOUR
READ: dict[str, int] = {
    "1970-01-02": DAY,
    " 1970-01-02 ": DAY,
    "1970-01-01 02:00": 2 * HOUR,
    "1970-01-01T02:00": 2 * HOUR,
    "1970-01-01T02:00Z": 2 * HOUR,
    "1970-01-01 02:00:00.5": 2 * HOUR + 500_000,
    "1970-01-01 02:00:00 Z": 2 * HOUR,
    "1970-01-01T02:00:00+02:00": 0,
    "1970-01-01T02:00+0200": 0,
    "1969-12-31 23:00:00.250000-01:00": 250_000,
}
NONE = ["02/01/1970", "1970/01/02", "2.1.1970", "1970-02-30", "noon", "19700102", "1970-01-02x", "02-01-1970"]


@pytest.mark.parametrize(("text", "wanted"), READ.items())
def test_splits_histories_and_expressions_read_alike(text: str, wanted: int) -> None:
    column = pl.Series("at", [text])
    frame = column.to_frame()
    assert instants(column).to_list() == [wanted]
    assert split_instants(column, "data.split.by").tolist() == [wanted]
    assert microseconds(frame, ["at"], "a.csv", 0).to_list() == [wanted]
    made = frame.select(compile_expression("date(at)", frame.schema))["at"]
    assert made.dt.timestamp("us").to_list() == [wanted]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_moment_is_none_to_all(text: str) -> None:
    column = pl.Series("at", ["1970-01-02", text])
    frame = column.to_frame()
    assert unread(column, instants(column)).to_list() == [False, True]
    with pytest.raises(DataError, match="'at' is text that is no ISO date or time .* in 1 row\\."):
        split_instants(column, "data.split.by")
    with pytest.raises(DataError, match="a.csv row 12: column 'at' holds no time") as caught:
        microseconds(frame, ["at"], "a.csv", 10)
    assert text not in str(caught.value)
    assert frame.select(compile_expression("date(at)", frame.schema))["at"].to_list()[1] is None


def test_missing_and_blank_texts_are_missing_times() -> None:
    column = pl.Series("at", ["1970-01-02", None, "  "])
    assert not unread(column, instants(column)).any()
    assert microseconds(column.to_frame(), ["at"], "a.csv", 0).to_list() == [DAY, None, None]
    with pytest.raises(DataError, match="'at' is missing in 2 rows"):
        split_instants(column, "data.split.by")


def test_dates_times_and_numbers_are_what_they_are() -> None:
    moment = dt.datetime(1970, 1, 1, 2)
    assert instants(pl.Series([moment.date()])).to_list() == [0]
    assert instants(pl.Series([moment], dtype=pl.Datetime("ms"))).to_list() == [2 * HOUR]
    assert instants(pl.Series([moment], dtype=pl.Datetime("us", "UTC"))).to_list() == [2 * HOUR]
    assert instants(pl.Series([7], dtype=pl.Int16)).to_list() == [7]
    assert instants(pl.Series([0.5, float("nan")])).to_list() == [0.5, None]
    assert instants(pl.Series([None])).to_list() == [None]
    assert split_instants(pl.Series([7, 9], dtype=pl.Int32), "by").dtype == np.int64
    for other in (pl.Series([True]), pl.Series([[1.0]]), pl.Series([dt.timedelta(1)])):
        with pytest.raises(TypeError, match="is no time"):
            instants(other)
