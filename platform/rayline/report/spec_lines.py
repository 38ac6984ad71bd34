"""Lines of a spec as alerts suggest them: `prepare.columns.age.scale: power`, dotted keys and a value in YAML."""

from __future__ import annotations

import json
import re
from typing import Any

from rayline.spec.yaml_text import write_yaml

PLAIN = re.compile(r"[A-Za-z_][\w-]*")


def line(path: tuple[str, ...], value: Any) -> str:
    """A key and what to set it to; parts of the key that are no plain words are quoted.

    >>> line(("data", "features", "zip code"), "category")
    'data.features."zip code": category'
    >>> line(("prepare", "balance"), {"name": "smote", "k": 5})
    'prepare.balance: {name: smote, k: 5}'
    """
    key = ".".join(part if PLAIN.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in path)
    return f"{key}: {inline(value)}"


def inline(value: Any) -> str:
    """A value as a spec writes it on one line.

    >>> inline(["a b", 1.5, "on", "1e-4"])
    "[a b, 1.5, 'on', '1e-4']"
    """
    return write_yaml(value, inline=True)


def feature(column: str, kind: str) -> str:
    """The type of a column."""
    return line(("data", "features", column), kind)


def step(column: str, family: str, value: Any) -> str:
    """A step of one column."""
    return line(("prepare", "columns", column, family), value)


def clean(name: str, column: str, **options: Any) -> str:
    """A correction of one column before anything is learnt."""
    return line(("prepare", "clean"), {"name": name, "columns": [column], **options})
