"""What is odd about single columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rayline.core.columns import FeatureType
from rayline.core.shown import counted
from rayline.profile.outliers import outliers
from rayline.profile.profile import ColumnProfile, Profile
from rayline.profile.types import FEW_ROWS, ID_NAME, Decision, infer
from rayline.report.alert import Alert
from rayline.report.cards import sample_numbers, shown_columns, spread, top_values
from rayline.report.media_alerts import lists, media
from rayline.report.notation import amount, listed, number, percent, short
from rayline.report.spec_lines import clean, feature, inline, line, step
from rayline.report.unit_texts import unit_texts

MANY_MISSING = 0.2
MOSTLY_MISSING = 0.6
IMBALANCED = 0.95
SKEWED = 3.0
MANY_OUTLIERS = 0.05
MANY_CATEGORIES = 100
NEARLY_ALL = 0.97
PLACEHOLDERS = frozenset({"?", "-", "--", "n/a", "na", "nan", "null", "none", "nil", "unknown", "missing", "#n/a", "."})
SENTINELS = (-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999)
SEVERAL = 3
GATHERED = {
    "placeholder": "hold what may mean missing",
    "numbers as text": "are text, and nearly all of their values read as numbers",
    "units": "are text, and nearly all of their values are a number with a unit",
    "blank": "are blank in some rows",
    "date": "hold dates, which are set aside unless their parts are asked for",
    "spelling": "spell some of their categories in more than one way",
}
"""By tag, what is said of several columns at once."""
NUMBER_FORMS: tuple[tuple[dict[str, str], re.Pattern[str]], ...] = (
    ({}, re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")),
    ({"thousands": ","}, re.compile(r"\s*[+-]?\d{1,3}(,\d{3})*(\.\d+)?\s*")),
    ({"decimal": ","}, re.compile(r"\s*[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?\s*")),
    ({"decimal": ",", "thousands": "."}, re.compile(r"\s*[+-]?\d{1,3}(\.\d{3})*(,\d+)?\s*")),
    ({"thousands": " "}, re.compile(r"\s*[+-]?\d{1,3}( \d{3})*(\.\d+)?\s*")),
    ({"decimal": ",", "thousands": " "}, re.compile(r"\s*[+-]?\d{1,3}( \d{3})*(,\d+)?\s*")),
)
"""How texts write numbers: options of the cleaner `cast`, and what it then reads."""


def find(profile: Profile, target: str | None) -> list[Alert]:
    """Of every column that is not private, in the order of the data; of the target only what concerns a target."""
    types = infer(profile)
    found: list[Alert] = []
    for column in shown_columns(profile):
        if column.name != target:
            found += _column(profile, column, types[column.name])
    return _gathered(found)


def _gathered(found: Sequence[Alert]) -> list[Alert]:
    """With what is true of many columns told once."""
    alike: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in found:
        if alert.tag in GATHERED:
            alike[alert.tag, _without(alert.line)].append(alert)
    told: list[Alert] = []
    for alert in found:
        same = alike.get((alert.tag, _without(alert.line)), []) if alert.tag in GATHERED else []
        if len(same) < SEVERAL:
            told.append(alert)
        elif alert is same[0]:
            names = [one.column for one in same]
            text = f"{len(names)} columns {GATHERED[alert.tag]}: {listed(names, 12)}."
            gathered = alert.line.replace(f"columns: {inline([names[0]])}", f"columns: {inline(names)}")
            told.append(replace(alert, text=text, line=gathered, others=tuple(names[1:])))
    return told


def _without(advice: str) -> str:
    """A suggested line without the column it names."""
    return re.sub(r"columns: \[.*?\]", "", advice)


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
        value = short(next(iter(column.counts)))
        text = f"{name} is {value} wherever it is known: nothing can be learnt from it."
        yield Alert(name, "constant", text, "bad", feature(name, "drop"))
        return
    if decision.type is FeatureType.DATE:
        text = f"{name} holds dates, which are set aside unless their parts are asked for."
        yield Alert(name, "date", text, "", clean("dates", name))
        return
    measured = _measured(column, decision)
    if measured is None:
        yield from _ids(column, decision)
    else:
        yield measured
    if column.kind in ("text", "boolean"):
        value, share = top_values(profile, column)[0]
        if share > IMBALANCED:
            text = f"{name} is {short(value)!r} in {percent(share)} of the rows."
            yield Alert(name, "imbalanced", text, "warn", feature(name, "drop"))
    if column.kind == "text":
        yield from _texts(column, decision, measured=measured is not None)
    if column.kind == "number" and decision.type is FeatureType.NUMBER:
        yield from _numbers(profile, column)


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
    yield Alert(name, "many missing", text, "warn", advice)


def _ids(column: ColumnProfile, decision: Decision) -> Iterator[Alert]:
    name = column.name
    if column.kind == "text" and decision.type is FeatureType.TEXT:
        words = (column.inner or {}).get("words", {}).get("mean")
        text = f"{name} is free text{f' of {words:.0f} words on average' if words else ''}, set aside unless asked for."
        yield Alert(name, "free text", text, "", line(("prepare", "texts"), "tokens"))
    elif column.distinct >= NEARLY_ALL * column.count and column.count > FEW_ROWS:
        if column.kind == "text":
            text = f"{name} is different in nearly every row, like an id or free text."
            yield Alert(name, "id-like", text, "warn", feature(name, "id"))
        elif column.kind == "number" and "Int" in column.dtype:
            text = f"{name} is a different whole number in nearly every row, like an id."
            yield Alert(name, "id-like", text, "warn", feature(name, "id"))
    elif (
        column.kind in ("text", "number")
        and "Float" not in column.dtype
        and ID_NAME.search(name)
        and 2 * column.distinct <= column.count
        and column.distinct > 0.01 * column.count
    ):
        each = column.count / column.distinct
        text = f"{name} names {amount(column.distinct)} things of {each:.1f} rows each: no two parts may share one."
        yield Alert(name, "groups", text, "warn", line(("data", "split"), {"name": "group", "by": name}))
    elif column.kind == "text" and decision.type is FeatureType.CATEGORY and column.distinct > MANY_CATEGORIES:
        text = f"{name} has {amount(column.distinct)} categories: a number for each learnt from the target is smaller."
        yield Alert(name, "many categories", text, "", step(name, "encode", "target"))


def _measured(column: ColumnProfile, decision: Decision) -> Alert | None:
    """That texts are numbers with units, of which neither words nor categories would know which is more."""
    if column.kind != "text" or decision.type is FeatureType.DATE:
        return None
    held = _placeholders(column)
    found = unit_texts({value: rows for value, rows in column.counts.items() if value not in held and value.strip()})
    if found is None:
        return None
    name = column.name
    text = f"{name} is text, and {percent(found.share)} of its values are a number with a unit ({listed(found.units)})."
    return Alert(name, "units", text, "warn", clean("units", name, **found.options))


def _placeholders(column: ColumnProfile) -> list[str]:
    """Texts that may mean missing, the commonest first."""
    counts = column.counts
    return sorted((value for value in counts if value.strip().lower() in PLACEHOLDERS), key=lambda v: -counts[v])


def _texts(column: ColumnProfile, decision: Decision, *, measured: bool) -> Iterator[Alert]:
    name, counts = column.name, column.counts
    held = _placeholders(column)
    if held:
        rows = sum(counts[value] for value in held)
        text = f"{name} says {listed([repr(v) for v in held[:4]])} in {counted(rows)}, which may mean missing."
        yield Alert(name, "placeholder", text, "warn", clean("missing", name, values=held[:8]))
    rest = [value for value in counts if value not in held and value.strip()]
    if rest and decision.type is not FeatureType.DATE and not measured:
        read = [sum(counts[v] for v in rest if form.fullmatch(v)) for _, form in NUMBER_FORMS]
        options = NUMBER_FORMS[read.index(max(read))][0]
        as_numbers = max(read) / max(1, sum(counts[v] for v in rest))
        if as_numbers > 0.9:
            text = f"{name} is text, and {percent(as_numbers)} of its values read as numbers."
            cast = clean("cast", name, to="number", **options, unparsable="missing")
            yield Alert(name, "numbers as text", text, "warn", cast)
    blank = (column.inner or {}).get("empty", 0)
    if blank:
        text = f"{name} is blank in {counted(blank)}."
        yield Alert(name, "blank", text, "warn", clean("missing", name, values=[""]))
    if not column.truncated and decision.type is FeatureType.CATEGORY and not measured:
        spellings = defaultdict(list)
        for value in rest:
            spellings[" ".join(value.lower().split())].append(value)
        twice = [values for values in spellings.values() if len(values) > 1]
        if twice:
            shown = listed([repr(short(v, 20)) for v in twice[0][:3]])
            text = f"{name} spells {amount(len(twice))} of its categories in more than one way, such as {shown}."
            yield Alert(name, "spelling", text, "warn", clean("spelling", name, others="plain"))


def _numbers(profile: Profile, column: ColumnProfile) -> Iterator[Alert]:
    name, lies = column.name, spread(sample_numbers(profile, column.name))
    far = outliers(profile, name)
    if lies is None or far is None:
        return
    ends = [value for value in SENTINELS if value in (column.minimum, column.maximum)]
    for value in ends:
        rows = column.counts.get(value, 0)
        beyond = value < far.low or value > far.high
        if beyond and rows > max(5, 0.002 * column.count):
            text = f"{name} is {number(value)} in {counted(rows)}, far from all else: it may mean missing."
            yield Alert(name, "placeholder", text, "warn", clean("missing", name, values=[value]))
            break
    zeros = float((sample_numbers(profile, name) == 0).mean())
    if zeros > 0.5:
        text = f"{name} is 0 in {percent(zeros)} of the rows."
        yield Alert(name, "mostly zero", text, "", step(name, "scale", "maxabs"))
    elif abs(lies.skew) > SKEWED:
        side = "right" if lies.skew > 0 else "left"
        text = f"{name} is skewed to the {side} (skewness {number(round(lies.skew, 1))})."
        yield Alert(name, "skewed", text, "", step(name, "scale", "power"))
    if far.beyond > MANY_OUTLIERS:
        fences = f"{number(far.low)} to {number(far.high)}"
        text = f"{name} has {percent(far.beyond)} of its values far out, beyond {fences}."
        yield Alert(name, "outliers", text, "", step(name, "outliers", "quantile"))
