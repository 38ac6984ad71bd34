"""What is odd about single columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rayline.core.columns import FeatureType
from rayline.core.shown import counted
from rayline.profile.outliers import outliers
from rayline.profile.population import FEW_NUMBERS
from rayline.profile.profile import ColumnProfile, Profile
from rayline.profile.types import FEW_ROWS, ID_NAME, SAID, Decision
from rayline.report.alert import Alert
from rayline.report.card_bars import sample_numbers
from rayline.report.cards import shown_columns, skewness, top_values
from rayline.report.gather import gathered
from rayline.report.media_alerts import lists, media
from rayline.report.notation import amount, number, percent, short
from rayline.report.spec_lines import clean, feature, line, step
from rayline.report.text_alerts import NUMBERS, measured_in_units, texts

MANY_MISSING = 0.2
MOSTLY_MISSING = 0.6
IMBALANCED = 0.95
SKEWED = 3.0
MANY_OUTLIERS, TOO_MANY_OUTLIERS = 0.05, 0.25
"""Of more than that, which is another hump and no tail, nothing is said."""
MANY_CATEGORIES = 100
NEARLY_ALL, NAMED_SO = 0.97, 0.8
"""Distinct values for each row from which a column is like an id; and one that is named so."""
SENTINELS = (-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999)
COMMONEST = 100
"""Values looked at besides those counted, where not all are."""


def find(profile: Profile, target: str | None, decisions: Mapping[str, Decision]) -> list[Alert]:
    """Of every column that is neither private nor the target, in the order of the data."""
    found: list[Alert] = []
    for column in shown_columns(profile):
        if column.name != target:
            found += _column(profile, column, decisions[column.name])
    return gathered(found)


def _column(profile: Profile, column: ColumnProfile, decision: Decision) -> Iterator[Alert]:
    name = column.name
    if not column.count:
        yield Alert(name, "empty", f"{name} has no value at all.", "bad", feature(name, "drop"))
        return
    yield from _missing(profile, column)
    if column.kind == "binary":
        yield from media(column)
        return
    if column.kind == "sequence":
        yield from lists(column)
        return
    if column.distinct == 1:
        yield _constant(column, decision)
        return
    if decision.type is FeatureType.DATE:
        text = f"{name} holds dates, which are set aside unless their parts are asked for."
        yield Alert(name, "date", text, "", clean("dates", name))
        return
    counts = _counts(profile, column) if column.kind == "text" else {}
    in_units = measured_in_units(column, decision, counts)
    told = [*_ids(column, decision)] if in_units is None else [in_units]
    like_id = "id-like" in {one.tag for one in told}
    odd: list[Alert] = []
    if column.kind == "text":
        odd = [*texts(column, decision, counts, in_units=in_units is not None, like_id=like_id)]
    if NUMBERS in {one.tag for one in odd}:  # quantities that differ are no ids
        told = [one for one in told if one.tag != "id-like"]
    yield from told
    if column.kind in ("text", "boolean"):
        value, share = top_values(profile, column)[0]
        if share > IMBALANCED:
            text = f"{name} is {short(value)!r} in {percent(share)} of {_of(column)}."
            yield Alert(name, "imbalanced", text, "warn", feature(name, "drop"), detail=percent(share))
    yield from odd
    # how the numbers of an id lie says nothing
    if column.kind == "number" and decision.type is FeatureType.NUMBER and not like_id:
        yield from _numbers(profile, column)


def _constant(column: ColumnProfile, decision: Decision) -> Alert:
    name, value = column.name, short(next(iter(column.counts)))
    if decision.type is FeatureType.DROP:
        text = f"{name} is {value} wherever it is known: nothing can be learnt from it."
        return Alert(name, "constant", text, "bad", feature(name, "drop"))
    text = f"{name} is {value} wherever it is known: only whether it is known can tell anything."
    return Alert(name, "constant", text, "warn", line(("prepare", "clean"), {"name": "flags", "columns": [name]}))


def _missing(profile: Profile, column: ColumnProfile) -> Iterator[Alert]:
    name, share = column.name, column.missing / profile.rows
    if column.infinite:
        text = f"{name} holds {amount(column.infinite)} infinite numbers; they count as missing."
        yield Alert(name, "infinite", text, "warn", step(name, "impute", {"name": "median", "indicator": True}))
    if share <= MANY_MISSING:
        return
    text = f"{name} is missing in {percent(share)} of the rows."
    if share > MOSTLY_MISSING:
        advice = feature(name, "drop")
    elif column.kind == "number":
        advice = step(name, "impute", {"name": "median", "indicator": True})
    elif column.kind in ("text", "boolean"):
        advice = step(name, "impute", {"name": "constant", "value": "unknown"})
    else:
        advice = line(("data", "expect", name), {"missing_share": round(share + 0.05, 2), "on": "warn"})
    yield Alert(name, "many missing", text, "warn", advice, detail=percent(share))


def _counts(profile: Profile, column: ColumnProfile) -> dict[Any, int]:
    """Values and their rows: all, or where not all are counted those that are and the commonest."""
    return {**dict(profile.top(column.name, COMMONEST)), **column.counts} if column.truncated else column.counts


def _of(column: ColumnProfile) -> str:
    """Of what a share of a column's values is one."""
    return "its values" if column.missing else "the rows"


def _ids(column: ColumnProfile, decision: Decision) -> Iterator[Alert]:
    name = column.name
    least = NAMED_SO if ID_NAME.search(name) else NEARLY_ALL
    if column.kind == "text" and decision.type is FeatureType.TEXT:
        words = (column.inner or {}).get("words", {}).get("mean")
        text = f"{name} is free text{f' of {words:.0f} words on average' if words else ''}, set aside unless asked for."
        told = f"{words:.0f} words" if words else ""
        yield Alert(name, "free text", text, "", line(("prepare", "texts"), "tokens"), detail=told)
    elif column.distinct >= least * column.count and column.count > FEW_ROWS and decision.reason != SAID:
        if column.kind == "text" or (column.kind == "number" and "Int" in column.dtype):
            yield _like_an_id(column, decision)
    elif (
        column.kind in ("text", "number")
        and "Float" not in column.dtype
        and (ID_NAME.search(name) or (decision.type is FeatureType.ID and column.kind == "text"))
        and 2 * column.distinct <= column.count
        and column.distinct > 0.01 * column.count
    ):
        each = column.count / column.distinct
        text = f"{name} names {amount(column.distinct)} things of {each:.1f} rows each: no two parts may share one."
        yield Alert(name, "groups", text, "warn", line(("data", "split"), {"name": "group", "by": name}))
    elif column.kind == "text" and decision.type is FeatureType.CATEGORY and column.distinct > MANY_CATEGORIES:
        text = f"{name} has {amount(column.distinct)} categories: a number for each learnt from the target is smaller."
        yield Alert(name, "many categories", text, "", step(name, "encode", "target"))


def _like_an_id(column: ColumnProfile, decision: Decision) -> Alert:
    differs = (
        f"{column.name} is {'different' if column.kind == 'text' else 'a different whole number'} in nearly every row"
    )
    if decision.type is FeatureType.ID:
        return Alert(column.name, "id-like", f"{differs}: it is taken for an id, and is no input.", "")
    return Alert(column.name, "id-like", f"{differs}, like an id.", "warn", feature(column.name, "id"))


def _numbers(profile: Profile, column: ColumnProfile) -> Iterator[Alert]:
    name, values = column.name, sample_numbers(profile, column.name)
    far = outliers(profile, name)
    if far is None or column.distinct == 2:  # two numbers are a flag
        return
    ends = [value for value in SENTINELS if value in (column.minimum, column.maximum)]
    for value in ends:
        rows = _counts(profile, column).get(value, 0)
        beyond = value < far.low or value > far.high
        if beyond and rows > max(5, 0.002 * column.count):
            text = f"{name} is {number(value)} in {counted(rows)}, far from all else: it may mean missing."
            yield Alert(name, "placeholder", text, "warn", clean("missing", name, values=[value]))
            break
    zeros, skew = float((values == 0).mean()), skewness(values)
    if zeros > 0.5:
        text = f"{name} is 0 in {percent(zeros)} of {_of(column)}."
        yield Alert(name, "mostly zero", text, "", step(name, "scale", "maxabs"), detail=percent(zeros))
    elif abs(skew) > SKEWED:
        side = "right" if skew > 0 else "left"
        text = f"{name} is skewed to the {side} (skewness {number(round(skew, 1))})."
        yield Alert(name, "skewed", text, "", step(name, "scale", "power"), detail=number(round(skew, 1)))
    few = not column.truncated and column.distinct <= FEW_NUMBERS
    if few and _whole(column) and column.count >= FEW_ROWS * column.distinct and not ID_NAME.search(name):
        text = (
            f"{name} is one of {column.distinct} whole numbers: where they are names, and neither counts nor measures, "
            "it is a category."
        )
        advice = feature(name, "category")
        yield Alert(name, "few numbers", text, "", advice, detail=amount(column.distinct))
    if MANY_OUTLIERS < far.beyond < TOO_MANY_OUTLIERS and not few:
        fences = f"{number(far.low)} to {number(far.high)}"
        text = f"{name} has {percent(far.beyond)} of its values far out, beyond {fences}."
        yield Alert(name, "outliers", text, "", step(name, "outliers", "quantile"), detail=percent(far.beyond))


def _whole(column: ColumnProfile) -> bool:
    return all(float(value).is_integer() for value in column.counts)
