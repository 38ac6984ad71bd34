"""The functions of the expression language: each checks its arguments' kinds and gives a value.

A missing argument gives a missing result, but for `fill`, `is_missing` and the branches of `if`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from operator import and_

import polars as pl

from rayline.core._expression_arguments import (
    WrongArgumentError,
    a_kind,
    dated,
    numeric,
    textual,
    unified,
    written_out,
)
from rayline.core._expression_values import (
    NOTHING,
    Kind,
    Value,
    as_date,
    as_text,
    combine,
    exact,
    literal,
    number,
    sound,
)
from rayline.core.ranges import range_names

US_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Function:
    """One function of the language."""

    make: Callable[..., Value]
    usage: str
    least: int
    most: int


def chosen(condition: Value, yes: Value, no: Value) -> Value:
    """`yes` where the condition holds, `no` where it does not, missing where it is missing.

    What a branch cannot read is missing and not told of: the condition may be there to leave it out.
    """
    if condition.kind not in ("true or false", "missing"):
        raise WrongArgumentError(0, f"a condition is needed, not {a_kind(condition.kind)}. Compare it, as in x > 0.")
    yes, no = unified([yes, no], 1)
    kind: Kind = no.kind if yes.kind == "missing" else yes.kind
    test = condition.expr.cast(pl.Boolean)
    expr = pl.when(test).then(yes.expr).when(test.not_()).then(no.expr)
    whole = kind == "number" and all(v.whole or v.kind == "missing" for v in (yes, no))
    tainted, unread = yes.tainted or no.tainted, condition.unread
    return combine(expr, kind, condition, condition, yes, no, whole=whole, tainted=tainted, unread=unread)


def filled(value: Value, other: Value) -> Value:
    """`other` where `value` is missing."""
    value, other = (sound(v) for v in unified([value, other], 1))
    kind: Kind = other.kind if value.kind == "missing" else value.kind
    whole = kind == "number" and all(v.whole or v.kind == "missing" for v in (value, other))
    return combine(pl.coalesce(value.expr, other.expr), kind, value, other, whole=whole, unread=other.unread)


def missing(value: Value) -> Value:
    """Whether there is no value; a blank text is none."""
    value = sound(value)
    absent = value.expr.is_null()
    if value.kind == "text":
        absent = absent | (value.expr.str.strip_chars() == "").fill_null(value=True)
    return combine(absent, "true or false", value, value, unread=())


def _numbers(method: Callable[[pl.Expr], pl.Expr], *, mends: bool = False) -> Callable[[Value], Value]:
    def make(value: Value) -> Value:
        value = sound(numeric(value)) if mends else numeric(value)
        return combine(method(value.expr), "number", value, tainted=True)

    return make


def _round(value: Value, digits: Value | None = None) -> Value:
    places = 0 if digits is None else written_out(digits, 1, int, "a whole number of digits")
    if not 0 <= places <= 15:
        raise WrongArgumentError(1, "from 0 to 15 digits can be kept.")
    value = numeric(value)
    return combine(value.expr.round(places), "number", value, tainted=True)


def _extreme(pick: Callable[..., pl.Expr]) -> Callable[..., Value]:
    def make(*values: Value) -> Value:
        # of two zeros, which is taken for the greater is Polars' secret
        numbers = [
            sound(replace(numeric(value, place), signed=value.constant is NOTHING))
            for place, value in enumerate(values)
        ]
        there = [number.expr.is_not_null() for number in numbers]
        expr = pl.when(reduce(and_, there)).then(pick(number.expr for number in numbers))
        return combine(expr, "number", *numbers, *numbers)

    return make


def _clip(value: Value, low: Value, high: Value) -> Value:
    bounds = [
        -math.inf if bound.constant is None and place == 1 else math.inf if bound.constant is None
        else float(written_out(bound, place, (int, float), "a number or null"))
        for place, bound in enumerate((low, high), 1)
    ]  # fmt: skip
    if not bounds[0] <= bounds[1]:
        raise WrongArgumentError(2, f"the upper bound {bounds[1]:g} lies below the lower one {bounds[0]:g}.")
    value = sound(numeric(value))
    expr = value.expr.clip(*(bound if math.isfinite(bound) else None for bound in bounds))
    return combine(expr, "number", value)


def _texts(method: Callable[[pl.Expr], pl.Expr], kind: Kind = "text") -> Callable[[Value], Value]:
    def make(value: Value) -> Value:
        value = textual(value)
        return combine(method(value.expr), kind, value, whole=kind == "number")

    return make


def whole_match(pattern: str) -> str:
    """A regular expression that holds of a text where `pattern` matches all of it."""
    return rf"\A(?:{pattern})\z"


def check_pattern(pattern: str) -> str | None:
    """What is wrong with a regular expression; `None` if nothing is."""
    try:
        pl.Series([""]).str.contains(whole_match(pattern))
    except pl.exceptions.ComputeError as error:
        told = re.search(r"\nerror: (.+)", str(error))
        return told[1].strip() if told else "it cannot be read"
    return None


def _matches(value: Value, pattern: Value) -> Value:
    given = written_out(pattern, 1, str, "a regular expression")
    wrong = check_pattern(given)
    if wrong is not None:
        raise WrongArgumentError(1, f"{given!r} is no regular expression: {wrong}.")
    value = textual(value)
    return combine(value.expr.str.contains(whole_match(given)), "true or false", value)


def _contains(value: Value, part: Value) -> Value:
    value, given = textual(value), written_out(part, 1, str, "a text")
    return combine(value.expr.str.contains(given, literal=True), "true or false", value)


def _replace(value: Value, old: Value, new: Value) -> Value:
    value = textual(value)
    texts = [written_out(v, place, str, "a text") for place, v in enumerate((old, new), 1)]
    if not texts[0]:
        raise WrongArgumentError(1, "an empty text cannot be replaced.")
    return combine(value.expr.str.replace_all(texts[0], texts[1], literal=True), "text", value)


def _concat(*values: Value) -> Value:
    texts = [as_text(value) for value in values]
    return combine(pl.concat_str([text.expr for text in texts]), "text", *texts)


def _cross(*values: Value) -> Value:
    texts = [as_text(value) for value in values]
    # a bar within a value is doubled, so that different values never make the same text
    exprs = [text.expr.str.replace_all("|", "||", literal=True) for text in texts]
    return combine(pl.concat_str(exprs, separator=" | "), "text", *texts)


def _bin(value: Value, *edges: Value) -> Value:
    bounds = [float(written_out(edge, place, (int, float), "a number")) for place, edge in enumerate(edges, 1)]
    for place, (low, high) in enumerate(pairwise(bounds), 2):
        if not low < high:
            raise WrongArgumentError(place, f"edges ascend; {high:g} does not lie above {low:g}.")
    value = sound(numeric(value))
    first, *others, last_name = range_names(bounds)
    expr = pl.when(value.expr < bounds[0]).then(pl.lit(first))
    for high, name in zip(bounds[1:], others, strict=True):
        expr = expr.when(value.expr < high).then(pl.lit(name))  # type: ignore[assignment]
    last = expr.when(value.expr >= bounds[-1]).then(pl.lit(last_name))
    return combine(last, "text", *[value] * (len(bounds) + 1))


def _part_of_date(method: Callable[[pl.Expr], pl.Expr]) -> Callable[[Value], Value]:
    def make(value: Value) -> Value:
        value = dated(value)
        return combine(method(value.expr).cast(pl.Int64), "number", value, whole=True)

    return make


def _date(value: Value, form: Value | None = None) -> Value:
    if form is None:
        return dated(value)
    given = written_out(form, 1, str, "a form such as '%d.%m.%Y'")
    if "%" not in given:
        raise WrongArgumentError(1, f"{given!r} is no form of a date; one is '%d.%m.%Y'.")
    try:
        pl.select(pl.lit(dt.datetime(2024, 1, 31, tzinfo=dt.UTC)).dt.to_string(given))
    except pl.exceptions.PolarsError:
        raise WrongArgumentError(1, f"{given!r} is no form of a date; one is '%d.%m.%Y'.") from None
    return as_date(textual(value), given)


def _days_between(start: Value, end: Value) -> Value:
    start, end = dated(start), dated(end, 1)
    passed = combine((end.expr - start.expr).dt.total_microseconds().cast(pl.Float64), "number", start, end)
    return combine(exact(lambda a, b: a / b, passed, number(literal(US_A_DAY))), "number", passed)


def _number(value: Value) -> Value:
    if value.kind == "text":
        read = value.expr.str.strip_chars().cast(pl.Float64, strict=False)
        return combine(read, "number", value, tainted=True)
    return numeric(value)


FUNCTIONS: dict[str, Function] = {
    "abs": Function(_numbers(lambda x: x.abs()), "abs(x)", 1, 1),
    "sqrt": Function(_numbers(lambda x: x.sqrt()), "sqrt(x)", 1, 1),
    "log": Function(_numbers(lambda x: x.log()), "log(x)", 1, 1),
    "log1p": Function(_numbers(lambda x: x.log1p()), "log1p(x)", 1, 1),
    "exp": Function(_numbers(lambda x: x.exp(), mends=True), "exp(x)", 1, 1),
    "floor": Function(_numbers(lambda x: x.floor()), "floor(x)", 1, 1),
    "ceil": Function(_numbers(lambda x: x.ceil()), "ceil(x)", 1, 1),
    "round": Function(_round, "round(x, digits = 0)", 1, 2),
    "min": Function(_extreme(pl.min_horizontal), "min(a, b, …)", 2, 20),
    "max": Function(_extreme(pl.max_horizontal), "max(a, b, …)", 2, 20),
    "clip": Function(_clip, "clip(x, low, high)", 3, 3),
    "if": Function(chosen, "if(condition, a, b)", 3, 3),
    "fill": Function(filled, "fill(x, value)", 2, 2),
    "is_missing": Function(missing, "is_missing(x)", 1, 1),
    "lower": Function(_texts(lambda x: x.str.to_lowercase()), "lower(text)", 1, 1),
    "upper": Function(_texts(lambda x: x.str.to_uppercase()), "upper(text)", 1, 1),
    "strip": Function(_texts(lambda x: x.str.strip_chars()), "strip(text)", 1, 1),
    "length": Function(_texts(lambda x: x.str.len_chars().cast(pl.Int64), "number"), "length(text)", 1, 1),
    "words": Function(_texts(lambda x: x.str.count_matches(r"\S+").cast(pl.Int64), "number"), "words(text)", 1, 1),
    "contains": Function(_contains, "contains(text, part)", 2, 2),
    "matches": Function(_matches, "matches(text, regex)", 2, 2),
    "replace": Function(_replace, "replace(text, old, new)", 3, 3),
    "concat": Function(_concat, "concat(a, b, …)", 2, 50),
    "cross": Function(_cross, "cross(a, b, …)", 2, 20),
    "bin": Function(_bin, "bin(x, edge, …)", 2, 200),
    "text": Function(as_text, "text(x)", 1, 1),
    "number": Function(_number, "number(text)", 1, 1),
    "date": Function(_date, "date(text, form)", 1, 2),
    "year": Function(_part_of_date(lambda x: x.dt.year()), "year(date)", 1, 1),
    "month": Function(_part_of_date(lambda x: x.dt.month()), "month(date)", 1, 1),
    "day": Function(_part_of_date(lambda x: x.dt.day()), "day(date)", 1, 1),
    "weekday": Function(_part_of_date(lambda x: x.dt.weekday()), "weekday(date), Monday 1", 1, 1),
    "dayofyear": Function(_part_of_date(lambda x: x.dt.ordinal_day()), "dayofyear(date)", 1, 1),
    "hour": Function(_part_of_date(lambda x: x.dt.hour()), "hour(date)", 1, 1),
    "minute": Function(_part_of_date(lambda x: x.dt.minute()), "minute(date)", 1, 1),
    "days_between": Function(_days_between, "days_between(start, end)", 2, 2),
}
