"""`data.expect`: what columns, and rows, are declared to hold."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from rayline.core.catalog import Spelt
from rayline.core.columns import ValueType
from rayline.core.errors import listing
from rayline.core.expressions import check_pattern, columns_of
from rayline.spec.bounds import Bound, require_order
from rayline.spec.forms import CategoryText, Section

EVERY = "*"
"""The key of `data.expect` for what is said of rows, not of one column."""

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class RowsExpectation(Section):
    """How many rows there are to be."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    change: float | None = Field(default=None, gt=0)
    """The most that their number may differ from that of earlier runs of this spec's name, as a share: `0.5`."""


class Expectation(Section):
    """What a column is declared to hold; under `*`, what the rows are. Training checks all of it, an endpoint what a
    single request can break (422)."""

    type: ValueType | None = None
    """What every value is, or a text reads as."""
    min: Bound | None = None
    """The least a number may be, or the earliest date; of text, what its values read as, and one that reads as neither
    breaks it."""
    max: Bound | None = None
    """The largest number, or the latest date; a date without a time of day allows that whole day."""
    allowed: tuple[CategoryText, ...] | None = None
    nullable: bool = True
    pattern: str | None = None
    """A regular expression that matches the whole of every value's text."""
    unique: bool = False
    """Whether no value occurs twice; the first row of those that repeat stays."""
    increasing: bool | Literal["strictly"] = False
    """Whether no value lies below one before it, in the order of the rows; `strictly`: nor equals it."""
    max_age: str | None = None
    """How old the newest date may be: `30m`, `36h`, `2d`, `4w`."""
    missing_share: float | None = Field(default=None, ge=0, le=1)
    """The largest share of rows without a value."""
    rows: RowsExpectation | None = None
    """Under `*`."""
    expressions: Annotated[tuple[str, ...], Spelt(one=True)] = ()
    """Under `*`: conditions over columns that no row breaks, such as `low <= high`; what is missing breaks none."""
    on: Literal["stop", "warn", "quarantine"] = "stop"
    """What is done where training data breaks it. `quarantine` sets rows aside, with the reason and their place, and
    without private columns; what is not about single rows (`max_age`, `missing_share`, `rows`) stops."""

    @field_validator("pattern")
    @classmethod
    def _regular(cls, value: str | None) -> str | None:
        wrong = None if value is None else check_pattern(value)
        if wrong is not None:
            raise ValueError(f"this is no regular expression: {wrong}")
        return value

    @field_validator("max_age")
    @classmethod
    def _age(cls, value: str | None) -> str | None:
        if value is not None and not _AGE.fullmatch(value.strip()):
            raise ValueError("give a number and s, m, h, d or w, such as 36h or 2d")
        return value

    @field_validator("expressions", mode="before")
    @classmethod
    def _conditions(cls, value: Any) -> Any:
        texts = (value,) if isinstance(value, str) else value
        for text in texts if isinstance(texts, list | tuple) else ():
            columns_of(text)
        return texts

    @model_validator(mode="after")
    def _ordered(self) -> Expectation:
        for said in (self, self.rows):
            if said is not None and said.min is not None and said.max is not None:
                require_order(said.min, said.max)
        return self

    @property
    def max_age_s(self) -> float | None:
        """`max_age` in seconds."""
        found = None if self.max_age is None else _AGE.fullmatch(self.max_age.strip())
        return float(found[1]) * _SECONDS[found[2]] if found else None


def _in_place(expect: dict[str, Expectation]) -> dict[str, Expectation]:
    for name, said in expect.items():
        of_rows = {"rows", "expressions"}
        wrong = said.model_fields_set - of_rows - {"on"} if name == EVERY else said.model_fields_set & of_rows
        wrong = {key for key in wrong if getattr(said, key) != Expectation.model_fields[key].get_default()}
        if wrong and name == EVERY:
            raise ValueError(f"{EVERY!r} takes rows, expressions and on; give {listing(sorted(wrong))} under a column")
        if wrong:
            raise ValueError(f"{name!r}: give {listing(sorted(wrong))} under {EVERY!r}, since it is said of the rows")
    return expect


Expect = Annotated[dict[str, Expectation], AfterValidator(_in_place)]
"""Column to what it is declared to hold, and `*` to what is said of the rows."""
