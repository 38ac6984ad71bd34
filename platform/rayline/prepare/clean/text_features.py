"""Measure texts: characters, words, and shares of capitals, digits, punctuation and space.

Choose it where the manner of a text tells something by itself (spam, complaints, names, codes), beside a step that
reads its words. A missing text has no measures. Reference: Stamatatos, "A Survey of Modern Authorship Attribution
Methods", JASIST 60, 2009, section 2.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, divided, require, require_new

SHARES = {"capitals": r"\p{Lu}", "digits": r"\p{Nd}", "punctuation": r"\p{P}", "spaces": r"\s"}
Feature = Literal["characters", "words", "lines", "word_length", "capitals", "digits", "punctuation", "spaces"]


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {
        "columns": ["text"],
        "features": ["characters", "words", "lines", "word_length", "capitals", "digits", "punctuation", "spaces"],
    }

    features: tuple[Feature, ...] = Field(default=("characters", "words", "capitals", "digits"), min_length=1)
    """Each becomes a number column NAME_FEATURE: counts of characters, words and lines, characters a word, and shares
    of the characters."""

    def build(self) -> TextFeatures:
        return TextFeatures(self)


class TextFeatures(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        made = {}
        for name in self._options.columns:
            require(schema, name, "text")
            for feature in self._options.features:
                made[require_new(schema, f"{name}_{feature}")] = _measured(pl.col(name), feature)
        return made


def _measured(text: pl.Expr, feature: Feature) -> pl.Expr:
    characters = text.str.len_chars().cast(pl.Int64)
    words = text.str.count_matches(r"\S+").cast(pl.Int64)
    if feature == "characters":
        return characters
    if feature == "words":
        return words
    if feature == "lines":
        return text.str.count_matches(r"\n").cast(pl.Int64) + 1
    if feature == "word_length":
        return divided(text.str.count_matches(r"\S").cast(pl.Int64), words)
    return divided(text.str.count_matches(SHARES[feature]).cast(pl.Int64), characters)
