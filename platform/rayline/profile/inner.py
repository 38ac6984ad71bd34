"""What is within a column's values, by the kind of column: text, bytes (images and sounds), lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile import media, sequences, texts
from rayline.profile.values import Rows, Values, count_all, count_lowest, count_values, count_weighted, merge_values


def measure(kind: str, column: pl.Series, rows: Rows, hashes: UInt64Array) -> tuple[Values, dict[str, Any] | None]:
    """The distinct values of a column and what is within them; `rows` [n] are its ROW numbers, `hashes` [n] of them."""
    if kind == "binary":
        return count_values(media.hash_bytes(column)), media.measure(column, rows, hashes)
    if kind == "sequence":
        return count_values(sequences.hash_lists(column)), sequences.measure(column)
    if kind != "text":
        return count_values(column), None
    counted = count_all(column)
    values = count_lowest(column) if counted is None else count_weighted(*counted)
    return values, texts.measure(*(counted or (column.drop_nulls(), None)), words=values.truncated)


def merge(kind: str, parts: Sequence[tuple[dict[str, Any] | None, Values]], values: Values) -> dict[str, Any] | None:
    """Of all parts together, given each part's distinct values and those of all."""
    found = [inner for inner, _ in parts if inner is not None]
    if len(found) < len(parts):
        return None  # a profile saved before this was measured
    if kind == "binary":
        return media.merge(found)
    if kind == "sequence":
        return sequences.merge(found)
    merged = texts.merge(found)
    if values.truncated:
        merged["vocabulary"] = merge_values([texts.vocabulary(inner, its) for inner, its in parts if inner is not None])
    return merged
