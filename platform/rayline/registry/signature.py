"""The signature of a model: what a request must hold, made from features and what was declared of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rayline.core.columns import Feature, FeatureType, InputColumn, Signature, Target
from rayline.core.errors import SpecError, listing, nearest
from rayline.spec.sections import Expectation

INPUT_TYPES = (FeatureType.NUMBER, FeatureType.CATEGORY)


def build(
    features: Sequence[Feature],
    target: Target,
    *,
    expect: Mapping[str, Expectation] | None = None,
    private: Sequence[str] = (),
    required: Sequence[str] = (),
    threshold: float = 0.5,
) -> Signature:
    """The signature over the number and category features, in their order.

    Args:
        features: all features; ids, dates, texts and dropped columns are no input.
        target: what is predicted.
        expect: the spec's `data.expect`.
        private: the spec's `data.private`.
        required: columns that cannot be null because nothing imputes them (`Preparation.required`).
        threshold: binary tasks: where `positive` begins.

    Raises:
        SpecError: as `check_expected`.
    """
    declared = expect or {}
    check_expected(declared, features, target)
    inputs = []
    for feature in features:
        if feature.type not in INPUT_TYPES:
            continue
        said = declared.get(feature.name, Expectation())
        inputs.append(
            InputColumn(
                name=feature.name,
                type=feature.type,
                minimum=said.min,
                maximum=said.max,
                allowed=said.allowed,
                nullable=said.nullable and feature.name not in required,
                private=feature.name in private,
            )
        )
    return Signature(
        inputs=tuple(inputs),
        target=target.name,
        task=target.task,
        classes=target.classes,
        positive=target.positive,
        threshold=threshold,
    )


def check_expected(expect: Iterable[str], features: Sequence[Feature], target: Target) -> None:
    """Check that all columns of `data.expect` are inputs, for before training.

    Raises:
        SpecError: one is not, so that nothing would check it; the message says why.
    """
    for name in expect:
        _check_input(name, features, target)


def _check_input(name: str, features: Sequence[Feature], target: Target) -> None:
    types = {feature.name: feature.type for feature in features}
    inputs = [column for column, kind in types.items() if kind in INPUT_TYPES]
    if name in inputs:
        return
    if name == target.name:
        why = "it is the target, which no request holds."
    elif name in types:
        why = f"its type is {types[name]}. Set data.features.{name}: number (or category)."
    else:
        why = f"the model learns nothing from it.{nearest(name, inputs)} Features: {listing(inputs)}."
    raise SpecError(
        f"data.expect.{name}: no request is checked for {name!r}, since {why} Or leave it out of data.expect."
    )
