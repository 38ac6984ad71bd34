"""Bring texts to one way of writing: Unicode form, case, space, and without accents, punctuation or digits.

Choose it before texts are split into words, and for categories that people typed; `spelling` also merges what differs
by more. A text of which nothing is left is missing. Reference: Unicode Standard Annex 15, "Unicode Normalization
Forms".
"""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl

from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, require
from rayline.prepare.clean._spelling import normalised


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {"columns": ["text", "digits"], "accents": True, "punctuation": True}

    unicode: bool = True
    """Write the same character the same way (NFKC): full-width letters, ligatures and composed accents."""
    lower: bool = True
    spaces: bool = True
    """Make one space of any run of space, and none around the text."""
    accents: bool = False
    """Take accents away: é becomes e."""
    punctuation: bool = False
    """Put a space for punctuation and symbols."""
    digits: bool = False
    """Put a space for digits."""

    def build(self) -> Text:
        return Text(self)


class Text(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        options = self._options.model_dump(exclude={"columns"})
        for name in self._options.columns:
            require(schema, name, "text")
        return {name: normalised(pl.col(name), **options) for name in self._options.columns}
