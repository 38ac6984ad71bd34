"""The page of a profile: every column with its plot, what is odd, what goes together, and whom the rows cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rayline.core.columns import FeatureType
from rayline.profile import bounds
from rayline.profile.association import Association
from rayline.profile.coverage import Coverage
from rayline.profile.profile import ColumnProfile, Profile
from rayline.profile.suspects import Suspects
from rayline.profile.telling import telling_words
from rayline.profile.types import Decision, infer
from rayline.report.alerts import alerts, tags
from rayline.report.cards import cards, shown_columns
from rayline.report.gaps import complete_rows, missing_plot
from rayline.report.notation import amount, percent
from rayline.report.profile_tables import (
    answer_tables,
    association_bars,
    coverage_tables,
    repeat_facts,
    word_tables,
)
from rayline.report.suspect_facts import suspect_facts
from rayline.report.template import fill

_CARDS = 400
_ALERTS = 60
_CORRELATED = 16
"""Columns of the heat map, those that go most with another."""
_KINDS = {
    "number": "of numbers", "text": "of text", "boolean": "yes or no", "date": "of dates",
    "sequence": "of lists", "image": "of images", "audio": "of sounds", "binary": "of bytes",
}  # fmt: skip


def render(
    profile: Profile,
    *,
    title: str = "Profile",
    decisions: Mapping[str, Decision] | None = None,
    target: str | None = None,
    associated: Sequence[Association] = (),
    covered: Sequence[Coverage] = (),
    suspected: Suspects | None = None,
) -> str:
    """The page as HTML, one file without network or scripts.

    Args:
        profile: of all rows; its private columns are not shown.
        title: what was profiled.
        decisions: what each column is; default: as `types.infer` has it.
        target: what is predicted.
        associated: what goes with the target (`association.associations`).
        covered: groups (`coverage.coverage`).
        suspected: labels that look wrong (`suspects.suspects`).
    """
    decisions = decisions or infer(profile)
    found = alerts(
        profile, target=target, associated=associated, covered=covered, suspected=suspected, decisions=decisions
    )
    columns = shown_columns(profile)
    kinds = Counter(_kind(column) for column in columns)
    cells = profile.rows * len(columns)
    missing = sum(column.missing for column in columns) / cells if cells else 0.0
    types = {name: (str(one.type), one.reason) for name, one in decisions.items()}
    shown = cards(profile, types, tags(found), target=target, most=_CARDS)
    sampled = profile.sample.height < profile.rows
    return fill(
        "profile.html",
        title=title,
        headline=f"{amount(profile.rows)} rows, {amount(len(columns))} columns",
        kinds=", ".join(f"{count} {_KINDS[kind]}" for kind, count in kinds.most_common()),
        missing=percent(missing),
        figures=_figures(profile, missing, found),
        private=len(profile.private),
        sampled=amount(len(profile.sample)) if sampled else "",
        rank_error=percent(max((bounds.rank_error(profile, c.name) for c in columns if not c.missing), default=0.0)),
        alerts=found[:_ALERTS],
        alerts_left=max(0, len(found) - _ALERTS),
        target=target,
        columns=shown,
        columns_left=max(0, len(columns) - _CARDS),
        patterns=missing_plot(profile),
        associated=association_bars(associated),
        answers=answer_tables(profile, target, associated),
        telling=[] if target is None else word_tables(telling_words(profile, target, decisions=decisions)),
        heat=_heat(profile, decisions),
        repeats=repeat_facts(profile, target),
        suspected=suspect_facts(suspected),
        covered=coverage_tables(covered),
    )


def _kind(column: ColumnProfile) -> str:
    told = (column.inner or {}).get("what") if column.kind == "binary" else None
    return told if told in ("image", "audio") else column.kind


def _figures(profile: Profile, missing: float, found: Sequence[Any]) -> list[tuple[str, str, str]]:
    """The few figures that head the page: value, name, what else there is to say."""
    rows = max(profile.rows, 1)
    figures = [("missing cells", percent(missing), "")]
    complete = complete_rows(profile)
    if complete is not None:
        figures.append(("complete rows", percent(complete / rows), amount(complete)))
    if profile.repeats is not None:
        repeated = profile.repeats.found(profile.rows)
        about = "" if repeated.exact else "about "
        figures.append(("repeated rows", percent(repeated.duplicates / rows), f"{about}{amount(repeated.duplicates)}"))
    grave = sum(alert.tone == "bad" for alert in found)
    figures.append(("things that stand out", amount(len(found)), f"{grave} grave" if grave else ""))
    return figures


def _heat(profile: Profile, decisions: Mapping[str, Decision]) -> dict[str, Any] | None:
    correlations = profile.correlations()
    ids = np.array([decisions[name].type is FeatureType.ID for name in correlations.columns], bool)
    vary = np.flatnonzero(~np.isnan(np.diag(correlations.matrix_FF)) & ~ids)
    if len(vary) < 2:
        return None
    matrix = np.nan_to_num(correlations.matrix_FF[np.ix_(vary, vary)])
    names = [correlations.columns[place] for place in vary]
    np.fill_diagonal(matrix, 0.0)
    strongest = np.argsort(-np.abs(matrix).max(axis=1), kind="stable")[:_CORRELATED]
    places = sorted(strongest.tolist())  # in the order of the data
    rows = []
    for place in places:
        cells: list[dict[str, Any]] = []
        for other in places:
            value = float(matrix[place, other])
            cells.append(
                {
                    "same": place == other,
                    "text": f"{round(value, 2) + 0.0:.2f}".replace("-", "−").replace("0.", "."),  # −0.00 is 0
                    "tint": round(72 * abs(value)),
                    "colour": 10 if value >= 0 else 11,
                    "label": f"{names[place]} and {names[other]}: {value:.3f}",
                }
            )
        rows.append({"name": names[place], "cells": cells})
    return {"names": [names[place] for place in places], "rows": rows, "left": len(matrix) - len(places)}
