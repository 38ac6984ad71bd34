"""Learns one column: each step sees the training column as the steps before it leave it."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Feature, FeatureType
from rayline.core.errors import DataError
from rayline.core.seeds import derive
from rayline.prepare.choose import Steps
from rayline.prepare.fitted import digest
from rayline.prepare.state import CategoryState, NumberState, State
from rayline.prepare.training_columns import category_column, number_column

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

Learnt = dict[str, Any]
"""What was learnt of one column, JSON-able: column, type, missing rows, and each step's name and values."""


def learn_column(feature: Feature, steps: Steps, profile: Profile) -> tuple[State, Learnt]:
    """The state of one feature and the account of how it came about.

    Raises:
        DataError: the column cannot be learnt from as declared.
    """
    private = feature.name in profile.private
    state: State
    if feature.type is FeatureType.NUMBER:
        state, learnt = _learn_number(feature.name, steps, profile)
    else:
        state, learnt = _learn_category(feature.name, steps, profile)
        state = _hidden(state, profile.seed) if private else state
    return state, without_values(learnt) if private else learnt


def without_values(learnt: Learnt) -> Learnt:
    """The account of a private column: its steps, and nothing they learnt."""
    steps = [{"step": step["step"], "name": step["name"], "learnt": {}} for step in learnt["steps"]]
    return {**learnt, "steps": steps}


def _hidden(state: CategoryState, seed: int) -> CategoryState:
    # from the seed, so that the same data and seed make the same files
    key = f"{derive(seed, 'private', state.name):016x}"
    fill = None if state.fill is None else digest(state.fill, key)
    return replace(state, vocabulary=state.vocabulary.hidden(key), fill=fill)


def _learn_number(name: str, steps: Steps, profile: Profile) -> tuple[NumberState, Learnt]:
    column = number_column(profile, name)
    state = NumberState(name)
    learnt: Learnt = {"column": name, "type": "number", "missing": column.missing, "steps": []}
    if steps.impute is not None:
        fill = float(steps.impute.build().number(column))
        column = column.filled(fill)
        state = replace(state, fill=fill, indicator=steps.impute.indicator)
        learnt["steps"].append(_account("impute", steps.impute, fill=fill))
    elif column.missing:
        raise DataError(
            f"column {name!r} has {column.missing} missing values in the training rows and no imputer. "
            f"Set prepare.columns.{name}.impute: median, or data.features.{name}: drop."
        )
    if steps.outliers is not None:
        clip = steps.outliers.build().learn(column)
        column = column.clipped(clip.low, clip.high)
        state = replace(state, clip=clip)
        learnt["steps"].append(_account("outliers", steps.outliers, **asdict(clip)))
    if steps.scale is not None:
        affine = steps.scale.build().learn(column)
        if not (math.isfinite(affine.offset) and math.isfinite(affine.factor)):
            raise DataError(f"column {name!r} cannot be scaled: its numbers are too far apart. Cut its outliers first.")
        # no -0.0, so that no sum with it can be one (see transform.py)
        state = replace(state, affine=replace(affine, offset=affine.offset + 0.0))
        learnt["steps"].append(_account("scale", steps.scale, **asdict(state.affine)))
    return state, learnt


def _learn_category(name: str, steps: Steps, profile: Profile) -> tuple[CategoryState, Learnt]:
    column = category_column(profile, name)
    learnt: Learnt = {"column": name, "type": "category", "missing": column.missing, "steps": []}
    fill = None
    if steps.impute is not None:
        fill = steps.impute.build().category(column)
        column = column.filled(fill)
        learnt["steps"].append(_account("impute", steps.impute, fill=fill))
    assert steps.encode is not None, "choose() refuses a category without an encoder"
    vocabulary = steps.encode.build().learn(column)
    indicator = steps.impute is not None and steps.impute.indicator
    unknown = sum(column.counts.values()) - sum(column.counts[value] for value in vocabulary.values)
    learnt["steps"].append(_account("encode", steps.encode, known=len(vocabulary.values), unknown_rows=unknown))
    return CategoryState(name, vocabulary, fill, indicator), learnt


def _account(step: str, config: PluginConfig, **values: Any) -> dict[str, Any]:
    return {"step": step, "name": type(config).plugin_name, "learnt": values}
