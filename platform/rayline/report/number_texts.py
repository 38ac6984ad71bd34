"""Numbers that a column holds as text: how they are written, and the one sentence and line that tell of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from rayline.profile.types import ID_NAME
from rayline.profile.values import Rows
from rayline.report.notation import amount, percent
from rayline.report.spec_lines import clean

NUMBER_FORMS: tuple[tuple[dict[str, str], str], ...] = (
    ({}, r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"),
    ({"thousands": ","}, r"^\s*[+-]?\d{1,3}(,\d{3})*(\.\d+)?\s*$"),
    ({"decimal": ","}, r"^\s*[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?\s*$"),
    ({"decimal": ",", "thousands": "."}, r"^\s*[+-]?\d{1,3}(\.\d{3})*(,\d+)?\s*$"),
    ({"thousands": " "}, r"^\s*[+-]?\d{1,3}( \d{3})*(\.\d+)?\s*$"),
    ({"decimal": ",", "thousands": " "}, r"^\s*[+-]?\d{1,3}( \d{3})*(,\d+)?\s*$"),
)
"""How texts write numbers: options of the cleaner `cast`, and what it then reads."""
MOSTLY = 0.9
"""Share of a column's values above which it is one of numbers."""
PADDED, MANY_PADDED = r"^\s*0\d", 0.02
"""Numbers that begin with a zero they need not, and the share of them from which they are no quantities."""


@dataclass(frozen=True)
class NumberTexts:
    """A column of text of which nearly all values are numbers."""

    column: str
    options: dict[str, str]
    """Of the cleaner `cast`: how the numbers are written."""
    form: str
    """The same, as a regular expression."""
    share: float
    """Of the values that are looked at, those that read so."""

    @property
    def line(self) -> str:
        """The line of a spec that makes numbers of them, and missing what is none."""
        return clean("cast", self.column, to="number", **self.options, unparsable="missing")


def number_texts(column: str, values: pl.Series, rows: Rows) -> NumberTexts | None:
    """What is to be said of a column with these texts, none blank, each in `rows` rows [n]; `None`: nothing."""
    total = int(rows.sum())
    if not total:
        return None
    read = [int(rows[values.str.contains(form).to_numpy()].sum()) for _, form in NUMBER_FORMS]
    options, form = NUMBER_FORMS[int(np.argmax(read))]
    share = max(read) / total
    return NumberTexts(column, options, form, share) if share > MOSTLY else None


def is_key(column: str, values: pl.Series) -> bool:
    """Whether different texts of digits are names rather than quantities, by the column's name or leading zeros."""
    padded = int(values.str.contains(PADDED).sum())
    return ID_NAME.search(column) is not None or padded > MANY_PADDED * len(values)


def said(column: str, share: float, others: int = 0) -> str:
    """The sentence; `others`: how many values are no numbers, where that is known, without their text.

    >>> said("price", 0.9999, 1), said("price", 0.97)
    ('price is text, and 99.9% of its values read as numbers, all but 1.', \
'price is text, and 97% of its values read as numbers.')
    """
    return (
        f"{column} is text, and {percent(share)} of its values read as numbers"
        f"{f', all but {amount(others)}' if others else ''}."
    )
