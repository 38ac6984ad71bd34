"""Bring numbers to one unit: by a factor and an offset, or by the unit that is written behind each.

Choose it where a column mixes units ("12 kg", "300 g"), or is in a unit the rest of the data is not in. The result is
`number * multiply + offset`, so Fahrenheit to Celsius is `{multiply: 0.5555555555555556, offset: -17.77777777777778}`.
Reference: Bureau international des poids et mesures, "The International System of Units", 2019.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rayline.core.errors import SpecError, listing
from rayline.prepare.clean._cleaner import CleanConfig, Cleaner, refusing, require


class Unit(BaseModel):
    """From one unit to the column's: `number * multiply + offset`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    multiply: float = Field(default=1.0, allow_inf_nan=False)
    offset: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _factor(cls, value: Any) -> Any:
        return {"multiply": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Config(CleanConfig):
    example: ClassVar[dict[str, Any]] = {
        "columns": ["digits"],
        "units": {"kg": 1, "g": 0.001, "F": {"multiply": 5 / 9, "offset": -160 / 9}},
        "bare": "kg",
        "unparsable": "missing",
    }

    multiply: float = Field(default=1.0, allow_inf_nan=False)
    """Of columns of numbers."""
    offset: float = Field(default=0.0, allow_inf_nan=False)
    """Added after `multiply`."""
    units: dict[str, Unit] = Field(default_factory=dict)
    """For columns of text: by the unit as it is written (kg is not KG), the factor, or `{multiply, offset}`."""
    bare: str | None = None
    """The unit of a number without one; without `bare` such a number cannot be read."""
    decimal: Literal[".", ","] = "."
    unparsable: Literal["refuse", "missing"] = "refuse"
    """What becomes of a text that is no number with a known unit: an error, or missing."""

    @field_validator("units")
    @classmethod
    def _named(cls, value: dict[str, Unit]) -> dict[str, Unit]:
        if any(name != name.strip() or not name for name in value):
            raise ValueError("a unit is a text without space around it; that of numbers without one is `bare`")
        return value

    @model_validator(mode="after")
    def _known(self) -> Config:
        if self.bare is not None and self.bare not in self.units:
            raise ValueError(f"bare: {self.bare!r} is none of units: {listing(self.units)}")
        return self

    def build(self) -> Units:
        return Units(self)


class Units(Cleaner):
    def __init__(self, options: Config) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        made = {}
        for name in self._options.columns:
            if require(schema, name, "number", "text") == "text":
                made[name] = self._read(name)
            else:
                one = Unit(multiply=self._options.multiply, offset=self._options.offset)
                made[name] = _finite(_converted(pl.col(name).cast(pl.Float64), one))
        return made

    def _read(self, name: str) -> pl.Expr:
        units = self._options.units
        if not units:
            raise SpecError(
                f"column {name!r} holds text; give the units that are written in it, such as units: {{kg: 1}}."
            )
        text = pl.col(name).str.strip_chars()
        decimal = re.escape(self._options.decimal)
        pattern = rf"^([+-]?(?:\d+(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?)\s*(.*)$"
        number = text.str.extract(pattern, 1).str.replace(self._options.decimal, ".", literal=True)
        number = number.cast(pl.Float64, strict=False)
        written = text.str.extract(pattern, 2)
        made = pl.lit(None, pl.Float64)
        for unit, conversion in units.items():
            found = written == unit
            if unit == self._options.bare:
                found |= written == ""
            made = pl.when(found).then(_converted(number, conversion)).otherwise(made)
        made = _finite(made)
        if self._options.unparsable == "missing":
            return made
        problem = f"column {name!r} holds what is no number with a unit of {listing(units)}"
        return refusing(made, made.is_null() & (text != ""), pl.Float64(), problem)


def _converted(number: pl.Expr, unit: Unit) -> pl.Expr:
    if unit.multiply != 1.0:
        number = number * unit.multiply
    return number + unit.offset if unit.offset != 0.0 else number


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)
