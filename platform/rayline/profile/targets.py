"""What a target asks for: its task and classes, inferred from its column, with reasons to print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rayline.core.category_text import category_text
from rayline.core.columns import Target, Task
from rayline.core.errors import DataError, UnknownNameError, listing, nearest
from rayline.profile.column import ColumnProfile
from rayline.profile.profile import Profile
from rayline.profile.types import MOST_CLASSES, is_classes

POSITIVE = frozenset({"1", "true", "yes", "y", "t", "positive", "pos"})


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
