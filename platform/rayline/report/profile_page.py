"""The page of a profile: every column with its plot, what is odd, and what goes together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from rayline.profile.profile import Profile
from rayline.report.alerts import alerts, tags
from rayline.report.cards import cards, shown_columns
from rayline.report.notation import number, percent
from rayline.report.template import fill

_CARDS = 400
_CORRELATED = 16
"""Columns of the heat map, those that go most with another."""
_KINDS = {"number": "of numbers", "text": "of text", "boolean": "yes or no", "date": "of dates"}


def render(profile: Profile, *, title: str = "Profile", decisions: Mapping[str, tuple[str, str]] | None = None) -> str:
    """The page as HTML, one file without network or scripts.

    Args:
        profile: of all rows; its private columns are not shown.
        title: what was profiled.
        decisions: column to its feature type and the reason, where types were inferred.
    """
    found = alerts(profile)
    columns = shown_columns(profile)
    kinds = Counter(column.kind for column in columns)
    cells = profile.rows * len(columns)
    missing = sum(column.missing for column in columns) / cells if cells else 0.0
    shown = cards(profile, decisions or {}, tags(found))
    return fill(
        "profile.html",
        title=title,
        headline=f"{number(profile.rows)} rows, {number(len(columns))} columns",
        kinds=", ".join(f"{count} {_KINDS[kind]}" for kind, count in kinds.most_common()),
        missing=percent(missing),
        private=len(profile.private),
        sampled=number(len(profile.sample)) if len(profile.sample) < profile.rows else "",
        alerts=found[:60],
        alerts_left=max(0, len(found) - 60),
        columns=shown[:_CARDS],
        columns_left=max(0, len(shown) - _CARDS),
        heat=_heat(profile),
    )


def _heat(profile: Profile) -> dict[str, Any] | None:
    correlations = profile.correlations()
    vary = np.flatnonzero(~np.isnan(np.diag(correlations.matrix_FF)))
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
                    "text": f"{value:.2f}".replace("-", "−").replace("0.", "."),
                    "tint": round(72 * abs(value)),
                    "colour": 10 if value >= 0 else 11,
                    "label": f"{names[place]} and {names[other]}: {value:.3f}",
                }
            )
        rows.append({"name": names[place], "cells": cells})
    return {"names": [names[place] for place in places], "rows": rows, "left": len(matrix) - len(places)}
