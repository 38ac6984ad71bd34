"""The signature of a model: what a request must hold, made from features and what was declared of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rayline.core.columns import Feature, FeatureType, InputColumn, Signature, Target
from rayline.spec.sections import Expectation


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
    """
    declared = expect or {}
    inputs = []
    for feature in features:
        if feature.type not in (FeatureType.NUMBER, FeatureType.CATEGORY):
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
