"""The signature of a model: what a request must hold, made from features and what was declared of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from rayline.core.columns import (
    Condition,
    Feature,
    FeatureType,
    InputColumn,
    Signature,
    Target,
    ValueKind,
    ValueType,
)
from rayline.core.errors import SpecError
from rayline.core.expressions import columns_of, compile_expression
from rayline.spec.bounds import earliest, latest
from rayline.spec.sections import EVERY, Expectation

INPUT_TYPES = (
    FeatureType.NUMBER,
    FeatureType.CATEGORY,
    FeatureType.TEXT,
    FeatureType.IMAGE,
    FeatureType.AUDIO,
    FeatureType.SEQUENCE,
)
SCALARS = INPUT_TYPES[:3]
"""Inputs of single values, of which expectations can be checked."""
KIND_TYPES: dict[ValueKind, pl.DataType] = {
    "number": pl.Float64(),
    "text": pl.String(),
    "boolean": pl.Boolean(),
    "date": pl.Datetime("us"),
}
"""The column that an expression reads at the endpoint, by what it held in training."""


def build(
    features: Sequence[Feature],
    target: Target,
    *,
    expect: Mapping[str, Expectation] | None = None,
    private: Sequence[str] = (),
    required: Sequence[str] = (),
    threshold: float = 0.5,
    kinds: Mapping[str, ValueKind] | None = None,
    cleaned: Mapping[str, FeatureType] | None = None,
) -> Signature:
    """The signature over the features a model reads, in their order.

    What is expected of other columns (the target, ids, dates) is for training alone, and so are expressions that read
    one of them. What stops a run or sets rows aside refuses a request: the model was trained on no such row. What only
    warns (`on: warn`) refuses none, as it kept its rows in training.

    Args:
        features: all features; ids, dates and dropped columns are no input.
        target: what is predicted.
        expect: the spec's `data.expect`.
        private: the spec's `data.private`.
        required: columns that cannot be null because nothing imputes them (`Preparation.required`).
        threshold: binary tasks: where `positive` begins.
        kinds: column to what it held in training (`ColumnProfile.kind`), for the expressions; default: numbers for
            number features, text for all others.
        cleaned: columns that preparation corrects or derives from what requests give, and the types they then have.
            What is expected of them is asked of these values (`Validator.check_cleaned`), not of a request's.

    Raises:
        SpecError: an expression that does not fit the kinds of its columns.
    """
    made = cleaned or {}
    warned = {name: said for name, said in (expect or {}).items() if said.on == "warn"}
    declared = {name: said for name, said in (expect or {}).items() if name not in warned}
    inputs = [feature for feature in features if feature.type in INPUT_TYPES]

    def column(feature: Feature, said: Expectation | None) -> InputColumn:
        return _input(feature, said or Expectation(), feature.name in private, feature.name in required)

    return Signature(
        inputs=tuple(column(f, None if f.name in made else declared.get(f.name)) for f in inputs),
        target=target.name,
        task=target.task,
        classes=target.classes,
        positive=target.positive,
        threshold=threshold,
        conditions=_conditions(expect or {}, inputs, kinds or {}, made, private),
        cleaned=tuple(column(Feature(name, kind), declared[name]) for name, kind in made.items() if name in declared),
        warned=tuple(_warned(warned, inputs, made, private)),
    )


def _warned(
    expect: Mapping[str, Expectation],
    inputs: Sequence[Feature],
    made: Mapping[str, FeatureType],
    private: Sequence[str],
) -> Iterator[InputColumn]:
    for name, kind in {**{feature.name: feature.type for feature in inputs}, **made}.items():
        if name in expect:
            column = _input(Feature(name, kind), expect[name], name in private, required=False)
            if column != InputColumn(name=name, type=kind, private=column.private):  # else it is said of all rows
                yield column


def _input(feature: Feature, said: Expectation, private: bool, required: bool) -> InputColumn:
    scalar = feature.type in SCALARS
    return InputColumn(
        name=feature.name,
        type=feature.type,
        minimum=said.min if scalar and not isinstance(said.min, dt.date) else None,
        maximum=said.max if scalar and not isinstance(said.max, dt.date) else None,
        earliest=earliest(said.min) if scalar and isinstance(said.min, dt.date) else None,
        latest=latest(said.max) if scalar and isinstance(said.max, dt.date) else None,
        allowed=said.allowed if scalar else None,
        nullable=said.nullable and not required,
        private=private,
        value_type=_value_type(feature.type, said) if scalar else None,
        pattern=said.pattern if scalar else None,
    )


def _value_type(kind: FeatureType, said: Expectation) -> ValueType | None:
    # a number is a number by the column's type already, whatever text it came as in training
    return said.type if kind is not FeatureType.NUMBER or said.type == "integer" else None


def _conditions(
    expect: Mapping[str, Expectation],
    inputs: Sequence[Feature],
    kinds: Mapping[str, ValueKind],
    cleaned: Mapping[str, FeatureType],
    private: Sequence[str],
) -> tuple[Condition, ...]:
    types = {**{feature.name: feature.type for feature in inputs}, **cleaned}
    scalars = {name: kind for name, kind in types.items() if kind in SCALARS}
    made = []
    for text in expect[EVERY].expressions if EVERY in expect else ():
        columns = columns_of(text)
        if set(columns) <= set(scalars):
            read: dict[str, ValueKind] = {
                name: "number" if scalars[name] is FeatureType.NUMBER else kinds.get(name, "text") for name in columns
            }
            try:
                compile_expression(text, pl.Schema({name: KIND_TYPES[kind] for name, kind in read.items()}))
            except SpecError as error:
                raise SpecError(f"data.expect.*.expressions: as a request gives the columns, {error}") from None
            hidden, late = not set(columns).isdisjoint(private), not set(columns).isdisjoint(cleaned)
            warns = expect[EVERY].on == "warn"
            made.append(Condition(text=text, kinds=read, private=hidden, cleaned=late, warns=warns))
    return tuple(made)
