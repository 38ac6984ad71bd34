"""Merge spellings of one category: those declared, and those that differ by case, accents, punctuation or space.

Choose it for categories that people typed: `merge: {New York: [NYC, "new york city"]}` makes one of "NYC", "n.y.c." and
" New-York". What is not declared stays as it is, or is brought to its plain form (`others: plain`), which merges its
spellings too. It learns nothing, so new spellings of the same form are met at the endpoint as in training. Reference:
the fingerprint of OpenRefine, "Clustering In Depth".
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, model_validator

from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, require
from rayline.prepare.clean._spelling import normalised


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {
        "columns": ["text"],
        "merge": {"New York": ["NYC", "n y city"], "Zürich": ["Zurich"]},
        "others": "plain",
    }

    merge: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By the spelling that stays, others that mean the same; each is met in any case and punctuation."""
    others: Literal["keep", "plain", "missing"] = "keep"
    """Texts that are not declared: as they are, in plain form (lower case, no accents or punctuation), or missing."""

    @model_validator(mode="after")
    def _one_each(self) -> Config:
        if not self.merge and self.others == "keep":
            raise ValueError(
                "give merge, such as {New York: [NYC, new york city]} (the spelling that stays, and others that mean "
                "the same), or others: plain (all texts in lower case, without accents or punctuation), "
                "not others: keep alone, which changes nothing"
            )
        met: dict[str, str] = {}
        for name, spellings in self.merge.items():
            for form in plain_forms([name, *spellings]):
                if form is None:
                    raise ValueError(f"a spelling of {name!r} has neither letter nor digit")
                if met.setdefault(form, name) != name:
                    raise ValueError(f"{form!r} is a spelling of both {met[form]!r} and {name!r}")
        return self

    def build(self) -> Spelling:
        return Spelling(self)


class Spelling(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options
        self._name_of = {
            form: name for name, others in options.merge.items() for form in plain_forms([name, *others]) if form
        }

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        for name in self._options.columns:
            require(schema, name, "text")
        return {name: self._merged(pl.col(name)) for name in self._options.columns}

    def _merged(self, column: pl.Expr) -> pl.Expr:
        plain = normalised(column)
        default = {"keep": column, "plain": plain, "missing": pl.lit(None, pl.String)}[self._options.others]
        if not self._name_of:
            return default
        return plain.replace_strict(self._name_of, default=default, return_dtype=pl.String)


def plain_forms(texts: list[str]) -> list[str | None]:
    """The forms by which spellings are compared; the same code as for rows."""
    return pl.DataFrame({"text": texts}).select(normalised(pl.col("text")))["text"].to_list()
