"""The search on a cluster: Ray Tune schedules trials on reused actors; the ledger keeps what they finish.

    ask -> params -> trial actor: for each fold: ledger? else train, judge, commit -> report -> tell

On `resume` finished folds are read, trials that were cut off are tried first, and the search algorithm is
told everything known before it is asked for more.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search import Searcher

from rayline.core.errors import RaylineError, RunError
from rayline.spec import Spec
from rayline.spec.document import load, to_dict
from rayline.tune.crossval import FoldData, run_fold
from rayline.tune.ledger import Ledger, TrialRecord, digest
from rayline.tune.search._search import Params, Search
from rayline.tune.space import apply

SAME_AGAIN = 50
"""Askings in a row that bring nothing new before a space counts as used up."""


@dataclass(frozen=True)
class SearchProgress:
    """Where a search is."""

    trials_done: int
    trials: int
    folds_done: int
    folds: int
    best: float | None
    metric: str
    seconds: float
    milestone: bool

    def line(self) -> str:
        best = "" if self.best is None else f"  best {self.metric} {self.best:.4f}"
        left = ""
        if 0 < self.folds_done < self.folds:
            left = f"  {self.seconds / self.folds_done * (self.folds - self.folds_done):.0f} s left"
        return f"trial {self.trials_done}/{self.trials}  fold {self.folds_done}/{self.folds}{best}{left}"


@dataclass
class AskTell(Searcher):  # type: ignore[misc]
    """Ray Tune's searcher over one of ours; lives in the driver."""

    search: Search
    ledger: Ledger
    budget: int
    folds: int
    pending: deque[TrialRecord] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    proposed_before: set[str] = field(default_factory=set)
    asked: int = 0
    running: dict[str, Params] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(metric="value", mode="max")

    def suggest(self, trial_id: str) -> Any:
        """Settings for a new trial: one that was cut off, else what the search asks for."""
        if self.pending:
            params = self.pending.popleft().params
        else:
            fresh = self._fresh()
            if fresh is None:
                return Searcher.FINISHED
            params = fresh
        self.running[trial_id] = params
        return {"params": params}

    def _fresh(self) -> Params | None:
        if self.asked >= self.budget:
            return None
        repeats = 0
        while repeats < SAME_AGAIN:
            params = self.search.ask()
            if params is None:
                return None
            name = digest(params)
            if name not in self.seen:
                self.seen.add(name)
                self.ledger.start(params, self.asked)
                self.asked += 1
                return params
            # a search begun anew first proposes again what the run before it asked for
            repeats += name not in self.proposed_before
            self.proposed_before.discard(name)
        return None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        params = self.running.pop(trial_id, None)
        if params is not None and result is not None and not error and "value" in result:
            self.search.tell(params, result["value"])
            if result["folds"] < self.folds:
                self.ledger.give_up(digest(params))

    def save(self, checkpoint_path: str) -> None:  # the ledger is the state
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


def search(
    data: FoldData,
    spec: Spec,
    *,
    folder: str,
    metric: str,
    maximise: bool,
    on_progress: Callable[[SearchProgress], None] | None = None,
) -> list[TrialRecord]:
    """Run (or go on with) the search in `folder`; returns every trial with its finished folds.

    Raises:
        SpecError: the folder holds another search.
        RunError: every trial failed; the first error is named.
    """
    ledger = Ledger(folder)
    ledger.open({"spec": digest(to_dict(spec)), "data": data.digest, "metric": metric})
    known = ledger.trials(spec.tune.fits)
    algorithm = cast(Any, spec.tune.search).build(dict(spec.tune.space), seed=spec.tune.seed, maximise=maximise)
    pending: deque[TrialRecord] = deque()
    for record in known:
        if len(record.folds) == spec.tune.fits or (record.given_up and record.folds):
            algorithm.tell(record.params, float(np.mean([r.value for r in record.folds.values()])))
        else:
            pending.append(record)
    asker = AskTell(
        search=algorithm,
        ledger=ledger,
        budget=spec.tune.trials,
        folds=spec.tune.fits,
        pending=pending,
        seen={record.id for record in known},
        proposed_before={record.id for record in known},
        asked=len(known),
    )
    if pending or asker.asked < asker.budget:
        _run(data, spec, asker, metric, maximise, on_progress)
    trials = ledger.trials(spec.tune.fits)
    if not any(record.folds for record in trials):
        raise RunError(f"no trial of the search finished a fold; see {folder}.")
    return trials


def _run(
    data: FoldData,
    spec: Spec,
    asker: AskTell,
    metric: str,
    maximise: bool,
    on_progress: Callable[[SearchProgress], None] | None,
) -> None:
    scheduler: Any = FIFOScheduler()
    if spec.tune.stopping == "asha":
        scheduler = ASHAScheduler(
            time_attr="folds", metric="value", mode="max" if maximise else "min",
            max_t=spec.tune.fits, grace_period=1, reduction_factor=2,
        )  # fmt: skip
    trainable = tune.with_parameters(
        _trial, data=data, document=to_dict(spec), folder=asker.ledger.folder, metric=metric
    )
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # the newer output prints boxes whatever `verbose` says
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # its own ends the search as if it had been finished
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=asker,
            scheduler=scheduler,
            num_samples=len(asker.pending) + asker.budget - asker.asked,
            max_concurrent_trials=_concurrent(spec),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=f"ray-tune-{time.time_ns()}",
            storage_path=str(os.path.abspath(asker.ledger.folder))
            if "://" not in asker.ledger.folder
            else asker.ledger.folder,
            verbose=0,
            callbacks=[_Progress(spec, metric, maximise, on_progress)] if on_progress else [],
        ),
    )
    results = tuner.fit()
    if results.errors and not any(r.metrics and "value" in r.metrics for r in results):
        raise RunError(f"every trial of the search failed. The first: {_cause(results.errors[0])}")


def _cause(error: BaseException) -> BaseException:
    cause = getattr(error, "cause", None) or error
    return cause if isinstance(cause, RaylineError) else error


def _concurrent(spec: Spec) -> int:
    cpus = int(ray.cluster_resources().get("CPU", 1))
    return cpus if spec.tune.max_concurrent == "auto" else min(cpus, spec.tune.max_concurrent)


def _trial(config: dict[str, Any], *, data: FoldData, document: dict[str, Any], folder: str, metric: str) -> None:
    ledger, params = Ledger(folder), config["params"]
    spec = apply(load(document), params)
    trial = digest(params)
    values: list[float] = []
    for fold in range(spec.tune.fits):
        result = ledger.fold(trial, fold)
        if result is None:
            result = run_fold(data, spec, fold, metric)
            ledger.commit(trial, result)
        values.append(result.value)
        tune.report({"value": float(np.mean(values)), "folds": fold + 1})


class _Progress(tune.Callback):  # type: ignore[misc]
    """Counts trials and folds as they are reported, in the driver."""

    def __init__(self, spec: Spec, metric: str, maximise: bool, tell: Callable[[SearchProgress], None]) -> None:
        self._spec = spec
        self._metric = metric
        self._better = max if maximise else min
        self._tell = tell
        self._folds: dict[str, int] = {}
        self._complete: dict[str, float] = {}
        self._started = time.perf_counter()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tell": None}  # Ray Tune pickles its callbacks, and a terminal cannot be

    def on_trial_result(self, *_: Any, trial: Any, result: dict[str, Any], **__: Any) -> None:
        self._folds[trial.trial_id] = result["folds"]
        if result["folds"] == self._spec.tune.fits:
            self._complete[trial.trial_id] = result["value"]
        self._send(milestone=result["folds"] == self._spec.tune.fits)

    def _send(self, *, milestone: bool) -> None:
        self._tell(
            SearchProgress(
                trials_done=len(self._complete),
                trials=self._spec.tune.trials,
                folds_done=sum(self._folds.values()),
                folds=self._spec.tune.trials * self._spec.tune.fits,
                best=self._better(self._complete.values()) if self._complete else None,
                metric=self._metric,
                seconds=time.perf_counter() - self._started,
                milestone=milestone,
            )
        )
