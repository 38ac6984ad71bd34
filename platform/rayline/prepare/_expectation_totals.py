"""What all fragments say of expectations together: which are broken, with figures and examples, and what follows."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rayline.prepare._expectation_checks import Check, is_strict
from rayline.prepare._expectation_found import EXAMPLES, Example, Found, Violations
from rayline.prepare.row_names import row_name
from rayline.prepare.row_sets import NO_ROWS, Rows


@dataclass(frozen=True)
class Broken:
    """A check that does not hold."""

    check: Check
    rows: int
    """How many rows break it; 0 where it is not about single rows."""
    text: str
    """What is wrong, with figures and examples."""
    examples: tuple[str, ...] = ()
    aside: bool = False
    """Whether its rows are in quarantine."""

    def to_json(self) -> dict[str, Any]:
        return {
            "expectation": self.check.name,
            "on": self.check.on,
            "rows": self.rows,
            "problem": self.text,
            "examples": list(self.examples),
        }


@dataclass(frozen=True)
class Decision:
    """What is broken and what follows."""

    broken: tuple[Broken, ...]
    rows: int
    """Rows that are kept."""
    aside: Rows
    """ROW of those in quarantine, sorted."""
    members: dict[int, Rows]
    """By check that is about rows together, those it sets aside, sorted."""

    @property
    def stops(self) -> list[Broken]:
        """What stops a run."""
        return [one for one in self.broken if one.check.on == "stop" or not (one.aside or one.check.on == "warn")]


def largest_before(checks: Sequence[Check], violations: Violations) -> dict[int, dict[int, Any]]:
    """Fragments some of whose values lie below one of a fragment before: index to check to the largest before."""
    again: dict[int, dict[int, Any]] = {}
    for n, check in enumerate(checks):
        if check.key != "increasing":
            continue
        largest = None
        for index, found in violations.in_order():
            ends = found.ordered[n]
            if ends.low is None:
                continue
            if largest is not None and (ends.low <= largest if is_strict(check) else ends.low < largest):
                again.setdefault(index, {})[n] = largest
            largest = ends.high if largest is None else max(largest, ends.high)
    return again


def decide(
    checks: Sequence[Check], violations: Violations, *, history: Sequence[int] = (), now: dt.datetime | None = None
) -> Decision:
    """What is broken in all, and which rows are set aside.

    Args:
        checks: what is expected.
        violations: of every fragment, the order of values looked at once more where `largest_before` says so.
        history: rows of earlier runs.
        now: for `max_age`; default: the time it is.
    """
    found = [one for _, one in violations.in_order()]
    told: dict[int, Broken] = {}
    members: dict[int, Rows] = {}
    for n, check in enumerate(checks):
        count, examples = 0, []
        if check.by_row:
            count = sum(one.counts[n] for one in found)
            examples = [_told(e, one.label) for one in found for e in one.examples.get(n, ())]
        elif check.key in ("unique", "increasing"):
            rows, examples = _repeated(n, found) if check.key == "unique" else _disordered(n, found)
            count = len(rows)
            if check.on == "quarantine" and count:
                members[n] = np.sort(rows)
        if count:
            told[n] = _broken_rows(check, count, tuple(examples[:EXAMPLES]), *_texts(n, found))
    aside = np.unique(np.concatenate([NO_ROWS, *(one.aside for one in found), *members.values()]))
    kept = sum(one.rows for one in found) - len(aside)
    for n, check in enumerate(checks):
        text = ""
        if check.key == "missing_share":
            text = _missing(
                check, sum(one.missing[n] for one in found), sum(one.rows - len(one.aside) for one in found)
            )
        elif check.key == "max_age":
            text = _age(check, [one.newest[n] for one in found if n in one.newest], now)
        elif check.key == "rows":
            text = _number_of_rows(check, kept, history)
        if text:
            told[n] = Broken(check, 0, text)
    return Decision(tuple(told[n] for n in sorted(told)), kept, aside, members)


def _texts(n: int, found: Sequence[Found]) -> tuple[int, int]:
    counts = [one.texts[n] for one in found if n in one.texts]
    return sum(unread for unread, _ in counts), sum(there for _, there in counts)


def _broken_rows(check: Check, count: int, some: tuple[str, ...], unread: int, there: int) -> Broken:
    problem, advice = check.problem, ""
    if unread:
        problem = f"not {check.kind}" if unread == count else f"{problem} or not {check.kind}"
    if unread and unread == there:
        others = "" if check.key == "increasing" else ", and allowed and pattern are for text"
        advice = f". No text of {check.column!r} is {check.kind}: {check.key} is for numbers and dates{others}"
    more = ", …" if count > len(some) else ""
    text = f"{count:,} row{'s' if count > 1 else ''} {problem}: {', '.join(some)}{more}{advice}"
    return Broken(check, count, text, some, aside=check.on == "quarantine")


def _told(example: Example, label: str) -> str:
    values = [value if len(example.values) == 1 else f"{name} {value}" for name, value in example.values]
    return row_name(example.row, label) + (f" ({', '.join(values)})" if values else "")


def _disordered(n: int, found: Sequence[Found]) -> tuple[Rows, list[str]]:
    rows = np.concatenate([NO_ROWS, *(one.ordered[n].rows for one in found)])
    return rows, [_told(example, one.label) for one in found for example in one.ordered[n].examples]


def _missing(check: Check, missing: int, rows: int) -> str:
    most = check.said.missing_share or 0.0
    if not rows or missing / rows <= most:
        return ""
    return f"{missing:,} of {rows:,} rows ({missing / rows:.2%}) are missing, more than {most:.2%}"


def _repeated(n: int, found: Sequence[Found]) -> tuple[Rows, list[str]]:
    """ROW of values that occurred before, and some of them in words."""
    parts = [one.hashes[n] for one in found]
    if not parts:
        return NO_ROWS, []
    rows, high, low = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    every = pl.DataFrame({"row": rows, "high": high, "low": low}).sort("row")
    repeated = every.filter(~pl.struct("high", "low").is_first_distinct())
    if not repeated.height:
        return NO_ROWS, []
    some = repeated.head(EXAMPLES).join(
        every.unique(["high", "low"], keep="first", maintain_order=True), on=["high", "low"]
    )
    labels = [(one.ends, one.label) for one in found]
    examples = [
        f"{row_name(again, _label(again, labels))} repeats {row_name(first, _label(first, labels))}"
        for again, first in some.sort("row").select("row", "row_right").iter_rows()
    ]
    return repeated["row"].to_numpy(), examples


def _label(row: int, labels: Sequence[tuple[tuple[int, int], str]]) -> str:
    return next((label for (low, high), label in labels if low <= row <= high), "")


def _age(check: Check, newest: Sequence[dt.datetime], now: dt.datetime | None) -> str:
    limit = check.said.max_age_s
    assert limit is not None
    if not newest:
        return "there is no date at all"
    moment = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(tzinfo=None)
    age = (moment - max(newest)).total_seconds()
    if age <= limit:
        return ""
    unit, seconds = next((u, s) for u, s in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)) if age >= s or s == 1)
    return f"the newest value is {age / seconds:.1f}{unit} old, more than {check.said.max_age}"


def _number_of_rows(check: Check, rows: int, history: Sequence[int]) -> str:
    said = check.said.rows
    assert said is not None
    if said.min is not None and rows < said.min:
        return f"{rows:,} rows, fewer than {said.min:,}"
    if said.max is not None and rows > said.max:
        return f"{rows:,} rows, more than {said.max:,}"
    if said.change is not None and history:
        usual = statistics.median(history)
        if abs(rows - usual) > said.change * usual:
            of = "the last run" if len(history) == 1 else f"the last {len(history)} runs"
            return f"{rows:,} rows, where {of} had {usual:,.0f}: a change of more than {said.change:.0%}"
    return ""
