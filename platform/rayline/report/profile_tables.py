"""The tables of a profile's page, ready to print: what goes with the target, repeats, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rayline.profile.association import Association
from rayline.profile.coverage import FEW, Coverage, coverage
from rayline.profile.population import MISSING
from rayline.profile.profile import Profile
from rayline.profile.telling import TellingWord
from rayline.profile.types import is_classes
from rayline.report.named_rows import named_rows
from rayline.report.notation import amount, number, percent, short
from rayline.report.tables import Range

_BARS = 30
_GROUPS = 16
_ANSWERED, _ANSWERS = 6, 8
"""Features by which the target is shown, and groups of each."""
_TELLS = 0.05


def association_bars(associated: Sequence[Association]) -> dict[str, Any] | None:
    """A bar a feature: its size of correlation and its share of information, the strongest first."""
    if not associated:
        return None
    bars = [
        {
            "name": one.column,
            "measure": one.measure,
            "value": f"{one.value:.2f}".replace("-", "−"),
            "length": round(100 * abs(one.value), 1),
            "against": one.value < 0,
            "information": percent(one.information),
            "share": round(100 * one.information, 1),
        }
        for one in associated[:_BARS]
    ]
    return {"bars": bars, "left": max(0, len(associated) - _BARS)}


def repeat_facts(profile: Profile, target: str | None) -> dict[str, Any] | None:
    """Repeated rows and label conflicts, with the first of them by number."""
    if profile.repeats is None:
        return None
    found = profile.repeats.found(profile.rows)
    return {
        "about": "" if found.exact else "about ",
        "duplicates": amount(found.duplicates),
        "share": percent(found.duplicates / max(profile.rows, 1)),
        "duplicated": ", ".join(named_rows([found.duplicated])[0]),
        "conflicts": amount(found.conflicts) if target is not None and found.conflicts else "",
        "wrong": amount(found.wrong),
        "conflicting": [" and ".join(group) for group in named_rows([group[:4] for group in found.conflicting])],
        "any": bool(found.duplicates or found.conflicts),
        "groups": found.groups,
    }


def answer_tables(profile: Profile, target: str | None, associated: Sequence[Association]) -> list[dict[str, Any]]:
    """How a number or one of two classes varies with the features that go most with it: a table each."""
    if target is None or (is_classes(profile.columns[target]) and profile.columns[target].distinct > 2):
        return []
    strong = [one.column for one in associated if one.strength >= _TELLS]
    names = [name for name in strong if profile.columns[name].kind != "date"][:_ANSWERED]
    tables = coverage_tables([coverage(profile, [name], target=target)[0] for name in names], most=_ANSWERS)
    # whom the rows cover is not asked here, and how sure a rate is its interval tells
    return [{**one, "rows": [{**row, "warning": ""} for row in one["rows"]]} for one in tables]


def word_tables(telling: Mapping[str, Mapping[str, Sequence[TellingWord]]]) -> list[dict[str, Any]]:
    """A table a text column: the words that tell each class of the target, with how often each is met."""
    return [
        {
            "name": name,
            "classes": [
                {
                    "name": short(label),
                    "words": [
                        {"word": short(one.word), "share": percent(one.share), "elsewhere": percent(one.elsewhere)}
                        for one in words
                    ],
                }
                for label, words in classes.items()
            ],
        }
        for name, classes in telling.items()
    ]


def coverage_tables(covered: Sequence[Coverage], most: int = _GROUPS) -> list[dict[str, Any]]:
    """A table a column (or several together): rows, share with its interval, population, rate with its interval."""
    tables = []
    for one in covered:
        rates = [group.rate for group in one.groups if group.rate is not None]
        # the interval of a group of a few rows would leave the others no room
        firm = [group for group in one.groups if group.rows >= FEW] or one.groups
        ends = [end for g in firm for end in (g.rate, g.rate_low, g.rate_high) if end is not None]
        share_of = one.rate_of is not None and one.rate_of.startswith("share")
        low, high = (0.0, max([*ends, 0.01])) if share_of else (min(ends, default=0.0), max(ends, default=1.0))
        widest = max((max(g.share, g.population or 0.0) for g in one.groups), default=1.0) or 1.0
        rows = [
            {
                "value": short(group.value),
                "quiet": group.value == MISSING,
                "rows": amount(group.rows),
                "share": percent(group.share),
                "width": round(100 * group.share / widest, 1),
                "population": "" if group.population is None else percent(group.population),
                "mark": None if group.population is None else round(100 * group.population / widest, 1),
                "rate": "" if group.rate is None else percent(group.rate) if share_of else number(group.rate),
                "range": _range(group.rate, group.rate_low, group.rate_high, low, high, one.whole),
                "warning": "; ".join(group.warnings),
            }
            for group in one.groups[:most]
        ]
        tables.append(
            {
                "name": one.name,
                "rate_of": one.rate_of if rates and one.rate_of else "",
                "populated": any(group.population is not None for group in one.groups),
                "rows": rows,
                "left": max(0, len(one.groups) - most),
                "sampled": one.sampled,
            }
        )
    return tables


def _range(
    rate: float | None, low: float | None, high: float | None, least: float, most: float, whole: float | None
) -> Range | None:
    """An interval on a track from `least` to `most`, in per cent of its width."""
    if rate is None or most <= least:
        return None

    def part(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - least) / (most - least))), 2)

    start, end = part(rate if low is None else low), part(rate if high is None else high)
    marked = None if whole is None else part(whole)
    return Range(start, round(end - start, 2), part(rate), marked)
