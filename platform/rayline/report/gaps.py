"""What is missing, and what together, ready to print.

Columns without any value are missing with whatever else is: they are in no pattern, and a row that lacks nothing but
them is complete.
"""

from __future__ import annotations

from typing import Any

from rayline.profile.missing import CAP
from rayline.profile.profile import Profile
from rayline.report.cards import shown_columns
from rayline.report.notation import amount, percent

PATTERNS = 12
COLUMNS = 14


def complete_rows(profile: Profile) -> int | None:
    """Rows that lack nothing; `None` where it was not counted."""
    if profile.patterns is None:
        return None
    empty = {name for name in profile.patterns.columns if not profile.columns[name].count}
    if not empty:
        return profile.patterns.complete
    return sum(rows for names, rows in profile.patterns.top(CAP) if {*names} == empty)


def missing_together(profile: Profile, most: int) -> list[tuple[list[str], int]]:
    """The most frequent sets of columns that are missing together, and their rows."""
    every = [
        ([name for name in names if profile.columns[name].count], rows)
        for names, rows in profile.missing_together(most + 1)
    ]
    return [(names, rows) for names, rows in every if names][:most]


def missing_plot(profile: Profile) -> dict[str, Any] | None:
    """Which columns are missing together: a row a pattern, a column a column, those missing most."""
    lacking = sorted((c for c in shown_columns(profile) if c.missing), key=lambda c: -c.missing)
    if not lacking or profile.patterns is None:
        return None
    names = [column.name for column in lacking if column.count][:COLUMNS]
    every = missing_together(profile, PATTERNS + 1)
    lines = sorted([*every[:PATTERNS], ([], complete_rows(profile) or 0)], key=lambda line: -line[1])
    most = max((rows for _, rows in lines), default=1) or 1
    rows = [
        {
            "cells": [name in held for name in names],
            "others": len([name for name in held if name not in names]),
            "complete": not held,
            "label": ", ".join(held) or "nothing is missing",
            "rows": amount(count),
            "share": percent(count / max(profile.rows, 1)),
            "width": round(100 * count / most, 1),
        }
        for held, count in lines
        if count
    ]
    shares = [(column.name, column.missing / max(profile.rows, 1)) for column in lacking[:COLUMNS]]
    counts = [{"name": name, "share": percent(share), "width": round(100 * share, 1)} for name, share in shares]
    told = sum(count for _, count in lines)
    return {
        "names": names,
        "rows": rows,
        "counts": counts,
        "columns_left": len(lacking) - len(shares),
        "rows_left": percent(max(0, profile.rows - told) / max(profile.rows, 1)) if len(every) > PATTERNS else "",
        "sampled": profile.patterns.truncated and profile.sample.height < profile.rows,
    }
