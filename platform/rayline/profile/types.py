"""What each column is to a model, and what the target asks for: inferred from a profile, with reasons to print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType, Target, Task
from rayline.core.errors import DataError, UnknownNameError, listing, nearest
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
SAID = "data.source"
"""The reason for what a source says of its columns."""
MANY_CATEGORIES = 100
MOST_CLASSES = 1000
MOST_NUMBER_CLASSES = 20
BY_KIND = {
    "number": FeatureType.NUMBER, "text": FeatureType.CATEGORY, "boolean": FeatureType.CATEGORY,
    "date": FeatureType.DATE, "sequence": FeatureType.SEQUENCE, "binary": FeatureType.DROP,
}  # fmt: skip
"""What private columns of a saved profile are taken for, of which it tells no more."""
POSITIVE = frozenset({"1", "true", "yes", "y", "t", "positive", "pos"})


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


def infer_target(
    profile: Profile,
    column: str,
    task: Task | Literal["auto"] = "auto",
    positive: str | None = None,
) -> tuple[Target, str]:
    """What is predicted, from the profile of all rows, and why, in words.

    Args:
        profile: of every row that is kept.
        column: the target's name.
        task: declared, or `auto`: two values are binary, text and up to 20 whole numbers multi-class, else regression.
        positive: the binary class whose probability is predicted; default: 1, true, yes …, else the rarer class.

    Raises:
        UnknownNameError: no such column.
        DataError: missing values, one class, too many classes, or values that do not fit the task.
    """
    if column not in profile.columns:
        raise UnknownNameError(
            f"data.target {column!r} is not a column.{nearest(column, profile.columns)} "
            f"Columns: {listing(profile.columns, 40)}."
        )
    return target_of(profile.columns[column], profile.rows, task, positive)


def target_of(
    found: ColumnProfile, rows_in_all: int, task: Task | Literal["auto"] = "auto", positive: str | None = None
) -> tuple[Target, str]:
    """What `infer_target` says, from the target's column over all rows that are kept.

    Raises:
        DataError: as `infer_target`.
    """
    column = found.name
    _refuse_unusable(found, rows_in_all)
    chosen, why = _task_of(found) if task == "auto" else (Task(task), "declared")
    if chosen is Task.REGRESSION:
        if found.kind != "number":
            raise DataError(f"target {column!r} holds {found.kind}, and regression predicts numbers. Set data.task.")
        if positive is not None:
            raise DataError(
                f"data.positive is {positive!r}, and the task is regression ({why}). Leave one of them out."
            )
        return Target(column, chosen), f"regression: {why}"
    rows = _class_rows(found)
    classes = list(rows)
    if chosen is Task.BINARY:
        if len(classes) != 2:
            raise DataError(
                f"target {column!r} has {len(classes)} classes ({listing(classes, 10)}), and a binary task has two. "
                "Set data.task: multiclass."
            )
        second, which = _positive(rows, positive, column)
        first = next(name for name in classes if name != second)
        return Target(column, chosen, (first, second), second), f"binary: {why}; {second!r} is positive ({which})"
    if positive is not None:
        raise DataError(
            f"data.positive is {positive!r}, and target {column!r} has {len(classes)} classes: only a binary task has "
            "a positive class. Leave data.positive out."
        )
    return Target(column, chosen, tuple(classes)), f"multiclass: {why}: {listing(classes, 10)}"


def _refuse_unusable(found: ColumnProfile, rows: int) -> None:
    if found.count == 0:
        raise DataError(f"target {found.name!r} has no value in any of the {rows:,} rows. Name another column.")
    if found.missing:
        infinite = f", {found.infinite:,} of them infinite" if found.infinite else ""
        raise DataError(
            f"target {found.name!r} has no value in {found.missing:,} of {rows:,} rows{infinite}. Fill them, or have "
            f"those rows set aside and named: data.expect: {{{found.name}: {{nullable: false, on: quarantine}}}}."
        )
    if found.distinct == 1:
        only = category_text(next(iter(found.counts))) or ""
        raise DataError(
            f"target {found.name!r} has one value, {only!r}, in all {rows:,} rows: "
            "there is nothing to learn. Name another column, or give rows of other classes."
        )
    if found.kind == "date":
        raise DataError(f"target {found.name!r} holds dates, which cannot be predicted. Name another column.")
    if found.kind in ("binary", "sequence"):
        what = "bytes" if found.kind == "binary" else "lists"
        raise DataError(f"target {found.name!r} holds {what}, which cannot be predicted. Name another column.")


def _task_of(found: ColumnProfile) -> tuple[Task, str]:
    classes = found.distinct if found.kind == "number" else len(_class_rows(found))
    if classes == 2:
        return Task.BINARY, "the target has two values"
    if found.kind == "text":
        return Task.MULTICLASS, f"the target is text of {classes} values"
    if is_classes(found):
        return Task.MULTICLASS, f"the target is one of {found.distinct} whole numbers"
    return Task.REGRESSION, f"the target is a number of {'about ' if found.truncated else ''}{found.distinct:,} values"


def _class_rows(found: ColumnProfile) -> dict[str, int]:
    """Class to rows, numbers in the order of numbers."""
    rows: dict[str, int] = {}
    for value, count in found.counts.items():
        text = category_text(value)
        if text is None:
            raise DataError(f"target {found.name!r} is blank in {count:,} rows. Fill it, or take those rows out.")
        rows[text] = rows.get(text, 0) + count
    if found.truncated or len(rows) > MOST_CLASSES:
        raise DataError(
            f"target {found.name!r} has {found.distinct} different values, more than the {MOST_CLASSES} classes "
            f"a model may have. {'Set data.task: regression' if found.kind == 'number' else 'Name another column'}."
        )
    if len(rows) == 1:
        raise DataError(
            f"target {found.name!r} has one class, {next(iter(rows))!r}, in every row. Name another column."
        )
    return rows


def _positive(rows: dict[str, int], declared: str | None, column: str) -> tuple[str, str]:
    """The positive class, and why."""
    classes: Sequence[str] = list(rows)
    if declared is not None:
        text = category_text(declared)
        if text not in rows:
            raise DataError(
                f"data.positive {declared!r} is not a class of {column!r}.{nearest(declared, classes)} "
                f"Classes: {listing(classes)}."
            )
        return text, "declared"
    said = [name for name in classes if name.lower() in POSITIVE]
    if said == ["1"] and not {"0", "-1"} & set(classes):  # of 1 and 2 neither says yes
        said = []
    if len(said) == 1:
        return said[0], "by its name"
    second = min(reversed(classes), key=lambda name: rows[name])
    return second, "the rarer class" if rows[classes[0]] != rows[classes[1]] else "the later of two equally frequent"
