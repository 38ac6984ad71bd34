"""Suspected label errors in words: for the page of a profile, and as an alert with what to do next."""

from __future__ import annotations

import shlex
from typing import Any

from rayline.profile.suspects import PLANTED, Suspects
from rayline.report.alert import Alert
from rayline.report.named_rows import named_rows
from rayline.report.notation import amount, listed, percent, short

SHOWN = 20
TELLING = 0.25
"""Of labels changed for the trial, the share that is found from which suspects are worth a look."""


def suspect_facts(suspected: Suspects | None) -> dict[str, Any] | None:
    """What the page shows, ready to print; `None` where nothing was looked at."""
    if suspected is None:
        return None
    (rows,) = named_rows([[one.row for one in suspected.rows[:SHOWN]]])
    return {
        "count": amount(len(suspected.rows)),
        "share": percent(suspected.share),
        "looked": amount(suspected.looked),
        "estimate": "" if suspected.exact else amount(suspected.estimate),
        "range": f"{percent(suspected.low)} to {percent(suspected.high)}",
        "command": _command(suspected.target),
        "planted": percent(PLANTED),
        "found": percent(suspected.found),
        "right": percent(suspected.right),
        "telling": suspected.found >= TELLING,
        "rows": [
            {
                "row": row,
                "label": short(one.label),
                "instead": short(one.instead),
                "support": percent(one.support),
                "own": percent(one.own),
            }
            for one, row in zip(suspected.rows[:SHOWN], rows, strict=True)
        ],
        "left": amount(max(0, len(suspected.rows) - SHOWN)) if len(suspected.rows) > SHOWN else "",
    }


def suspect_alert(suspected: Suspects | None) -> Alert | None:
    """The alert, if a label is suspected and the features tell enough of the target for that to mean something."""
    if suspected is None or not suspected.rows or suspected.found < TELLING:
        return None
    count = len(suspected.rows) if suspected.exact else suspected.estimate
    about = "" if suspected.exact else "About "
    worst = listed(named_rows([[one.row for one in suspected.rows[:3]]])[0])
    has, rows, they = ("has", "row", "it is") if count == 1 else ("have", "rows", "they are")
    text = (
        f"{about}{amount(count)} {rows} ({percent(suspected.share)}) {has} another {suspected.target} than nearly all "
        f"rows like them (such as row{'s' if len(suspected.rows) > 1 else ''} {worst}): {they} wrong, or unusual. "
        f"Of labels changed at random for a trial {percent(suspected.found)} were found so. "
        f"Have them looked at: {_command(suspected.target)}"
    )
    return Alert("", "suspected labels", text, "warn" if suspected.found >= 0.5 else "")


def _command(target: str) -> str:
    """What hands the suspects to people, as a shell reads it."""
    return f"rayline annotate export DATA --suspects {shlex.quote(target)} -o TODO.csv"
