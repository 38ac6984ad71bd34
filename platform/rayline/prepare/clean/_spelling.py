"""How a text is brought to one form: case, accents, punctuation, digits and space."""

from __future__ import annotations

import polars as pl


def normalised(
    text: pl.Expr,
    *,
    unicode: bool = True,
    lower: bool = True,
    accents: bool = True,
    punctuation: bool = True,
    digits: bool = False,
    spaces: bool = True,
) -> pl.Expr:
    """A text in one form; each keyword takes out what it names, `unicode` and `lower` bring to one way of writing.

    A text of which nothing is left is missing. Space around the text always goes.
    """
    if unicode:
        text = text.str.normalize("NFKC")
    if lower:
        text = text.str.to_lowercase()
    if accents:
        text = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.normalize("NFC")
    if punctuation:
        text = text.str.replace_all(r"[\p{P}\p{S}]", " ")
    if digits:
        text = text.str.replace_all(r"\p{Nd}", " ")
    if spaces or punctuation or digits:
        text = text.str.replace_all(r"\s+", " ")
    text = text.str.strip_chars()
    return pl.when(text != "").then(text)
