"""How a registered model is named: `NAME`, `NAME/3` or `NAME@champion`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rayline.core.errors import InputError

CHAMPION = "champion"
CHALLENGER = "challenger"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Name:
    """A model, and of its versions the one numbered `version`, or the one `alias` points to, or neither."""

    model: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.model}/{self.version}"
        return f"{self.model}@{self.alias}" if self.alias else self.model


def parse(text: str) -> Name:
    """Read `NAME`, `NAME/3` or `NAME@ALIAS`.

    Raises:
        InputError: it is none of these.

    >>> parse("adult@champion")
    Name(model='adult', version=None, alias='champion')
    """
    if "@" in text:
        model, _, alias = text.partition("@")
        return Name(check_model(model), alias=check_alias(alias))
    model, slash, version = text.partition("/")
    if not slash:
        return Name(check_model(model))
    if not version.isascii() or not version.isdigit() or int(version) < 1:
        raise InputError(f"{text!r}: a version is a number from 1, such as {model or 'NAME'}/3.")
    return Name(check_model(model), version=int(version))


def check_model(name: str) -> str:
    """`name`, if a model may be called so.

    Raises:
        InputError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a model: use letters, digits, '-' and '_', beginning with a letter or digit, "
            "and write NAME, NAME/3 or NAME@champion."
        )
    return name


def check_alias(alias: str) -> str:
    """`alias`, if a version may be called so.

    Raises:
        InputError: it may not: other signs, or what MLflow keeps for itself (`latest`, `v3`).
    """
    if not _ALIAS.fullmatch(alias) or alias.lower() == "latest" or re.fullmatch(r"[vV]\d+", alias):
        raise InputError(
            f"{alias!r} cannot be an alias: use letters, digits, '-' and '_', beginning with a letter, "
            f"and neither 'latest' nor 'v3'. Usual: {CHAMPION}, {CHALLENGER}."
        )
    return alias
