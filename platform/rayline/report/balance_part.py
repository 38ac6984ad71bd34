"""The part of the page of augmentation on balancing: classes before and after, and rows made up beside real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rayline.report.notation import amount, number, percent

COLUMNS = 12
"""Columns of a made-up row that are shown, at most."""


@dataclass(frozen=True)
class MadeRow:
    """A made-up row and the two real ones that it lies between, as texts a column."""

    of: str
    """Its class."""
    names: tuple[str, str]
    """What the real rows are called: the one that it was made from, and the neighbour."""
    begin: tuple[str, ...]
    made: tuple[str, ...]
    end: tuple[str, ...]


@dataclass(frozen=True)
class Balance:
    """What balancing does; nothing of it is private."""

    account: Mapping[str, Any]
    """`training_account`'s: rows, those made up and those of an epoch; `of_each` class too, unless they are private."""
    target: str
    columns: tuple[str, ...] = ()
    made: tuple[MadeRow, ...] = ()


def shown(balance: Balance) -> dict[str, Any]:
    """What the template reads."""
    told = balance.account
    each = told.get("of_each") or {"all": {key: told[key] for key in ("rows", "made_up", "epoch")} | {"weight": 1.0}}
    most = max(max(one["rows"], one["epoch"]) for one in each.values()) or 1
    rows = [
        {
            "name": name,
            "before": _part(one["rows"], told["rows"], most),
            "after": _part(one["epoch"], told["epoch"], most),
            "change": _change(one),
            "weight": number(one["weight"]),
        }
        for name, one in each.items()
    ]
    return {
        "target": balance.target,
        "classes": rows,
        "told": "of_each" in told,
        "weighted": any(one["weight"] != 1.0 for one in each.values()),
        "redraws": told["redraws"],
        "total": (amount(told["rows"]), amount(told["epoch"])),
        "columns": balance.columns[:COLUMNS],
        "left": max(0, len(balance.columns) - COLUMNS),
        "mixed": told["name"] == "smotenc",
        "neighbours": told.get("neighbours"),
        "made": [_made(one) for one in balance.made],
    }


def _part(rows: int, of: int, most: int) -> dict[str, Any]:
    return {"rows": amount(rows), "share": percent(rows / of if of else 0.0), "width": round(100 * rows / most, 1)}


def _change(one: Mapping[str, Any]) -> str:
    if one["made_up"]:
        return f"{amount(one['made_up'])} made up"
    more = one["epoch"] - one["rows"]
    if not more:
        return ""
    return f"{amount(more)} repetitions" if more > 0 else f"{amount(-more)} left out"


def _made(one: MadeRow) -> dict[str, Any]:
    lines = [(one.names[0], "", one.begin), ("made up", "made", one.made), (one.names[1], "", one.end)]
    return {"of": one.of, "lines": [(name, kind, cells[:COLUMNS]) for name, kind, cells in lines]}
