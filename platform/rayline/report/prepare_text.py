"""What `rayline prepare --explain` prints: what was done to the rows and to each column, and what was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rayline.report.notation import number

MOST = 8
"""Values of one kind shown in a line."""


def explain(
    *,
    rows: Mapping[str, int],
    recipe: Mapping[str, Any] | None,
    learnt: Sequence[Mapping[str, Any]],
    aside: Mapping[str, str],
) -> list[str]:
    """Lines of text: rows, corrections, then a line a column and one for each step that learnt something."""
    lines = ["rows       " + ", ".join(f"{part} {count:,}" for part, count in rows.items() if count)]
    for step in recipe["clean"] if recipe else ():
        options = {
            key: value for key, value in step.items() if key not in ("name", "columns") and value not in (None, {}, [])
        }
        lines.append(f"clean      {step['name']}: {_values(step.get('columns', ()))}{_options(options)}")
    for name, text in (recipe["derive"] if recipe else {}).items():
        lines.append(f"derive     {name} = {text}")
    if recipe and recipe["require"]:
        lines.append(f"rows with a missing value are left out: {_values(recipe['require'])}")
    width = min(max((len(str(account["column"])) for account in learnt), default=8), 32)
    for account in learnt:
        missing = f", {account['missing']:,} missing" if account["missing"] else ""
        lines.append(f"{account['column']:<{width}}  {account['type']}{missing}")
        for step in account["steps"]:
            told = ", ".join(f"{key} {_value(value)}" for key, value in step["learnt"].items() if value not in ([], {}))
            lines.append(f"{'':<{width}}    {step['step']} {step['name']}" + (f": {told}" if told else ""))
    for name, why in aside.items():
        lines.append(f"{name:<{width}}  no input ({why})")
    return lines


def _options(options: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{key} {_value(value)}' for key, value in options.items())})" if options else ""


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return _values([f"{key} {_value(inner)}" for key, inner in value.items()])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _values([_value(inner) for inner in value])
    return repr(value) if isinstance(value, str) and not value.isidentifier() else str(value)


def _values(values: Sequence[Any]) -> str:
    shown = ", ".join(map(str, values[:MOST]))
    return shown + (f", and {len(values) - MOST:,} more" if len(values) > MOST else "")
