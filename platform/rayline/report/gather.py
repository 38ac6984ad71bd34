"""What is true of many columns, told once: forty columns with gaps are one thing to do, not forty."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rayline.report.alert import Alert
from rayline.report.notation import listed
from rayline.report.spec_lines import inline

SEVERAL = 3
"""Columns from which on they are told of together."""
MOST = 12
"""Columns that are named in words, and …"""
MOST_NAMED = 50
"""… in a line, which would else be pages long."""
SAID = {
    "blank": "are blank in some rows",
    "constant": "have one value wherever they are known",
    "date": "hold dates, which are set aside unless their parts are asked for",
    "empty": "have no value at all",
    "few numbers": "hold few different whole numbers each: where they are names, and neither counts nor measures, "
    "they are categories",
    "free text": "are free text, set aside unless asked for",
    "gaps": "lack elements within their lists",
    "id-like": "are different in nearly every row, like ids",
    "imbalanced": "have one value in nearly all of their rows",
    "lengths": "have lists of many lengths",
    "many missing": "are missing in many rows",
    "mostly zero": "are 0 in most rows",
    "numbers as text": "are text, and nearly all of their values read as numbers",
    "outliers": "have many of their values far out",
    "placeholder": "hold what may mean missing",
    "skewed": "are skewed",
    "spelling": "spell some of their categories in more than one way",
    "units": "are text, and nearly all of their values are a number with a unit",
}
"""By tag, what is said of several columns at once."""
LISTED = re.compile(r"columns: \[.*?\]")
KEYED = re.compile(r'(prepare\.columns|data\.features)\.(?:"(?:[^"\\]|\\.)*"|[\w-]+)(.*)')
"""A suggested line that names its column in its key, and what follows the name."""


def gathered(found: Sequence[Alert]) -> list[Alert]:
    """The alerts, with what is true of several columns, and answered by the same line, told where it comes first."""
    alike: dict[tuple[str, str, str], list[Alert]] = defaultdict(list)
    for alert in found:
        alike[_sort(alert)].append(alert)
    told: list[Alert] = []
    for alert in found:
        same = alike[_sort(alert)]
        if alert.tag not in SAID or len(same) < SEVERAL:
            told.append(alert)
        elif alert is same[0]:
            told.append(_together(same))
    return told


def _sort(alert: Alert) -> tuple[str, str, str]:
    """What alerts that are told together share: all but the column."""
    return alert.tag, alert.tone, LISTED.sub("", KEYED.sub(r"\1\2", alert.line))


def _together(same: Sequence[Alert]) -> Alert:
    first, names = same[0], [one.column for one in same]
    figures = [f"{one.column} ({one.detail})" if one.detail else one.column for one in same]
    text = f"{len(names)} columns {SAID[first.tag]}: {listed(figures, MOST)}."
    return replace(first, text=text, line=together(first.line, names), others=tuple(names[1:]), detail="")


def together(line: str, columns: Sequence[str]) -> str:
    """The line that says of all `columns` what `line` says of one; of very many what says it of all of their type.

    Empty where there is no such line.

    >>> together("prepare.columns.a.impute: {name: median}", ["a", "on"])
    "prepare.columns: {a: {impute: {name: median}}, 'on': {impute: {name: median}}}"
    >>> together("data.features.a: drop", ["a", "b"])
    'data.features: {a: drop, b: drop}'
    >>> together("prepare.clean: {name: blank, columns: [a]}", ["a", "b"])
    'prepare.clean: {name: blank, columns: [a, b]}'
    """
    keyed = KEYED.fullmatch(line)
    if len(columns) > MOST_NAMED and (keyed is not None or LISTED.search(line)):
        return _of_type(keyed.group(2)) if keyed is not None and keyed.group(1) == "prepare.columns" else ""
    if keyed is None:
        return LISTED.sub(lambda _: f"columns: {inline([*columns])}", line)
    prefix, rest = keyed.groups()
    value = f"{{{rest[1:]}}}" if rest.startswith(".") else rest.removeprefix(": ")
    return f"{prefix}: {{{', '.join(f'{inline([name])[1:-1]}: {value}' for name in columns)}}}"


def _of_type(rest: str) -> str:
    """The step of all numbers, or of all categories where it fills them with one value."""
    return f"prepare.{'categories' if 'name: constant' in rest else 'numbers'}{rest}"
