"""What a step of preparation learnt, in words."""

from __future__ import annotations

import re
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


def balance_words(balance: Mapping[str, Any]) -> str:
    """What balancing makes of the training rows of each class (`training_account`).

    >>> one = {"rows": 10, "made_up": 90, "epoch": 100, "weight": 1.0}
    >>> more = {"rows": 100, "made_up": 0, "epoch": 100, "weight": 1.0}
    >>> balance_words({"rows": 110, "made_up": 90, "epoch": 200, "redraws": False, "of_each": {"no": more, "yes": one}})
    'rows in an epoch 200 of 110: no 100, yes 100 (10, and 90 made up)'
    """
    told = f"rows in an epoch {amount(balance['epoch'])} of {amount(balance['rows'])}"
    if balance["made_up"] and "of_each" not in balance:
        told += f", {amount(balance['made_up'])} made up"
    if "of_each" in balance:
        told += ": " + listed_values(
            [f"{_class_name(name)} {_class_words(one)}" for name, one in balance["of_each"].items()]
        )
    return told + ("; drawn anew in each epoch" if balance["redraws"] else "")


def _class_name(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name) else repr(short(name, 60))


def _class_words(one: Mapping[str, Any]) -> str:
    rows, made, epoch = one["rows"], one["made_up"], one["epoch"]
    told = [f"{amount(rows)}, and {amount(made)} made up"] if made else []
    if not made and epoch != rows:
        told = [f"{amount(rows)}, {amount(abs(epoch - rows))} {'repetitions' if epoch > rows else 'left out'}"]
    told += [f"each counts {number(one['weight'])}"] if one["weight"] != 1.0 else []
    return amount(epoch) + (f" ({'; '.join(told)})" if told else "")


def undone_words(training: Mapping[str, Any]) -> str | None:
    """What `prepare -o` has not done to the training rows that it wrote; `None` where training does nothing else.

    >>> undone_words({"balance": {"name": "smote"}, "augment": [{"name": "mixup"}]})
    'train holds each training row once, as it is: balance smote and augment mixup happen in training'
    """
    done = [] if training["balance"] is None else [f"balance {training['balance']['name']}"]
    done += [f"augment {listed_values([step['name'] for step in training['augment']])}"] if training["augment"] else []
    if not done:
        return None
    happen = "happen" if len(done) > 1 or len(training["augment"]) > 1 else "happens"
    return f"train holds each training row once, as it is: {' and '.join(done)} {happen} in training"


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
