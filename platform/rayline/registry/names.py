"""How a registered model is asked for: `NAME`, `NAME/3` or `NAME@champion`."""

from __future__ import annotations

from dataclasses import dataclass

from rayline.core.errors import InputError
from rayline.core.names import check_alias, check_model


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
        return Name(_model(model), alias=check_alias(alias))
    model, slash, version = text.partition("/")
    if not slash:
        return Name(_model(model))
    if not version.isascii() or not version.isdigit() or int(version) < 1:
        raise InputError(f"{text!r}: a version is a number from 1, such as {model or 'NAME'}/3.")
    return Name(_model(model), version=int(version))


def _model(name: str) -> str:
    try:
        return check_model(name)
    except InputError as error:
        raise InputError(f"{error} Write NAME, NAME/3 or NAME@champion.") from None
