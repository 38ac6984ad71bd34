"""One fold of one trial: preparation fitted on the other folds' profiles, a network trained, the fold judged.

The folds' profiles come from the single scan of the data; leaving one out is a merge, never a second scan.
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
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.evaluate.threshold import choose
from rayline.models.network import Network
from rayline.prepare import preparation, target
from rayline.profile.profile import Profile, merge
from rayline.spec import Spec
from rayline.train.loop import fit
from rayline.tune.ledger import FoldResult

STOPPING_SHARE = 0.1
"""Share of a fold's training rows set aside to stop early or to tune the threshold; the judged fold does neither."""


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
    digest: str = ""
    """Names the data, so that a resumed search can tell whether it has changed."""
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
    threshold = spec.evaluate.threshold
    if spec.train.early_stopping is not None or isinstance(threshold, str):
        draw = uniform(hash_keys(data.frame[ROW], derive(spec.train.seed, "stopping")))
        aside = learning & (draw < STOPPING_SHARE)
        stopping = data.rows(prepared, aside) if aside.any() else None
        learning &= ~aside
    training, judged = data.rows(prepared, learning), data.rows(prepared, held)
    network = cast(Network, cast(Any, spec.model).build(prepared.layout, data.target, seed=spec.train.seed))
    trained = fit(network, training, stopping if spec.train.early_stopping is not None else None, spec.train)
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
            f"{metric} is not defined on fold {fold + 1}, which has {len(judged)} rows: "
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
