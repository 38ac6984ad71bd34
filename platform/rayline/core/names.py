"""What models and aliases may be called: what MLflow, file systems and URLs all take."""

from __future__ import annotations

import re

from rayline.core.errors import InputError

CHAMPION = "champion"
CHALLENGER = "challenger"

MODEL_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,199}"
ALIAS_PATTERN = "[A-Za-z][A-Za-z0-9_-]{0,99}"


def check_model(name: str) -> str:
    """`name`, if a model may be called so.

    Raises:
        InputError: it may not.
    """
    if not re.fullmatch(MODEL_PATTERN, name):
        raise InputError(
            f"{_short(name)} cannot name a model: use letters, digits, '-' and '_' of ASCII, beginning with a letter "
            "or digit, 200 at most."
        )
    return name


def check_alias(alias: str) -> str:
    """`alias`, if a version may be called so.

    Raises:
        InputError: it may not: other signs, or what MLflow keeps for itself (`latest`, `v3`).
    """
    if not re.fullmatch(ALIAS_PATTERN, alias) or alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise InputError(
            f"{_short(alias)} cannot be an alias: use letters, digits, '-' and '_' of ASCII, beginning with a letter, "
            f"100 at most, and neither 'latest' nor 'v3'. Usual: {CHAMPION}, {CHALLENGER}."
        )
    return alias


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
