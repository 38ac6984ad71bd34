"""Exact duplicates: the first by position stays."""

import math

import numpy as np
import polars as pl
from sklearn.datasets import load_wine

from rayline.core.columns import ROW
from rayline.prepare.duplicates import exact


def with_rows(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.Series(ROW, np.arange(frame.height)))


def find(*frames: pl.DataFrame, columns: tuple[str, ...] = ()) -> list[int]:
    duplicates = exact.Config(columns=columns).build()
    return duplicates.find([duplicates.index(frame) for frame in frames]).tolist()


def test_the_first_stays() -> None:
    data = with_rows(pl.DataFrame({"a": [1, 2, 1, 1, 3, 2], "b": ["x", "y", "x", "z", None, "y"]}))
    assert find(data) == [2, 5]


def test_missing_values_are_equal_and_so_are_nans_and_zeros() -> None:
    data = with_rows(pl.DataFrame({"a": [None, None, math.nan, math.nan, 0.0, -0.0]}))
    assert find(data) == [1, 3, 5]


def test_columns_are_told_apart() -> None:
    data = with_rows(pl.DataFrame({"a": ["x", "y", "", None], "b": ["y", "x", None, ""]}))
    assert find(data) == []


def test_order_and_size_of_fragments_do_not_matter() -> None:
    wine = pl.DataFrame(load_wine().data)
    data = with_rows(pl.concat([wine, wine[20:40], wine[::2]]))
    expected = find(data)
    assert expected == list(range(wine.height, data.height))
    pieces = [data[a : a + 37] for a in range(0, data.height, 37)]
    assert find(*pieces[::-1]) == expected


def test_a_grid_of_small_numbers_has_no_collision() -> None:
    a, b = np.divmod(np.arange(1_000_000), 1000)
    hashes = exact.row_hashes(pl.DataFrame({"a": a, "b": b}))
    assert hashes["high"].n_unique() == hashes["low"].n_unique() == 1_000_000
    assert (
        abs(np.corrcoef(hashes["high"].to_numpy().astype(float), hashes["low"].to_numpy().astype(float))[0, 1]) < 0.01
    )
