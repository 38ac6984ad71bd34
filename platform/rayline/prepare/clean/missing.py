"""Make declared stand-ins for missing missing: -999, "unknown", "?".

Choose it wherever a file says missing in its own way; left in, -999 is a number like any other to a mean, a scale and a
model. Texts are met in any case and with space around them, numbers by their value. Reference: Little and Rubin,
"Statistical Analysis with Missing Data", 2019, section 1.2.
"""

from __future__ import annotations

from typing import Any, ClassVar

import polars as pl
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from rayline.core.category_text import category_text
from rayline.core.errors import SpecError
from rayline.prepare.clean._cleaner import CleanConfig, EachColumn, require


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {
        "columns": ["text", "number", "whole"],
        "values": [-999, "unknown", "?", "n/a"],
    }

    values: tuple[StrictBool | StrictInt | StrictFloat | StrictStr, ...] = Field(min_length=1)
    """What stands for missing. Numbers and texts that are numbers are looked for in columns of either."""

    def build(self) -> Missing:
        return Missing(self)


class Missing(EachColumn[Config]):
    def __init__(self, options: Config) -> None:
        super().__init__(options)
        self._numbers = [number for value in options.values if (number := _number(value)) is not None]
        # -999.0 stands for missing as -999, too: a file of whole numbers says no more
        forms = (form for value in options.values for form in (str(value), category_text(value)) if form is not None)
        self._texts = list(dict.fromkeys(form.strip().lower() for form in forms))

    def one(self, name: str, schema: pl.Schema) -> pl.Expr:
        column = pl.col(name)
        if require(schema, name, "text", "number") == "text":
            return pl.when(column.str.strip_chars().str.to_lowercase().is_in(self._texts).not_()).then(column)
        if not self._numbers:
            raise SpecError(f"column {name!r} holds numbers, and none of the values is one.")
        stands = column.cast(pl.Float64).is_in(self._numbers)
        return pl.when(stands.not_()).then(column)


def _number(value: bool | int | float | str) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None
