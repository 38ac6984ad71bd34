"""What a step of preparation learnt, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rayline.prepare.private_steps import IN_PLACE
from rayline.report.notation import amount, number, percent, short

BEYOND = {
    "clip": "becomes the limit",
    "missing": "counts as missing",
    "drop": "leaves the training row out",
}
ALWAYS = ("impute", "outliers", "scale", "encode")
"""Steps that have something to tell of every column but a private one."""
COUNTS = frozenset({"known", "buckets", "texts", "length", "frames", "bands", "samples", "knots"})
"""Whole numbers that count something."""


def learnt_words(step: Mapping[str, Any]) -> str:
    """The account of one step, `{step, name, learnt}`.

    >>> learnt_words({"step": "scale", "name": "standard", "learnt": {"offset": -38.5, "factor": 0.5}})
    '(x − 38.5) / 2'
    >>> learnt_words({"step": "impute", "name": "median", "learnt": {"fill": 3.0}})
    'missing becomes 3'
    """
    learnt = {key: value for key, value in step["learnt"].items() if value not in ([], {})}
    told: list[str] = []
    if step["step"] in ALWAYS and not learnt.keys() - {IN_PLACE}:
        told.append("not told: the column is private")
    if "fill" in learnt:
        told.append(f"missing becomes {value_words(learnt.pop('fill'))}")
    if "mean_after" in learnt:
        told.append(f"missing is estimated from other columns; mean {number(learnt.pop('mean_after'))}")
    if {"low", "high"} <= learnt.keys():
        low, high = number(learnt.pop("low")), number(learnt.pop("high"))
        told.append(f"outside {low} to {high} {BEYOND[learnt.pop('action', 'clip')]}")
    if {"offset", "factor"} <= learnt.keys():
        told.append(_scaled(learnt))
    if "known" in learnt and step["step"] == "encode":
        told.append(_known(learnt))
    if {"kept", "left_out"} & learnt.keys():
        told += _selected(learnt)
    if {"explained", "of", "columns"} <= learnt.keys():
        told.append(_reduced(learnt))
    told += [_other(key, value) for key, value in learnt.items()]
    return "; ".join(told)


def value_words(value: Any) -> str:
    """A value as a person reads it; texts in quotes where they are no plain word.

    >>> [value_words(v) for v in (38.25, "Private", "a b", True, None, [1, 2])]
    ['38.25', 'Private', "'a b'", 'yes', 'none', '1, 2']
    """
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return listed_values([f"{key} {value_words(inner)}" for key, inner in value.items()])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return listed_values([value_words(inner) for inner in value])
    return str(value) if str(value).isidentifier() else repr(short(value, 60))


def listed_values(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _scaled(learnt: dict[str, Any]) -> str:
    """`(x + offset) * factor`, of what a curve before it makes of the value, as a person would write it."""
    offset, factor = learnt.pop("offset"), learnt.pop("factor")
    before, name = "", "x"
    if "exponent" in learnt:
        before, name = f"y = x bent by exponent {number(learnt.pop('exponent'))}; ", "y"
    elif "knots" in learnt:
        before, name = f"y = its place among {amount(learnt.pop('knots'))} quantiles; ", "y"
    if factor == 0:
        return f"{before}0 for all"
    inner = name if offset == 0 else f"{name} {'−' if offset < 0 else '+'} {number(abs(offset))}"
    if factor == 1:
        return (before + inner).removesuffix("; y") if offset == 0 else before + inner
    inner = inner if offset == 0 else f"({inner})"
    return f"{before}{inner} / {number(1 / factor)}"


def _known(learnt: dict[str, Any]) -> str:
    known, unknown = learnt.pop("known"), learnt.pop("unknown_rows", 0)
    text = f"{amount(known)} {'category' if known == 1 else 'categories'}"
    rows = f"{amount(unknown)} training row{'s' if unknown > 1 else ''}"
    return text + (f"; {rows} of rarer ones count as unknown" if unknown else "")


def _selected(learnt: dict[str, Any]) -> list[str]:
    kept, left_out = learnt.pop("kept", {}), learnt.pop("left_out", [])
    scored = listed_values([f"{name} {number(score)}" for name, score in kept.items()])
    told = [f"keeps {amount(len(kept))} of {amount(len(kept) + len(left_out))}, with their scores: {scored}"]
    return told + ([f"leaves out {listed_values(left_out)}"] if left_out else [])


def _reduced(learnt: dict[str, Any]) -> str:
    columns, of, explained = learnt.pop("columns"), learnt.pop("of"), learnt.pop("explained")
    return f"{amount(columns)} of {amount(of)} columns hold {percent(sum(explained))} of the variance: " + ", ".join(
        map(percent, explained)
    )


def _other(key: str, value: Any) -> str:
    words = key.replace("_", " ")
    if key == "shape":
        return "array of " + " × ".join(map(amount, value))
    if key in COUNTS and isinstance(value, int):
        return f"{words} {amount(value)}"
    return f"{words} {value_words(value)}"
