"""A column may be named as the counts of its values are."""

import polars as pl

from rayline.evaluate.slices import slice_rows
from rayline.prepare import _leakage_sides


def test_slices_and_leakage_checks_count_the_values_of_a_column_named_count() -> None:
    named = pl.Series("count", ["a", "b"] * 30)
    assert {name: len(rows) for name, rows in slice_rows(named)} == {"a": 30, "b": 30}
    assert _leakage_sides.chance(named.to_frame(), ["count"]) == 0.5
    assert _leakage_sides._differing(named) == 0.5
