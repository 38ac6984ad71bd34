"""Give each value of a category the number of its place in an order.

Choose it for categories that have an order (small, medium, large; grades), declared by `order`: what is not in it is
unknown. Without `order`, values that are numbers are ordered as numbers and others as texts, which means something only
if their spelling does. Agrees with scikit-learn's `OrdinalEncoder` under `unit: false`. Reference: Agresti, "Analysis
of Ordinal Categorical Data", 2010.
"""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field, field_validator

from rayline.core.category_text import category_text
from rayline.prepare.encode._encoder import Encoder, VocabularyConfig
from rayline.prepare.fitted import Numbers, Vocabulary
from rayline.prepare.training_columns import CategoryColumn


class Config(VocabularyConfig):
    order: tuple[str, ...] = ()
    """All values, from the least to the greatest."""
    unit: bool = True
    """Places run from 0 to 1, the size a network works with; `false`: 0, 1, 2 …"""
    missing: float = Field(default=-1.0, allow_inf_nan=False)
    """The number of a missing value."""
    unknown: float = Field(default=-2.0, allow_inf_nan=False)
    """The number of a value that has no place."""

    @field_validator("order", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError("give a list of values, from the least to the greatest")
        texts = [category_text(item) for item in value]
        if None in texts or len(set(texts)) < len(texts):
            raise ValueError("every value of the order must be there once, and none may be blank")
        return tuple(texts)

    def build(self) -> Ordinal:
        return Ordinal(self)


class Ordinal(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Vocabulary:
        options = self._options
        known = options.order or tuple(_ordered(options.known(column)))
        step = 1.0 / max(1, len(known) - 1) if options.unit else 1.0
        places = [(place * step,) for place in range(len(known))]
        table = ((options.missing,), (options.unknown,), *places)
        return Vocabulary(known, "numbers", missing=column.missing > 0, numbers=Numbers(("",), table))


def _ordered(texts: tuple[str, ...]) -> list[str]:
    try:
        numbers = {text: float(text) for text in texts}
    except ValueError:
        return sorted(texts)
    # to Python "nan" is a number that lies above and below none: among the others, it would leave them in any order
    last = [text for text, number in numbers.items() if math.isnan(number)]
    return [*sorted(numbers.keys() - set(last), key=lambda text: (numbers[text], text)), *sorted(last)]
