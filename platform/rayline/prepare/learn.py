"""Learns every column: each step sees the training column as the steps before it leave it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Feature, FeatureType, Target
from rayline.core.errors import DataError, SpecError
from rayline.core.seeds import derive
from rayline.core.shown import counted
from rayline.prepare.choose import Steps
from rayline.prepare.fitted import Bent, Clip, Curve, Hashed, Knots, Power, digest
from rayline.prepare.impute._filled import Filled
from rayline.prepare.impute._joint import Filler, JointImputeConfig, SomeColumns
from rayline.prepare.number_value import FloatArray
from rayline.prepare.private_steps import IN_PLACE, GaveWay
from rayline.prepare.profile_columns import category_column, number_column, target_sample
from rayline.prepare.state import CategoryState, ColumnState, NumberState, State, TensorState, refuse_twins
from rayline.prepare.tensors import UnusableError
from rayline.prepare.training_columns import NumberColumn

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

Learnt = dict[str, Any]
"""What was learnt of one column, JSON-able: column, type, missing rows, and each step's name and values."""


def learn_columns(
    features: Sequence[Feature],
    steps: Mapping[str, Steps],
    profile: Profile,
    target: Target | None = None,
    gave_way: GaveWay = MappingProxyType({}),
    filled: Filled | None = None,
) -> tuple[State, list[Learnt]]:
    """The state of every feature and the account of how it came about.

    Args:
        features: those to learn, in order.
        steps: of each of them.
        profile: of the training rows.
        target: what is predicted, for encodings that learn from it.
        gave_way: of private columns, the steps in whose place others stand, for the account.
        filled: what joint imputers made of the sample before, where this is learnt once more.

    Raises:
        DataError: a column cannot be learnt from as declared.
    """
    numbers = [f.name for f in features if f.type is FeatureType.NUMBER]
    bounded = {name: _bounded(name, steps[name], profile) for name in numbers}
    fillers, whole = _fill_jointly(numbers, steps, bounded, profile, filled or Filled())
    columns: list[ColumnState] = []
    accounts: list[Learnt] = []
    for feature in features:
        name, own = feature.name, steps[feature.name]
        private = name in profile.private
        column: ColumnState
        if feature.type is FeatureType.NUMBER:
            column, learnt = _learn_number(own, bounded[name], whole.get(name), private=private)
        elif feature.type is FeatureType.CATEGORY:
            category, learnt = _learn_category(name, own, profile, target)
            column = _hidden(category, profile.seed) if private else category
        else:
            column, learnt = _learn_tensor(feature, own, profile)
        for step in learnt["steps"]:
            if step["step"] in gave_way.get(name, ()):
                step["learnt"][IN_PLACE] = gave_way[name][step["step"]]
        columns.append(column)
        accounts.append(without_values(learnt) if private else learnt)
    state = State(tuple(columns), fillers, seed=profile.seed)
    refuse_twins(state)
    return state, accounts


def without_values(learnt: Learnt) -> Learnt:
    """The account of a private column: its steps, which of them stand in another's place, and nothing they learnt."""
    steps = [
        {**step, "learnt": {key: value for key, value in step["learnt"].items() if key == IN_PLACE}}
        for step in learnt["steps"]
    ]
    return {**learnt, "steps": steps}


def _hidden(state: CategoryState, seed: int) -> CategoryState:
    if isinstance(state.vocabulary, Hashed):
        return replace(state, fill=None)  # its bucket says enough
    key = _key(state.name, seed)
    fill = None if state.fill is None else digest(state.fill, key)
    return replace(state, vocabulary=state.vocabulary.hidden(key), fill=fill)


def _key(name: str, seed: int) -> str:
    """The key of a private column's digests: from the seed, so that the same data and seed make the same files."""
    return f"{derive(seed, 'private', name):016x}"


class _Bounded(NamedTuple):
    """A number column as its limits leave it, before anything is filled."""

    column: NumberColumn
    clip: Clip | None


def _bounded(name: str, steps: Steps, profile: Profile) -> _Bounded:
    column = number_column(profile, name)
    outliers = steps.outliers
    if outliers is None or column.count == 0:
        return _Bounded(column, None)
    clip = replace(outliers.build().learn(column), action=outliers.action)
    if clip.action == "clip":
        return _Bounded(column.clipped(clip.low, clip.high), clip)
    values = column.read_sample()
    beyond = (values < clip.low) | (values > clip.high)
    if clip.action == "missing":
        return _Bounded(column.with_sample(np.where(beyond, np.nan, values)), clip)
    there = max(1, int(np.count_nonzero(~np.isnan(values))))
    staying = round(column.count * (1.0 - np.count_nonzero(beyond) / there))
    return _Bounded(column.with_sample(values[~beyond], column.missing, staying + column.missing), clip)


def _fill_jointly(
    numbers: Sequence[str],
    steps: Mapping[str, Steps],
    bounded: Mapping[str, _Bounded],
    profile: Profile,
    known: Filled,
) -> tuple[dict[str, Filler], dict[str, tuple[str, NumberColumn]]]:
    """The joint imputers that are declared, fitted; and by column the key of its imputer and the column it leaves."""
    kinds: dict[JointImputeConfig, list[str]] = {}
    for name in numbers:
        impute = steps[name].impute
        if isinstance(impute, JointImputeConfig):
            kinds.setdefault(impute, []).append(name)
    fillers: dict[str, Filler] = {}
    filled: dict[str, tuple[str, NumberColumn]] = {}
    if not kinds:
        return fillers, filled
    samples = [_whole_sample(bounded[name], name) for name in numbers]
    # a column so rare that the sample has none of it is longer by the values that were counted: rows are the sample's
    x_FM = np.array([values[: min(map(len, samples))] for values in samples], dtype=np.float64)
    x_FM[~np.isfinite(x_FM)] = np.nan
    for place, (config, names) in enumerate(kinds.items()):
        key = f"{type(config).plugin_name}-{place}"
        fillers[key] = _learn_jointly(config, x_FM, numbers, profile.seed, profile.private)
        whole_FM = known.of(fillers[key], x_FM)
        for name in names:
            filled[name] = (key, bounded[name].column.with_sample(whole_FM[numbers.index(name)], missing=0))
    return fillers, filled


def _learn_jointly(
    config: JointImputeConfig, x_FM: FloatArray, numbers: Sequence[str], seed: int, private: Sequence[str]
) -> Filler:
    places = [place for place, name in enumerate(numbers) if not (config.keeps_rows and name in private)]
    filler = config.learn(x_FM[places], [numbers[place] for place in places], seed)
    return filler if len(places) == len(numbers) else SomeColumns(filler, np.array(places, dtype=np.float64))


def _whole_sample(bounded: _Bounded, name: str) -> FloatArray:
    if bounded.clip is not None and bounded.clip.action == "drop":
        raise DataError(
            f"prepare.columns.{name}.outliers: 'drop' takes rows out, and an imputer that reads several columns "
            "needs every row. Use action: missing (or clip)."
        )
    return bounded.column.read_sample()


def _learn_number(
    steps: Steps, bounded: _Bounded, jointly: tuple[str, NumberColumn] | None, *, private: bool
) -> tuple[NumberState, Learnt]:
    column, clip = bounded
    name = column.name
    state = NumberState(name)
    learnt: Learnt = {"column": name, "type": "number", "missing": column.missing, "steps": []}
    if clip is not None and steps.outliers is not None:
        state = replace(state, clip=clip)
        action = {} if clip.action == "clip" else {"action": clip.action}
        learnt["steps"].append(_account("outliers", steps.outliers, low=clip.low, high=clip.high, **action))
    if jointly is not None and steps.impute is not None:
        key, column = jointly
        state = replace(state, joint=key, indicator=steps.impute.indicator)
        learnt["steps"].append(_account("impute", steps.impute, mean_after=column.mean))
    elif steps.impute is not None and not steps.impute.drops_rows:
        fill = float(steps.impute.build().number(column))
        column = column.filled(fill)
        state = replace(state, fill=fill, indicator=steps.impute.indicator)
        learnt["steps"].append(_account("impute", steps.impute, fill=fill))
    elif column.missing:
        raise DataError(
            f"column {name!r} has {counted(column.missing, 'missing value')} in the training rows and no imputer. "
            f"Set prepare.columns.{name}.impute: median, or data.features.{name}: drop."
        )
    if steps.outliers is not None and clip is None:  # no value was observed: the filled ones are all there is
        clip = steps.outliers.build().learn(column)
        column = column.clipped(clip.low, clip.high)
        state = replace(state, clip=clip)
        learnt["steps"].append(_account("outliers", steps.outliers, low=clip.low, high=clip.high))
    if steps.scale is not None:
        scaled = steps.scale.build().learn(column)
        if private and isinstance(scaled, Bent) and isinstance(scaled.curve, Knots):
            raise SpecError(
                f"prepare.columns.{name}.scale: {type(steps.scale).plugin_name} keeps values of {name!r}, which is "
                "private. Use standard, robust or power for it."
            )
        affine, curve = (scaled.affine, scaled.curve) if isinstance(scaled, Bent) else (scaled, None)
        if not (math.isfinite(affine.offset) and math.isfinite(affine.factor)):
            raise DataError(f"column {name!r} cannot be scaled: its numbers are too far apart. Cut its outliers first.")
        # no -0.0, so that no sum with it can be one (see transform.py)
        state = replace(state, affine=replace(affine, offset=affine.offset + 0.0), curve=curve)
        learnt["steps"].append(_account("scale", steps.scale, **asdict(state.affine), **_curve_account(curve)))
    return state, learnt


def _curve_account(curve: Curve | None) -> dict[str, Any]:
    if curve is None:
        return {}
    return {"exponent": curve.exponent} if isinstance(curve, Power) else {"knots": len(curve.x)}


def _learn_category(name: str, steps: Steps, profile: Profile, target: Target | None) -> tuple[CategoryState, Learnt]:
    column = category_column(profile, name)
    if target is not None and target.name in profile.sample.columns:
        column = replace(column, read_target=lambda: target_sample(profile, target))
    learnt: Learnt = {"column": name, "type": "category", "missing": column.missing, "steps": []}
    fill = None
    if steps.impute is not None and not steps.impute.drops_rows:
        fill = steps.impute.build().category(column)
        column = column.filled(fill)
        learnt["steps"].append(_account("impute", steps.impute, fill=fill))
    assert steps.encode is not None, "choose() refuses a category without an encoder"
    known = steps.encode.build().learn(column)
    indicator = steps.impute is not None and steps.impute.indicator
    if isinstance(known, Hashed):
        known = known if fill is None else replace(known, missing_id=known.id_of(fill))
        learnt["steps"].append(_account("encode", steps.encode, buckets=known.buckets))
    else:
        unknown = sum(column.counts.values()) - sum(column.counts.get(value, 0) for value in known.values)
        learnt["steps"].append(_account("encode", steps.encode, known=len(known.values), unknown_rows=unknown))
    return CategoryState(name, known, fill, indicator), learnt


def _learn_tensor(feature: Feature, steps: Steps, profile: Profile) -> tuple[TensorState, Learnt]:
    config = steps.tensor
    assert config is not None, "choose() leaves out columns without a step"
    found = profile.columns[feature.name]
    try:
        step = config.learn(found, profile.sample[feature.name])
    except UnusableError as error:
        raise DataError(
            f"column {feature.name!r}, which is to be {feature.type}, {error} Else set data.features.{feature.name} to "
            "what it is, or make it another by a cast (prepare.clean)."
        ) from None
    if feature.name in profile.private:
        step = step.hidden(_key(feature.name, profile.seed))
    kind = str(feature.type)
    learnt = _account(kind, config, shape=list(step.shape), **step.account())
    return (
        TensorState(feature.name, kind, type(config).plugin_name, step),
        {"column": feature.name, "type": kind, "missing": found.missing, "steps": [learnt]},
    )


def _account(step: str, config: PluginConfig, **values: Any) -> dict[str, Any]:
    return {"step": step, "name": type(config).plugin_name, "learnt": values}
