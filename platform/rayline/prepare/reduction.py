"""Selection and reduction: which of the prepared number columns a model reads, learnt from the training sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rayline.core.columns import Target, Task
from rayline.core.errors import DataError, listing
from rayline.core.shown import counted
from rayline.prepare.batch import prepare_frame, stays_in_training
from rayline.prepare.learn import Learnt
from rayline.prepare.number_value import FloatArray
from rayline.prepare.select._selector import Candidates
from rayline.prepare.state import CategoryState, ColumnState, State, TensorState, missing_name
from rayline.prepare.target import encode
from rayline.prepare.transform import Transform
from rayline.spec.sections import Prepare

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

EVERY = "(number inputs)"
"""Stands for all number inputs in an account of what was learnt."""


def choose_columns(
    prepare: Prepare, state: State, accounts: Sequence[Learnt], profile: Profile, target: Target | None
) -> tuple[State, tuple[Learnt, ...]]:
    """The state with what `prepare.select` and `prepare.reduce` learn, and the accounts with theirs.

    Both see the sample as the steps before leave it; it is every training row up to 65,536.

    Raises:
        DataError: no number input is there, or none is left; nothing to predict is given to a selection.
    """
    told = tuple(accounts)
    if not prepare.select and prepare.reduce is None:
        return state, told
    names = state.all_numbers  # numbers, indicators, encoded: the same whatever order the features have
    if not names:
        raise DataError("prepare.select and prepare.reduce choose among number inputs, and there are none.")
    transform = Transform(replace(state, columns=(*state.numbers, *state.categories)))
    sample = profile.sample.filter(stays_in_training(transform, profile.sample))
    numbers_MW = prepare_frame(transform, sample, training=True).numbers.astype(np.float64)
    steps = []
    for config in prepare.select:
        if target is None:
            raise DataError("prepare.select learns from the target, and none is given.")
        target_M = encode(sample[target.name], target)
        truth: FloatArray | npt.NDArray[np.int64] = (
            target_M.astype(np.float64) if target.task is Task.REGRESSION else target_M.astype(np.int64)
        )
        chosen = dict(config.build().choose(Candidates(names, numbers_MW, truth, target.task, profile.seed)))
        if not chosen:
            raise DataError(
                f"prepare.select: {type(config).plugin_name} leaves none of {counted(len(names), 'number input')}. "
                f"Ask for less: {listing(names)}."
            )
        left_out = [name for name in names if name not in chosen]
        learnt = {"kept": {name: float(score) for name, score in chosen.items()}, "left_out": left_out}
        steps.append({"step": "select", "name": type(config).plugin_name, "learnt": learnt})
        places = {name: place for place, name in enumerate(names)}
        numbers_MW = numbers_MW[:, [places[name] for name in chosen]]
        names = tuple(chosen)
        state = replace(state, kept=names)
    if state.kept is not None:
        state = _without_unread(state, set(state.kept))
    if prepare.reduce is not None:
        projection = prepare.reduce.build().learn(numbers_MW, names, profile.seed)
        state = replace(state, projection=projection)
        reduced = {"columns": len(projection.names), "of": len(names), "explained": list(projection.explained)}
        steps.append({"step": "reduce", "name": type(prepare.reduce).plugin_name, "learnt": reduced})
    return state, (*told, {"column": EVERY, "type": "number", "missing": 0, "steps": steps})


def _without_unread(state: State, kept: set[str]) -> State:
    """The state without columns that nothing kept is made of: no request need hold them."""

    def read(column: ColumnState) -> bool:
        if isinstance(column, TensorState):
            return True
        made = {missing_name(column.name)} if column.indicator else set()
        if isinstance(column, CategoryState):
            return column.has_ids or not kept.isdisjoint({*made, *column.number_names})
        # a joint imputer reads every number, and dropping outliers reads its column
        return bool(state.fillers) or column.clip.action == "drop" or not kept.isdisjoint({*made, column.name})

    return replace(state, columns=tuple(column for column in state.columns if read(column)))
