"""Expectations that good data suggests: what `rayline profile --suggest` writes for `data.expect`, for people to read.

What is said holds of the profiled rows (of the sample, where there are more rows than it keeps). Of a private column
no value is told: neither range nor values nor form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType
from rayline.profile.column import ColumnProfile
from rayline.profile.profile import Profile
from rayline.profile.shapes import pattern_of
from rayline.profile.types import FEW_ROWS, ISO_DATE, Decision, infer

MOST_ALLOWED = 20
"""Different texts that are still listed one by one, ..."""
ROWS_EACH = 10
"""... where each occurs in so many rows on average; else new ones are to be expected."""
MARGIN = 0.25
"""How far a number may lie beyond those seen, as a share of their span."""
MOST_DIGITS = 300
"""Before or behind the point, beyond which nothing is rounded."""
CHANGE = 0.5
"""How much the number of rows may differ from one run to the next."""


def suggest(
    profile: Profile, *, target: str | None = None, decisions: Mapping[str, Decision] | None = None
) -> dict[str, dict[str, Any]]:
    """What may be expected of every column, in the form of `data.expect`; plain values, ready for YAML.

    Args:
        profile: of good rows.
        target: the column that is predicted: it has no missing values, and its classes are listed.
        decisions: what each column is; default: as `types.infer` has it.

    >>> frame = pl.DataFrame({"age": [20 + i % 40 for i in range(60)], "__row__": range(60)})
    >>> from rayline.profile.profile import profile_frame
    >>> suggest(profile_frame(frame, seed=0))["age"]
    {'type': 'integer', 'min': 10, 'max': 69, 'nullable': False}
    """
    decisions = decisions or infer(profile)
    made: dict[str, dict[str, Any]] = {}
    for name, column in profile.columns.items():
        said = _of(profile, column, decisions[name].type, is_target=name == target)
        if said:
            made[name] = said
    made["*"] = {"rows": {"change": CHANGE}}
    return made


def _of(profile: Profile, column: ColumnProfile, kind: FeatureType, *, is_target: bool) -> dict[str, Any]:
    if not column.count or not profile.rows:
        return {}
    values = profile.sample[column.name].drop_nulls()
    if column.kind == "text":
        values = values.str.strip_chars()
        values = values.filter(values != "")
    said: dict[str, Any] = {}
    if column.kind in ("number", "text", "boolean", "date"):
        said["type"] = _type(column, values)
    open_ = column.name not in profile.private
    unique = kind is FeatureType.ID and bool((column.values.rows == 1).all())
    if open_ and not unique:
        said |= _values(column, values, kind, is_target=is_target)
    said |= _missing(profile, column, values)
    if open_ and column.kind == "text" and "allowed" not in said and said["type"] == "text":
        pattern = pattern_of(values) if kind is not FeatureType.TEXT else None
        if pattern is not None:
            said["pattern"] = pattern
    if unique:
        said["unique"] = True
    if said.get("type") == "date" and _increases(values):
        said["increasing"] = True
    return _in_order(said)


def _type(column: ColumnProfile, values: pl.Series) -> str:
    if column.kind == "number":
        whole = column.dtype.startswith(("Int", "UInt"))
        whole = whole or (not column.truncated and all(float(value).is_integer() for value in column.counts))
        return "integer" if whole else "number"
    if column.kind == "text" and len(values) and values.str.contains(ISO_DATE.pattern).all():
        dates = values.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        return "date" if not dates.null_count() else "text"
    return column.kind


def _values(column: ColumnProfile, values: pl.Series, kind: FeatureType, *, is_target: bool) -> dict[str, Any]:
    """The range of numbers, or the values of few."""
    if column.truncated or not len(values):
        few: list[str] = []
    else:
        texts = {category_text(value) for value in column.counts} if column.kind in ("text", "number") else set()
        few = sorted(text for text in texts if text is not None)
    enough = is_target or column.count >= ROWS_EACH * len(few)
    if column.kind == "text" and 0 < len(few) <= MOST_ALLOWED and kind is not FeatureType.DATE and enough:
        return {"allowed": few}
    if column.kind != "number":
        return {}
    # two numbers are a flag; more are a scale, which has values between and beyond
    classes = is_target and _type(column, values) == "integer" and len(few) <= MOST_ALLOWED
    if few and column.count >= ROWS_EACH * len(few) and (classes or len(few) <= 2):
        return {"allowed": [_number(text) for text in sorted(few, key=float)]}
    return _range(column)


def _range(column: ColumnProfile) -> dict[str, Any]:
    low, high = column.minimum, column.maximum
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    margin = MARGIN * (float(high) - float(low))
    if not math.isfinite(margin):
        return {}
    whole = column.dtype.startswith(("Int", "UInt"))
    least = _rounded(float(low) - margin, margin, down=True)
    most = _rounded(float(high) + margin, margin, down=False)
    # what was never negative stays so, and shares stay shares
    least = max(least, 0.0) if low >= 0 else least
    most = min(most, 0.0) if high <= 0 else most
    most = 1.0 if not whole and low >= 0 and 0.5 < high <= 1 else most
    if whole:
        return {"min": math.floor(least), "max": math.ceil(most)}
    return {"min": least, "max": most}


def _rounded(value: float, margin: float, *, down: bool) -> float:
    """`value`, rounded away from the numbers seen, to a digit that is small beside the margin."""
    if margin == 0 or value == 0:
        return value
    digits = 1 - math.floor(math.log10(margin))
    if abs(digits) > MOST_DIGITS or not math.isfinite(value * 10.0**digits):
        return value
    scale = 10.0**digits
    return (math.floor(value * scale) if down else math.ceil(value * scale)) / scale


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _missing(profile: Profile, column: ColumnProfile, values: pl.Series) -> dict[str, Any]:
    share = column.missing / profile.rows
    if column.kind == "text":  # a blank is no value
        share += (profile.sample[column.name].drop_nulls().len() - len(values)) / max(profile.sample.height, 1)
    if share == 0:
        return {"nullable": False}
    if share >= 1:
        return {}
    # three standard errors of a share among as many rows, and half as much again
    spread = 3 * math.sqrt(share * (1 - share) / profile.rows)
    return {"missing_share": min(1.0, math.ceil(100 * (1.5 * share + spread)) / 100)}


def _increases(values: pl.Series) -> bool:
    """Whether dates never fall, in the order of the rows."""
    if len(values) < FEW_ROWS or values.n_unique() < 3:
        return False
    if values.dtype == pl.String and values.str.len_chars().n_unique() > 1:
        return False  # of several forms, whose texts do not sort as their dates do
    return (
        bool((values.diff().drop_nulls().dt.total_microseconds() >= 0).all())
        if values.dtype.is_temporal()
        else (values.is_sorted())
    )


ORDER = ("type", "min", "max", "allowed", "nullable", "pattern", "unique", "increasing", "missing_share")


def _in_order(said: dict[str, Any]) -> dict[str, Any]:
    return {key: said[key] for key in ORDER if key in said}
