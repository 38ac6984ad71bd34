"""What is odd about the texts of a column: numbers written as text, units, what may mean missing, spellings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import FeatureType
from rayline.core.shown import counted
from rayline.profile.profile import ColumnProfile
from rayline.profile.types import Decision
from rayline.report.alert import Alert
from rayline.report.notation import amount, listed, percent, short
from rayline.report.number_texts import is_key, number_texts, said
from rayline.report.spec_lines import clean
from rayline.report.unit_texts import unit_texts

PLACEHOLDERS = frozenset({"?", "-", "--", "n/a", "na", "nan", "null", "none", "nil", "unknown", "missing", "#n/a", "."})
NUMBERS = "numbers as text"


def measured_in_units(column: ColumnProfile, decision: Decision, counts: Mapping[Any, int]) -> Alert | None:
    """That texts are numbers with units, of which neither words nor categories would know which is more."""
    if column.kind != "text" or decision.type is FeatureType.DATE:
        return None
    held = _placeholders(counts)
    found = unit_texts({value: rows for value, rows in counts.items() if value not in held and value.strip()})
    if found is None:
        return None
    name = column.name
    text = f"{name} is text, and {percent(found.share)} of its values are a number with a unit ({listed(found.units)})."
    return Alert(name, "units", text, "warn", clean("units", name, **found.options))


def _placeholders(counts: Mapping[Any, int]) -> list[str]:
    """Texts that may mean missing, the commonest first."""
    return sorted((value for value in counts if value.strip().lower() in PLACEHOLDERS), key=lambda v: -counts[v])


def texts(
    column: ColumnProfile, decision: Decision, counts: Mapping[Any, int], *, in_units: bool, like_id: bool = False
) -> Iterator[Alert]:
    """What is odd; `like_id`: the column differs in nearly every row, so that digits may be a key of their rows."""
    name = column.name
    held = _placeholders(counts)
    if held:
        rows = sum(counts[value] for value in held)
        text = f"{name} says {listed([repr(v) for v in held[:4]])} in {counted(rows)}, which may mean missing."
        yield Alert(name, "placeholder", text, "warn", clean("missing", name, values=held[:8]))
    rest = [value for value in counts if value not in held and value.strip()]
    if rest and decision.type is not FeatureType.DATE and not in_units:
        values = pl.Series(rest, dtype=pl.String)
        found = number_texts(name, values, np.array([counts[v] for v in rest], np.int64))
        if found is not None and not (like_id and is_key(name, values)):
            yield Alert(name, NUMBERS, said(name, found.share), "warn", found.line)
    blank = (column.inner or {}).get("empty", 0)
    if blank:
        text = f"{name} is blank in {counted(blank)}."
        yield Alert(name, "blank", text, "warn", clean("missing", name, values=[""]))
    if not column.truncated and decision.type is FeatureType.CATEGORY and not in_units:
        spellings = defaultdict(list)
        for value in rest:
            spellings[" ".join(value.lower().split())].append(value)
        twice = [values for values in spellings.values() if len(values) > 1]
        if twice:
            shown = listed([repr(short(v, 20)) for v in twice[0][:3]])
            text = f"{name} spells {amount(len(twice))} of its categories in more than one way, such as {shown}."
            yield Alert(name, "spelling", text, "warn", clean("spelling", name, others="plain"))
