"""Fill missing values with a declared value.

Choose it when missing means something known: no purchases is 0, no middle name is "none". It is the only imputer for
a column without a single training value.
"""

from __future__ import annotations

from typing import ClassVar

from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType
from rayline.core.errors import SpecError
from rayline.prepare.impute._imputer import ImputeConfig, Imputer
from rayline.prepare.training_columns import CategoryColumn, NumberColumn


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER, FeatureType.CATEGORY})

    value: bool | int | float | str | None = None
    """What missing values become; by default 0 for numbers and the text "missing" for categories."""

    def build(self) -> Constant:
        return Constant(self.value)


class Constant(Imputer):
    def __init__(self, value: bool | int | float | str | None) -> None:
        self._value = value

    def number(self, column: NumberColumn) -> float:
        if isinstance(self._value, str):
            raise SpecError(
                f"impute constant: the value for number column {column.name!r} must be a number, not {self._value!r}."
            )
        return float(self._value or 0.0)

    def category(self, column: CategoryColumn) -> str:
        text = "missing" if self._value is None else category_text(self._value)
        if text is None:
            raise SpecError(
                f"impute constant: the value for category column {column.name!r} must be a text, not {self._value!r}."
            )
        return text
