"""What each column is to a model: inferred from a profile, with reasons to print."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from rayline.core.columns import FeatureType
from rayline.profile.column import ColumnProfile
from rayline.profile.profile import Profile

ID_NAME = re.compile(r"(?i:(^|[^a-z])(ids?|uuid|guid|key|index|rowid|row|no|nr|number|#)$)|[a-z](Id|ID|Uuid|UUID)$")
ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$")
TEXT_WORDS = 4.0
"""Mean words from which values that seldom repeat are free text."""
SELDOM = 0.5
"""Distinct values for each row above which values seldom repeat."""
FEW_ROWS = 20
"""Below this many rows, values that all differ say little."""
SAID = "data.source says so"
"""The reason for what a source says of its columns."""
MANY_CATEGORIES = 100
MOST_CLASSES = 1000
MOST_NUMBER_CLASSES = 20
BY_KIND = {
    "number": FeatureType.NUMBER, "text": FeatureType.CATEGORY, "boolean": FeatureType.CATEGORY,
    "date": FeatureType.DATE, "sequence": FeatureType.SEQUENCE, "binary": FeatureType.DROP,
}  # fmt: skip
"""What private columns of a saved profile are taken for, of which it tells no more."""


@dataclass(frozen=True)
class Decision:
    """A column's type, and why, in words."""

    type: FeatureType
    reason: str


def infer(profile: Profile, said: Mapping[str, FeatureType] | None = None) -> dict[str, Decision]:
    """The type of every column of the profiled rows.

    Args:
        profile: of the rows.
        said: what columns are by the source's own word (`Source.roles`), whatever values they hold; but free text that
            says nothing is dropped.
    """
    found = {}
    sampled = set(profile.sample.columns)
    for name, column in profile.columns.items():
        if name in sampled:
            found[name] = _decide(column, profile.sample)
        else:
            found[name] = Decision(BY_KIND[column.kind], "private: by its kind alone")
        kind = (said or {}).get(name)
        if kind is FeatureType.ID or (kind is not None and found[name].type is not FeatureType.DROP):
            found[name] = Decision(kind, SAID)
    return found


def is_classes(column: ColumnProfile) -> bool:
    """Whether a target with the values of `column` is a class rather than a number."""
    if column.kind != "number" or column.distinct == 2:
        return True
    few = not column.truncated and column.distinct <= MOST_NUMBER_CLASSES
    return few and all(float(value).is_integer() for value in column.counts)


def _decide(column: ColumnProfile, sample: pl.DataFrame) -> Decision:
    if column.kind == "binary" and column.count:
        return _decide_bytes(column)
    if column.count == 0:
        return Decision(FeatureType.DROP, "every value is missing" + (" or infinite" if column.infinite else ""))
    if column.distinct == 1 and (column.kind == "number" or column.missing == 0):
        return Decision(FeatureType.DROP, "every value is the same")
    if column.kind == "boolean":
        return Decision(FeatureType.CATEGORY, "true or false")
    if column.kind == "date":
        return Decision(FeatureType.DATE, "dates")
    if column.kind == "sequence":
        lengths = (column.inner or {}).get("lengths", {"minimum": 0, "maximum": 0})
        if not lengths["maximum"]:
            return Decision(FeatureType.DROP, "every list is empty")
        same = lengths["minimum"] == lengths["maximum"]
        span = f"{lengths['maximum']}" if same else f"{lengths['minimum']} to {lengths['maximum']}"
        return Decision(FeatureType.SEQUENCE, f"lists of {span} numbers")
    if column.kind == "number":
        return _decide_number(column, sample)
    return _decide_text(column)


def _decide_bytes(column: ColumnProfile) -> Decision:
    inner = column.inner or {}
    if column.distinct == 1 and column.missing == 0 and column.count > 1:
        return Decision(FeatureType.DROP, "every value is the same")
    broken = f", {inner['broken']} broken" if inner.get("broken") else ""
    if inner.get("what") not in ("image", "audio") or inner["broken"] == column.count:
        return Decision(FeatureType.DROP, "bytes of no known kind of image or sound, by their first few")
    formats = ", ".join(f"{name} {rows}" for name, rows in inner["formats"].items())
    what, kind = ("images", FeatureType.IMAGE) if inner["what"] == "image" else ("sounds", FeatureType.AUDIO)
    return Decision(kind, f"encoded {what} by their first bytes ({formats}{broken})")


def _decide_number(column: ColumnProfile, sample: pl.DataFrame) -> Decision:
    if _all_differ(column) and column.missing == 0 and not column.dtype.startswith("Float"):
        span = int(column.maximum or 0) - int(column.minimum or 0)
        if ID_NAME.search(column.name):
            return Decision(FeatureType.ID, "whole numbers that all differ, named like an id")
        if span == column.count - 1 and (column.count >= FEW_ROWS or _monotone(sample[column.name])):
            return Decision(FeatureType.ID, "whole numbers that count the rows")
        if column.count >= FEW_ROWS and _monotone(sample[column.name]):
            return Decision(FeatureType.ID, "whole numbers that all differ, in the order of the rows")
    return Decision(FeatureType.NUMBER, "numbers")


def _decide_text(column: ColumnProfile) -> Decision:
    if is_dates(column):
        return Decision(FeatureType.DATE, "text in the form of ISO dates")
    seldom = column.distinct > SELDOM * column.count and column.count >= FEW_ROWS
    words = _mean_words(column)
    if words >= TEXT_WORDS and (seldom or column.distinct > MOST_CLASSES):
        return Decision(FeatureType.TEXT, f"free text, {words:.0f} words on average")
    if _all_differ(column) and column.count >= FEW_ROWS:
        return Decision(FeatureType.ID, "text that differs in every row")
    if seldom and column.distinct > MANY_CATEGORIES:
        return Decision(FeatureType.ID, f"text that differs in nearly every row ({column.distinct:,} values)")
    return Decision(FeatureType.CATEGORY, f"text of {column.distinct:,} value{'s' if column.distinct > 1 else ''}")


def is_dates(column: ColumnProfile) -> bool:
    """Whether every text of a column, or every one of those counted, has the form of an ISO date."""
    values = column.values.values
    few = values.head(100)  # most columns are told by these
    return bool(few.str.contains(ISO_DATE.pattern).all() and values.str.contains(ISO_DATE.pattern).all())


def _mean_words(column: ColumnProfile) -> float:
    """Words of a text on average: of all rows, or in profiles saved before they were counted of the counted values."""
    if column.inner is not None:
        return float(column.inner["words"]["mean"])
    words = column.values.values.str.count_matches(r"\S+").to_numpy()
    return float(np.average(words, weights=column.values.rows))


def _all_differ(column: ColumnProfile) -> bool:
    return bool((column.values.rows == 1).all()) and (column.truncated or column.distinct == column.count)


def _monotone(values: pl.Series) -> bool:
    steps = values.diff().drop_nulls()
    return bool((steps > 0).all()) or bool((steps < 0).all())
