"""Arguments in the expression language: their kinds, and what is said where they are of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from rayline.core._expression_values import NOTHING, Value, as_date, combine, number
from rayline.core.moments import TIME

WRITTEN = "Write it as 2024-01-31 or 2024-01-31 18:00:00."


class WrongArgumentError(Exception):
    """An argument that does not fit; `place` counts from 0, -1 for their number."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place


def numeric(value: Value, place: int = 0) -> Value:
    """`value` as a number, where it is one or a truth."""
    if value.kind not in ("number", "true or false", "missing"):
        hint = " number(…) reads it." if value.kind == "text" else ""
        raise WrongArgumentError(place, f"a number is needed, not a {value.kind}.{hint}")
    return number(value)


def textual(value: Value, place: int = 0) -> Value:
    """`value`, where it is a text."""
    if value.kind not in ("text", "missing"):
        raise WrongArgumentError(place, f"a text is needed, not {a_kind(value.kind)}. text(…) writes it.")
    return value if value.kind == "text" else combine(value.expr.cast(pl.String), "text", value)


def dated(value: Value, place: int = 0) -> Value:
    """`value` as a date, where it is one or a text of ISO form."""
    if value.kind not in ("date", "text", "missing"):
        raise WrongArgumentError(place, f"a date is needed, or a text such as 2024-01-31, not {a_kind(value.kind)}.")
    if value.kind == "missing":
        return combine(value.expr.cast(TIME), "date", value)
    if isinstance(value.constant, str) and not is_date(value):
        raise WrongArgumentError(place, f"{value.constant!r} is no date. {WRITTEN}")
    return as_date(value)


def is_date(value: Value) -> bool:
    """Whether a constant reads as a date."""
    return isinstance(value.constant, str) and pl.select(as_date(value).expr).item() is not None


def unified(values: Sequence[Value], place: int = 0) -> list[Value]:
    """Values of one kind: numbers and truths together are numbers."""
    kinds = {value.kind for value in values} - {"missing"}
    if len(kinds) <= 1 and all(value.whole or value.kind == "missing" for value in values):
        return list(values)
    if kinds <= {"number", "true or false"} and "number" in kinds:
        return [number(value) for value in values]
    if len(kinds) > 1:
        raise WrongArgumentError(place, f"values of one kind are needed, not {' and '.join(sorted(kinds))}.")
    return list(values)


def a_kind(kind: str) -> str:
    """A kind of value with its article."""
    return kind if kind in ("true or false", "missing") else f"a {kind}"


def written_out(value: Value, place: int, wanted: type | tuple[type, ...], what: str) -> Any:
    """A constant of a type, which the text must hold written out."""
    constant = value.constant
    if constant is NOTHING or not isinstance(constant, wanted) or isinstance(constant, bool):
        raise WrongArgumentError(place, f"{what} is needed, written out.")
    return constant
