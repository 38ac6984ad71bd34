"""What is odd about rows, about columns together, and about the target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rayline.core import catalog
from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType
from rayline.core.shown import counted
from rayline.profile.association import Association
from rayline.profile.coverage import Coverage
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile
from rayline.profile.types import FEW_ROWS, Decision, is_classes
from rayline.report.alert import Alert
from rayline.report.cards import shown_columns, top_values
from rayline.report.gaps import missing_together
from rayline.report.gather import together
from rayline.report.named_rows import named_rows
from rayline.report.notation import amount, listed, percent, short
from rayline.report.spec_lines import clean, feature, line
from rayline.report.text_alerts import PLACEHOLDERS

HIGH_CORRELATION = 0.9
LEAST_CORRELATION = 0.75
"""What the lower end of its interval must be, for few rows are correlated by chance."""
TELLS_ALL = 0.98
TELLS_NEARLY_ALL = 0.8
"""Of information, which bins lose some of."""
RARE_CLASS = 0.1
MOST_NAMED = 30
MOST_PAIRS = 5
"""Pairs of columns that are told of one by one."""
TOGETHER = 0.05


def of_target(profile: Profile, target: str | None, associated: Sequence[Association]) -> list[Alert]:
    """What is odd about the target, and about what goes with it."""
    return [*_target(profile, target), *_leaks(associated)]


def of_rows(
    profile: Profile, target: str | None, covered: Sequence[Coverage], decisions: Mapping[str, Decision]
) -> list[Alert]:
    """In the order: repeated rows, columns together, groups."""
    pairs = _pairs(profile, target, decisions)
    return [*_repeats(profile, target), *pairs, *_together(profile), *_time(profile), *_groups(covered)]


def _target(profile: Profile, target: str | None) -> Iterator[Alert]:
    if target is None or target not in profile.columns or target in profile.private:
        return
    column = profile.columns[target]
    if column.missing:
        text = f"The target {target} is missing in {counted(column.missing)}, which cannot be learnt from."
        advice = line(("data", "expect", target), {"nullable": False, "on": "quarantine"})
        yield Alert(target, "no target", text, "bad", advice)
    held = sorted(v for v in column.counts if isinstance(v, str) and v.strip().lower() in PLACEHOLDERS)
    if held:
        text = f"The target {target} says {listed([repr(v) for v in held[:4]])}, which may mean that it is not known."
        yield Alert(target, "placeholder", text, "bad", clean("missing", target, values=held))
    if column.distinct < 2 or column.truncated or not is_classes(column):
        return
    value, share = min(top_values(profile, column), key=lambda one: one[1])
    if share < min(RARE_CLASS, 0.5 / column.distinct):
        rows = column.counts[value]
        text = f"{target} is {short(value)!r} in {percent(share)} of the rows ({amount(rows)}): a rare class."
        weights = next((name for name in catalog.names("balance") if "weight" in name), None)
        split = line(("data", "split"), "stratified")
        yield Alert(target, "rare class", text, "warn", line(("prepare", "balance"), weights) if weights else split)


def _leaks(associated: Sequence[Association]) -> Iterator[Alert]:
    for one in associated:
        if one.rows >= FEW_ROWS and (abs(one.value) > TELLS_ALL or one.information > TELLS_NEARLY_ALL):
            text = f"{one.column} alone tells the target nearly always: is it known when a prediction is asked for?"
            yield Alert(one.column, "tells the target", text, "bad", feature(one.column, "drop"))


def _repeats(profile: Profile, target: str | None) -> Iterator[Alert]:
    if profile.repeats is None or not profile.rows:
        return
    found = profile.repeats.found(profile.rows)
    about = "" if found.exact else "about "
    if found.duplicates:
        share = percent(found.duplicates / profile.rows)
        verb = "repeats" if found.duplicates == 1 else "repeat"
        text = f"{about}{counted(found.duplicates)} ({share}) {verb} another row."
        yield Alert("", "duplicates", text[0].upper() + text[1:], "warn", line(("prepare", "duplicates"), "drop"))
    if found.conflicts and target is not None:
        rows = "; ".join(map(listed, named_rows([group[:3] for group in found.conflicting[:3]])))
        text = (
            f"{about}{amount(found.conflicts)} rows are alike in every feature and differ in {target} (such as rows "
            f"{rows}): at least {about}{amount(found.wrong)} of these labels are wrong, or a feature is lacking."
        )
        features = [name for name in profile.columns if name != target]
        advice = line(("prepare", "duplicates"), {"name": "exact", "columns": features})
        text = text[0].upper() + text[1:]
        if len(features) > MOST_NAMED:
            advice = ""
        else:
            text += " The suggested rule keeps the first row of each such group, whatever its label."
        yield Alert("", "label conflicts", text, "warn", advice)


def _pairs(profile: Profile, target: str | None, decisions: Mapping[str, Decision]) -> Iterator[Alert]:
    found = profile.correlations()
    table = np.triu(np.nan_to_num(np.abs(found.matrix_FF)), k=1)
    rows = profile.gram.select(found.columns).count_FF
    table[(rows < FEW_ROWS) | (_at_least(table, rows) < LEAST_CORRELATION)] = 0.0
    for place, name in enumerate(found.columns):
        if name == target or decisions[name].type is FeatureType.ID:
            table[place, :] = table[:, place] = 0.0
    places = np.argwhere(table > HIGH_CORRELATION)
    order = sorted(places.tolist(), key=lambda place: -table[place[0], place[1]])
    pairs = [(found.columns[one], found.columns[other], found.matrix_FF[one, other]) for one, other in order]
    told = [(first, second, f"{value:.2f}".replace("-", "−")) for first, second, value in pairs]
    if len(told) > MOST_PAIRS:
        names = listed([f"{first} and {second} ({value})" for first, second, value in told], 2 * MOST_PAIRS, 120)
        # of each cluster its first column stays, for that is the second of no pair
        again = [name for name in found.columns if name in {second for _, second, _ in told}]
        text = f"{amount(len(told))} pairs of columns say nearly the same (by their correlation): {names}."
        yield Alert(again[0], "correlated", text, "warn", together(feature(again[0], "drop"), again), tuple(again[1:]))
        return
    for first, second, value in told:
        text = f"{first} and {second} say nearly the same (correlation {value})."
        yield Alert(second, "correlated", text, "warn", feature(second, "drop"))


def _at_least(correlations: FloatArray, rows: FloatArray) -> FloatArray:
    """The lower ends of the 99% intervals of correlations from so many rows (Fisher's z, 1921)."""
    z = np.arctanh(np.minimum(correlations, 1 - 1e-12)) - 2.576 / np.sqrt(np.maximum(rows - 3, 1e-12))
    return np.asarray(np.tanh(z))


def _together(profile: Profile, most: int = 3) -> Iterator[Alert]:
    told = 0
    for names, rows in missing_together(profile, 50):
        if told < most and 1 < len(names) <= MOST_NAMED and rows > TOGETHER * profile.rows:
            told += 1
            text = f"{listed(names, 6)} are missing together in {counted(rows)} ({percent(rows / profile.rows)})."
            advice = line(("prepare", "clean"), {"name": "flags", "columns": [names[0]]})
            yield Alert("", "missing together", text, "", advice)


def _time(profile: Profile) -> Iterator[Alert]:
    for column in shown_columns(profile):
        if column.kind == "date" and column.missing == 0 and column.distinct > max(20, math.sqrt(profile.rows)):
            order = profile.sample[column.name].to_physical().diff().drop_nulls()
            if len(order) and bool((order >= 0).all()):
                text = f"Rows come in the order of {column.name}: later rows would teach about earlier ones."
                yield Alert(
                    column.name,
                    "in order of time",
                    text,
                    "warn",
                    line(("data", "split"), {"name": "time", "by": column.name}),
                )
                return


def _groups(covered: Sequence[Coverage]) -> Iterator[Alert]:
    for one in covered:
        if len(one.columns) > 1 and all(group.population is None for group in one.groups):
            continue
        # what a population was declared for was asked for: it comes first, what is farthest from it before the rest
        order = sorted(one.groups, key=lambda g: math.inf if g.population is None else -abs(g.share - g.population))
        said = [warning for group in order for warning in group.warnings]
        name = one.name
        for warning in said[:3]:
            tagged = name if len(one.columns) == 1 else ""
            yield Alert(tagged, "groups", f"{name}: {warning}.", "warn", line(("evaluate", "slices"), [*one.columns]))
        if len(one.columns) > 1:
            continue
        rates = [
            group
            for group in one.groups
            if group.rate is not None and not group.warnings and group.rate_low is not None
        ]
        if len(rates) > 1 and one.rate_of is not None and one.rate_of.startswith("share"):
            low, high = min(rates, key=lambda g: g.rate or 0.0), max(rates, key=lambda g: g.rate or 0.0)
            if (low.rate_high or 0.0) < (high.rate_low or 0.0) and (high.rate or 0.0) > 1.25 * (low.rate or 0.0):
                text = (
                    f"{name}: the {one.rate_of} is {percent(low.rate)} among {short(category_text(low.value))} and "
                    f"{percent(high.rate)} among {short(category_text(high.value))}."
                )
                yield Alert(name, "unequal", text, "warn", line(("evaluate", "slices"), [name]))
