"""The search space against the spec: every value it can take is proven to fit before any data is touched."""

from __future__ import annotations

from typing import Any

from rayline.core.errors import SpecError, listing
from rayline.spec import Spec
from rayline.spec.document import assign, to_dict, validate
from rayline.spec.sections import Prepare
from rayline.tune.search._search import Params

TUNABLE = ("prepare", "model", "train")
"""Sections whose keys a search may change; the rest is the question, not an answer."""


_SAME = "a trial trains on one CPU inside its own process, so this would change nothing."
REFUSED = {
    "train.workers": _SAME,
    "train.precision": _SAME,
    "train.max_failures": _SAME,
    "train.checkpoint_every": _SAME,
}


def check(spec: Spec) -> None:
    """Prove that each dimension's values (a range's ends) make a valid spec.

    Raises:
        SpecError: an empty space, a key outside `TUNABLE`, an unknown key, or a value that does not fit.
    """
    if not spec.tune.space:
        raise SpecError(
            "tune.space is empty: name the keys to search, for example "
            "tune: {space: {train.optimizer.lr: {low: 1e-4, high: 0.1, log: true}}}."
        )
    for key, dimension in spec.tune.space.items():
        if key.split(".")[0] not in TUNABLE:
            raise SpecError(f"tune.space.{key}: only keys of {listing(TUNABLE)} can be searched.")
        if key in REFUSED:
            raise SpecError(f"tune.space.{key}: {REFUSED[key]}")
        ends = dimension.values if dimension.values is not None else (dimension.low, dimension.high)
        for value in ends:
            try:
                tried = apply(spec, {key: round(value) if dimension.integer else value})
            except SpecError as error:
                raise SpecError(f"tune.space.{key}: {value!r} does not fit. {error}") from None
            if _read(tried.prepare) != _read(spec.prepare):
                raise SpecError(
                    f"tune.space.{key}: which rows and columns there are is the question (clean, derive, duplicates, "
                    "leakage, impute: drop); it cannot be searched."
                )


def _read(prepare: Prepare) -> tuple[Any, ...]:
    """What the data is read by: all trials share one scan of it."""
    imputes = {"numbers": prepare.numbers.impute, "categories": prepare.categories.impute}
    imputes |= {f"columns.{name}": steps.impute for name, steps in prepare.columns.items()}
    dropping = {place for place, impute in imputes.items() if impute is not None and impute.drops_rows}
    return prepare.clean, prepare.derive, prepare.duplicates, prepare.leakage, dropping


def apply(spec: Spec, params: Params) -> Spec:
    """The spec with a trial's settings in place.

    Raises:
        SpecError: a key or value that the spec refuses.
    """
    document: dict[str, Any] = to_dict(spec)
    # a shorter key first: `model` replaces the plug-in whose option `model.dropout` then sets
    for key in sorted(params, key=lambda k: k.count(".")):
        assign(document, key, params[key])
    return validate(document)
