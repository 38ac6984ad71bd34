"""One fold of one trial: preparation fitted on the profiles of what the fold learns from, a network trained, it judged.

The folds' profiles come from the single scan of the data; leaving one out is a merge, never a second scan. Folds that
are repeated are counted on: with k folds, fold k is the first of the second division.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW, Feature, Target
from rayline.core.errors import DataError
from rayline.core.prepared import Rows
from rayline.core.seeds import derive, hash_keys, uniform
from rayline.core.shown import counted
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.evaluate.threshold import choose
from rayline.models.network import Network
from rayline.prepare import preparation, target
from rayline.prepare.augmentation import augmentation_for
from rayline.prepare.split._parts import Assignment
from rayline.prepare.training_rows import balanced
from rayline.profile.profile import Profile, merge
from rayline.spec import Spec
from rayline.train.loop import fit
from rayline.tune.ledger import FoldResult

STOPPING_SHARE = 0.1
"""Share of a fold's training rows set aside to stop early or to tune the threshold; the judged fold does neither."""


@dataclass(frozen=True)
class Division:
    """The training rows divided into k folds: `part` int8 [n] of each row, and what each part's scan found."""

    part: npt.NDArray[np.int8]
    profiles: dict[int, Profile]
    learnt: tuple[tuple[int, ...], ...]
    """Of each fold: the parts it learns from, all but its own, or those before it in time."""
    judged: tuple[tuple[int, ...], ...]
    """Of each fold: the parts it is judged on."""
    _merged: dict[int, Profile] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, assignment: Assignment, part: npt.NDArray[np.int8], profiles: dict[int, Profile]) -> Division:
        """As the split assigns them."""
        folds = range(assignment.folds)
        learnt = tuple(assignment.training_parts(fold) for fold in folds)
        return cls(part, profiles, learnt, tuple(assignment.judged_parts(fold) for fold in folds))

    def profile(self, fold: int) -> Profile:
        """The profile of what `fold` learns from; merged once and kept."""
        if fold not in self._merged:
            self._merged[fold] = merge([self.profiles[k] for k in self.learnt[fold] if k in self.profiles])
        return self._merged[fold]


@dataclass(frozen=True)
class FoldData:
    """The training rows of a spec and their divisions into folds, one for each repeat.

    `frame` [n] holds `ROW`, the features and the target.
    """

    target: Target
    features: tuple[Feature, ...]
    frame: pl.DataFrame
    divisions: tuple[Division, ...]
    digest: str = ""
    """Names the data, so that a resumed search can tell whether it has changed."""

    def at(self, fold: int) -> tuple[Division, int]:
        """The division that `fold` is of, counted over all of them, and its number there."""
        repeat, place = divmod(fold, len(self.divisions[0].learnt))
        return self.divisions[repeat], place

    def without(self, fold: int) -> Profile:
        """The profile of what `fold` learns from."""
        division, place = self.at(fold)
        return division.profile(place)

    def rows(self, prepared: preparation.Preparation, chosen: npt.NDArray[np.bool_], *, training: bool = False) -> Rows:
        """The chosen rows, prepared; `training`: as rows to learn from, without dropped outliers, out of fold."""
        part = self.frame.filter(pl.Series(chosen))
        if training:
            part = part.filter(pl.Series(prepared.in_training(part)))
        return Rows(
            prepared.apply(part, training=training),
            target.encode(part[self.target.name], self.target),
            part[ROW].to_numpy(),
        )


def run_fold(data: FoldData, spec: Spec, fold: int, metric: str) -> FoldResult:
    """Train on what `fold` learns from, all others or those before it in time, and judge on it.

    Raises:
        DataError: the other folds cannot be prepared, for example a feature all missing in them.
        RunError: training diverged.
    """
    started = time.perf_counter()
    prepared = preparation.fit(spec.prepare, data.features, data.without(fold), data.target)
    division, place = data.at(fold)
    held = np.isin(division.part, division.judged[place])
    learning = np.isin(division.part, division.learnt[place])
    stopping: Rows | None = None
    threshold = spec.evaluate.threshold
    if spec.train.early_stopping is not None or isinstance(threshold, str):
        draw = uniform(hash_keys(data.frame[ROW], derive(spec.train.seed, "stopping")))
        aside = learning & (draw < STOPPING_SHARE)
        stopping = data.rows(prepared, aside, training=True) if aside.any() else None
        learning &= ~aside
    training, judged = data.rows(prepared, learning, training=True), data.rows(prepared, held)
    network = cast(Network, cast(Any, spec.model).build(prepared.layout, data.target, seed=spec.train.seed))
    seed, steps = spec.train.seed, spec.prepare
    trained = fit(
        network,
        balanced(training, steps.balance, prepared.layout, data.target, seed=seed),
        stopping if spec.train.early_stopping is not None else None,
        spec.train,
        augmentation=augmentation_for(prepared, steps.augment, data.target, seed=seed),
    )
    network.load_state_dict(trained.state_dict)
    if isinstance(threshold, str):
        aside_scored = (
            None if stopping is None else Scored(data.target, stopping.target, network.predict(stopping.inputs))
        )
        threshold = 0.5 if aside_scored is None else choose(aside_scored, threshold)
    scored = _scored(data, network, judged, threshold)
    values = {name: m(scored) for name, m in metrics_for(data.target.task).items()}
    value = values[metric] if metric in values else build_metric(metric)(scored)
    if value is None or not math.isfinite(value):
        raise DataError(
            f"{metric} is not defined on fold {fold + 1}, which has {counted(len(judged))}: "
            "use data.split: stratified, or fewer folds (tune.folds)."
        )
    return FoldResult(
        fold=fold,
        value=float(value),
        metrics={name: found if math.isfinite(found) else None for name, found in values.items()},
        seconds=time.perf_counter() - started,
        rows=len(judged),
        train_rows=len(training),
    )


def _scored(data: FoldData, network: Network, rows: Rows, threshold: float = 0.5) -> Scored:
    return Scored(data.target, rows.target, network.predict(rows.inputs), threshold)
