"""Warnings of columns that a few stray words keep from being read as numbers, so that they are not learnt from so.

Which columns these may be is told by the profile; how many values are no numbers, and where the first stands, takes
another look at these columns alone. No value is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import polars as pl

from rayline.core.columns import ROW, FeatureType
from rayline.pipeline.collected import Collected
from rayline.pipeline.declared_columns import declared_columns
from rayline.prepare.row_names import row_name
from rayline.profile.profile import Profile
from rayline.report.number_texts import NumberTexts, is_key, number_texts, said
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec

TAKEN = {
    FeatureType.ID: "It is taken for an id, and not learnt from",
    FeatureType.TEXT: "It is taken for free text",
    FeatureType.CATEGORY: "It is learnt from as a category",
}
"""By the column's type, what comes of it."""


class _Strays(NamedTuple):
    """Of one column in one fragment."""

    known: int
    """Values that are not blank."""
    others: int
    """Of these, no numbers."""
    first: str
    """Where the first of them stands."""


def stray_texts(spec: Spec, source: Source, scan: Any, collected: Collected) -> list[str]:
    """A warning for each column of text of which nearly all values are numbers, and of which the spec says nothing.

    Args:
        spec: what is declared.
        source: the rows, corrected.
        scan: as that of `collect`.
        collected: what each column is taken for, and the profiles.
    """
    types = {name: FeatureType(kind) for name, (kind, _) in collected.reasons.items()}
    profiles = [profile for part, profile in sorted(collected.profiles.items()) if part >= 0]
    declared = declared_columns(spec, source) | {spec.data.target, spec.data.id, *cast(Any, spec.data.split).sets_aside}
    found = [
        texts
        for name, kind in types.items()
        if kind in TAKEN and name not in declared and name not in source.roles
        for texts in [_suspected(name, kind, profiles)]
        if texts is not None
    ]
    if not found:
        return []
    forms = {texts.column: texts.form for texts in found}

    def fold(frame: pl.DataFrame, fragment: Fragment) -> dict[str, _Strays]:
        return {name: _strays(frame, name, form, fragment) for name, form in forms.items()}

    told = scan(source, fold, columns=[*forms])
    return [
        line for texts in found for line in _warning(texts, types[texts.column], [each[texts.column] for each in told])
    ]


def looks_like_numbers(types: Mapping[str, FeatureType], profiles: Sequence[Profile]) -> list[str]:
    """Of columns of text that are not learnt from, though nearly all of their values are numbers: why, and the line.

    Args:
        types: what each column but the target is taken for.
        profiles: of the training rows.
    """
    found = [_suspected(name, kind, profiles) for name, kind in types.items() if kind is FeatureType.ID]
    return [f"{said(texts.column, texts.share)} Give {texts.line}." for texts in found if texts is not None]


def _suspected(name: str, kind: FeatureType, profiles: Sequence[Profile]) -> NumberTexts | None:
    columns = [profile.columns[name] for profile in profiles if profile.columns[name].kind == "text"]
    if not columns:
        return None
    counted = pl.concat(
        [pl.DataFrame({"value": c.values.values.cast(pl.String), "rows": c.values.rows}) for c in columns]
    )
    counted = counted.filter(pl.col("value").str.strip_chars() != "")
    values = counted["value"]
    found = number_texts(name, values, counted["rows"].to_numpy())
    if found is None or (kind is FeatureType.ID and is_key(name, values)):
        return None
    return found


def _strays(frame: pl.DataFrame, name: str, form: str, fragment: Fragment) -> _Strays:
    texts = pl.col(name).cast(pl.String)
    known = frame.select(ROW, texts).filter(texts.str.strip_chars() != "")
    others = known.filter(~pl.col(name).str.contains(form))
    first = row_name(int(others[ROW][0]), fragment.label) if others.height else ""
    return _Strays(known.height, others.height, first)


def _warning(texts: NumberTexts, kind: FeatureType, told: Sequence[_Strays]) -> list[str]:
    known, others = sum(each.known for each in told), sum(each.others for each in told)
    if not others:  # nothing but numbers, which somebody wrote as text
        return []
    first = next(each.first for each in told if each.others)
    sentence = said(texts.column, 1 - others / known, others)
    return [
        f"{sentence} {TAKEN[kind]}. The first that is no number is in {first}. To have such values missing, and the "
        f"rest numbers: {texts.line}"
    ]
