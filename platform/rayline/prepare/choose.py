"""Which steps each column goes through: those of its type, and those the spec gives it by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rayline.core.catalog import names
from rayline.core.columns import Feature, FeatureType
from rayline.core.errors import SpecError, UnknownNameError, listing, nearest
from rayline.prepare.encode._encoder import EncodeConfig
from rayline.prepare.impute._imputer import ImputeConfig
from rayline.prepare.outliers._outliers import OutliersConfig
from rayline.prepare.scale._scaler import ScaleConfig
from rayline.prepare.tensors import TensorConfig
from rayline.spec.sections import ColumnSteps, Prepare


@dataclass(frozen=True)
class Steps:
    """The steps of one column, in this order; `None` is no step."""

    impute: ImputeConfig | None = None
    outliers: OutliersConfig | None = None
    scale: ScaleConfig | None = None
    encode: EncodeConfig | None = None
    tensor: TensorConfig | None = None
    """Of a text, image, sound or sequence column, the one step there is."""


ALLOWED = {
    FeatureType.NUMBER: ("impute", "outliers", "scale"),
    FeatureType.CATEGORY: ("impute", "encode"),
    FeatureType.TEXT: ("text",),
    FeatureType.IMAGE: ("image",),
    FeatureType.AUDIO: ("audio",),
    FeatureType.SEQUENCE: ("sequence",),
}
TENSORS = {
    FeatureType.TEXT: "texts",
    FeatureType.IMAGE: "images",
    FeatureType.AUDIO: "audio",
    FeatureType.SEQUENCE: "sequences",
}
"""Types of the columns that become arrays, and the key of the spec's `prepare` that says how."""


def choose(prepare: Prepare, features: Sequence[Feature]) -> dict[str, Steps]:
    """The steps of each feature that is learnt from, by name; tensor columns without a step are left out.

    A key given under `prepare.columns` replaces the type's step, `none` included; one not given keeps it.

    Raises:
        UnknownNameError: `prepare.columns` names a column that is not learnt from.
        SpecError: a step that does not fit the column's type.
    """
    learnt = {f.name: f for f in features if f.type in ALLOWED}
    for name in prepare.columns:
        if name not in learnt:
            raise UnknownNameError(
                f"prepare.columns.{name}: no feature that is learnt from is called {name!r}."
                f"{nearest(name, learnt)} Features: {listing(learnt)}."
            )
    chosen = {name: _column_steps(prepare, feature) for name, feature in learnt.items()}
    return {name: steps for name, steps in chosen.items() if learnt[name].type not in TENSORS or steps.tensor}


def tensor_step(prepare: Prepare, feature: Feature) -> TensorConfig | None:
    """What makes arrays of a text, image, sound or sequence column, where anything does."""
    own = prepare.columns.get(feature.name, ColumnSteps())
    kind = str(feature.type)
    step: TensorConfig | None = (
        getattr(own, kind) if kind in own.model_fields_set else getattr(prepare, TENSORS[feature.type])
    )
    return step


def _column_steps(prepare: Prepare, feature: Feature) -> Steps:
    if feature.type in TENSORS:
        for step in prepare.columns.get(feature.name, ColumnSteps()).model_fields_set:
            _require_fit(feature, step, None)
        return Steps(tensor=tensor_step(prepare, feature))
    if feature.type is FeatureType.NUMBER:
        section, numbers = "prepare.numbers", prepare.numbers
        steps = Steps(impute=numbers.impute, outliers=numbers.outliers, scale=numbers.scale)
    else:
        section, categories = "prepare.categories", prepare.categories
        steps = Steps(impute=categories.impute, encode=categories.encode)  # type: ignore[arg-type]
    own = prepare.columns.get(feature.name, ColumnSteps())
    for step in own.model_fields_set:
        _require_fit(feature, step, getattr(own, step))
        steps = replace(steps, **{step: getattr(own, step)})
    where = f"prepare.columns.{feature.name}" if "impute" in own.model_fields_set else section
    _require_type(feature, steps.impute, where)
    return steps


def _require_fit(feature: Feature, step: str, value: object) -> None:
    where = f"prepare.columns.{feature.name}.{step}"
    if step not in ALLOWED[feature.type] and value is not None:
        raise SpecError(
            f"{where}: a {feature.type} column has no step {step!r}. Allowed: {listing(ALLOWED[feature.type])}. "
            f"Set data.features.{feature.name} if its type is wrong."
        )
    if step == "encode" and feature.type is FeatureType.CATEGORY and value is None:
        raise SpecError(f"{where}: a category column needs one of {listing(names('encode'))}, not none.")


def _require_type(feature: Feature, impute: ImputeConfig | None, where: str) -> None:
    if impute is not None and feature.type not in impute.types:
        fits = " and ".join(sorted(impute.types))
        raise SpecError(
            f"{where}.impute: {type(impute).plugin_name} fills {fits} columns, and {feature.name!r} is a "
            f"{feature.type}. "
            f"Use another of {listing(names('impute'))}."
        )
