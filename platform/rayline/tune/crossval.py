"""One fold of one trial: preparation fitted on the other folds' profiles, a network trained, the fold judged.

The folds' profiles come from the single scan of the data; leaving one out is a merge, never a second scan.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW, Feature, Target
from rayline.core.prepared import Rows
from rayline.core.seeds import derive, hash_keys, uniform
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.models.network import Network
from rayline.prepare import preparation, target
from rayline.profile.profile import Profile, merge
from rayline.spec import Spec
from rayline.train.loop import fit
from rayline.tune.ledger import FoldResult

STOPPING_SHARE = 0.1
"""Share of a fold's training rows set aside for early stopping, so that the judged fold never stops it."""


@dataclass(frozen=True)
class FoldData:
    """The training rows of a spec with the fold of each, and what each fold's scan found.

    `frame` [n] holds `ROW`, the features and the target; `fold` int8 [n] is 0..k-1.
    """

    target: Target
    features: tuple[Feature, ...]
    frame: pl.DataFrame
    fold: npt.NDArray[np.int8]
    profiles: dict[int, Profile]
    _merged: dict[int, Profile] = field(default_factory=dict, repr=False, compare=False)

    def without(self, fold: int) -> Profile:
        """The profile of all folds but `fold`; merged once and kept."""
        if fold not in self._merged:
            self._merged[fold] = merge([p for k, p in sorted(self.profiles.items()) if k != fold])
        return self._merged[fold]

    def rows(self, prepared: preparation.Preparation, chosen: npt.NDArray[np.bool_]) -> Rows:
        part = self.frame.filter(pl.Series(chosen))
        return Rows(
            prepared.apply(part),
            target.encode(part[self.target.name], self.target),
            part[ROW].to_numpy(),
        )


def run_fold(data: FoldData, spec: Spec, fold: int, metric: str) -> FoldResult:
    """Train on every fold but `fold`, judge on it.

    Raises:
        DataError: the other folds cannot be prepared, for example a feature all missing in them.
        RunError: training diverged.
    """
    started = time.perf_counter()
    prepared = preparation.fit(spec.prepare, data.features, data.without(fold))
    held = data.fold == fold
    learning = ~held
    stopping: Rows | None = None
    if spec.train.early_stopping is not None:
        draw = uniform(hash_keys(data.frame[ROW], derive(spec.train.seed, "stopping")))
        aside = learning & (draw < STOPPING_SHARE)
        stopping = data.rows(prepared, aside) if aside.any() else None
        learning &= ~aside
    training, judged = data.rows(prepared, learning), data.rows(prepared, held)
    network = cast(Network, cast(Any, spec.model).build(prepared.layout, data.target, seed=spec.train.seed))
    trained = fit(network, training, stopping, spec.train)
    network.load_state_dict(trained.state_dict)
    scored = Scored(data.target, judged.target, network.predict(judged.inputs))
    values = {name: m(scored) for name, m in metrics_for(data.target.task).items()}
    value = values[metric] if metric in values else build_metric(metric)(scored)
    assert value is not None, f"{metric} is not defined on fold {fold}"
    return FoldResult(
        fold=fold,
        value=float(value),
        metrics=dict(values),
        seconds=time.perf_counter() - started,
        rows=len(judged),
        train_rows=len(training),
    )
