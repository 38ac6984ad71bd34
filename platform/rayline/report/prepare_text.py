"""What `rayline prepare --explain` prints: what was done to the rows and to each column, and what was learnt."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rayline.core import catalog
from rayline.report.notation import amount, percent
from rayline.report.prepare_words import balance_words, learnt_words, listed_values
from rayline.report.spec_lines import inline

WIDTH = 100
"""Characters of a line where the terminal has room for them."""
GAP = 2
WIDEST_NAME = 26
"""A longer name of a column stands on a line of its own."""
NARROW = 22
"""With less room beside a step, what it learnt stands below it."""
PARTS = ("train", "validation", "test")
HEADS = ("column", "type", "missing", "step", "what it learnt")


def explain(
    *,
    rows: Mapping[str, int],
    recipe: Mapping[str, Any] | None,
    learnt: Sequence[Mapping[str, Any]],
    aside: Mapping[str, str],
    training: Mapping[str, Any] | None = None,
    width: int = WIDTH,
) -> list[str]:
    """Lines of at most `width` characters: rows, corrections, a table of columns and their steps, columns left out.

    Args:
        rows: by part, and those left out, by the reason.
        recipe: corrections and derived columns (`Recipe.to_json`).
        learnt: an account of each column (`Preparation.explain`); steps of all columns together have a name in
            brackets.
        aside: columns that become no input, with the reason.
        training: what becomes of training rows (`training_account.account`).
        width: at least 60 is used.
    """
    width = max(60, width)
    single = [account for account in learnt if not account["column"].startswith("(")]
    together = [account for account in learnt if account["column"].startswith("(")]
    sections = [
        ("Rows", _rows(rows, width)),
        ("Corrected before anything is learnt", _corrections(recipe, width)),
        ("Learnt from the training rows", _table(single, rows.get("train", 0) + rows.get("outliers", 0), width)),
        *(
            (f"Learnt of all {account['column'].strip('()')} together", _together(account, width))
            for account in together
        ),
        ("Dropped as rows that are there already, before the split", _duplicates(training, rows, width)),
        ("In training alone, to its rows", _in_training(training, width)),
        ("No input", _pairs(aside, width)),
    ]
    lines: list[str] = []
    for head, body in sections:
        if body:
            lines += ["", head, *body] if lines else [head, *body]
    return lines


def _rows(rows: Mapping[str, int], width: int) -> list[str]:
    parts = {name: amount(rows[name]) for name in PARTS if rows.get(name)}
    others = ", ".join(f"{name} {amount(found)}" for name, found in rows.items() if name not in PARTS and found)
    text = "   ".join(f"{name} {found}" for name, found in parts.items())
    return _wrapped(text + (f"   ·   left out: {others}" if others else ""), "  ", width)


def _duplicates(training: Mapping[str, Any] | None, rows: Mapping[str, int], width: int) -> list[str]:
    rules = () if training is None else training["duplicates"]
    if not rules:
        return []
    told = [_line(rule["name"], _options(rule, "duplicates"), width) for rule in rules]
    dropped = rows.get("duplicates", 0)
    return [
        *(line for lines in told for line in lines),
        f"  {amount(dropped)} row{'s' if dropped != 1 else ''} dropped",
    ]


def _in_training(training: Mapping[str, Any] | None, width: int) -> list[str]:
    if training is None:
        return []
    lines: list[str] = []
    if training["balance"] is not None:
        balance = training["balance"]
        told = [text for text in (_options(balance, "balance"), balance_words(balance)) if text]
        lines += _line(f"balance {balance['name']}", "; ".join(told), width)
    for step in training["augment"]:
        lines += _line(f"augment {step['name']}", _options(step, "augment"), width)
    return lines


def _line(name: str, text: str, width: int) -> list[str]:
    return _wrapped(text, f"  {name}  ", width) if text else [f"  {name}"]


def _options(step: Mapping[str, Any], family: str) -> str:
    return ", ".join(f"{key}: {inline(value)}" for key, value in _chosen(step, family).items())


def _corrections(recipe: Mapping[str, Any] | None, width: int) -> list[str]:
    if recipe is None:
        return []
    told: list[tuple[str, str]] = []
    for step in recipe["clean"]:
        options = _options({key: value for key, value in step.items() if key != "columns"}, "clean")
        told.append((step["name"], listed_values(step.get("columns", ())) + (f"   {options}" if options else "")))
    told += [("derive", f"{name} = {text}") for name, text in recipe["derive"].items()]
    if recipe["require"]:
        told.append(("rows left out", f"where one of these is missing: {listed_values(recipe['require'])}"))
    start = max((len(name) for name, _ in told), default=0) + GAP
    return [line for name, text in told for line in _wrapped(text, f"  {name:<{start}}", width)]


def _chosen(step: Mapping[str, Any], family: str) -> dict[str, Any]:
    """The options of a step that are not the default, as a spec writes them."""
    fields = catalog.config_class(family, step["name"]).model_fields
    default = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    chosen = {}
    for key, value in step.items():
        usual = default.get(key)
        usual = list(usual) if isinstance(usual, tuple) else usual
        if key in fields and key != "name" and value != usual:
            chosen[key] = {unit: _factor(one) for unit, one in value.items()} if isinstance(value, dict) else value
    return chosen


def _factor(unit: Any) -> Any:
    """A unit's factor alone, where that is all that it has."""
    if not isinstance(unit, dict) or unit.keys() != {"multiply", "offset"} or unit["offset"] != 0:
        return unit
    return int(unit["multiply"]) if unit["multiply"] == int(unit["multiply"]) else unit["multiply"]


def _table(learnt: Sequence[Mapping[str, Any]], rows: int, width: int) -> list[str]:
    """A line a step, the first of a column beside its name; what does not fit goes on in its own cell."""
    if not learnt:
        return []
    cells = [HEADS]
    for account in learnt:
        lacking = account["missing"]
        missing = (
            f"{amount(lacking)} ({percent(lacking / rows)})" if lacking and rows else amount(lacking) if lacking else ""
        )
        head = (account["column"], account["type"], missing)
        steps = [(_step(step), learnt_words(step)) for step in account["steps"]] or [("as it is", "")]
        cells += [((*head, *steps[0])), *(("", "", "", *more) for more in steps[1:])]
    fit = [
        max((len(row[place]) for row in cells if place or len(row[0]) <= WIDEST_NAME), default=0) for place in range(4)
    ]
    lines: list[str] = []
    for row in cells:
        name, *others = row[:4]
        if len(name) > fit[0]:
            lines.append(f"  {name}")
            name = ""
        start = "  " + "".join(f"{text:<{size + GAP}}" for text, size in zip((name, *others), fit, strict=True))
        if width - len(start) < NARROW:
            lines.append(start.rstrip())
            start = " " * (2 * GAP)
        lines += _wrapped(row[4], start, width)
    return [line for line in lines if line.strip()]


def _step(step: Mapping[str, Any]) -> str:
    return step["name"] if step["step"] == step["name"] else f"{step['step']} {step['name']}"


def _together(account: Mapping[str, Any], width: int) -> list[str]:
    """Selection and reduction: every input that was kept and left out is named."""
    return [line for step in account["steps"] for line in _wrapped(learnt_words(step), f"  {_step(step)}  ", width)]


def _pairs(told: Mapping[str, str], width: int) -> list[str]:
    longest = max((len(name) for name in told if len(name) <= WIDEST_NAME), default=0)
    lines: list[str] = []
    for name, text in told.items():
        if len(name) > longest:
            lines.append(f"  {name}")
        lines += _wrapped(text, f"  {name if len(name) <= longest else '':<{longest + GAP}}", width)
    return lines


def _wrapped(text: str, start: str, width: int) -> list[str]:
    """`text` behind `start`, and its further lines below its first."""
    room = max(NARROW, width - len(start))
    first, *more = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    return [(start + first).rstrip(), *(" " * len(start) + line for line in more)]
