"""`rayline.search`: find the best settings by cross-validation, then train, judge and register them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.errors import RunError
from rayline.core.shown import counted
from rayline.evaluate.selection import build_metric, default_metric, metrics_for
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Watcher
from rayline.pipeline.line import Line, begin, describe, read_spec, require_fit
from rayline.pipeline.publishing import SearchRecord
from rayline.pipeline.result import RunResult
from rayline.pipeline.run import complete
from rayline.sources import on_ray
from rayline.sources._source import Fragment
from rayline.tune import space
from rayline.tune.crossval import Division, FoldData
from rayline.tune.leaderboard import Entry, leaderboard
from rayline.tune.on_ray import SearchProgress
from rayline.tune.on_ray import search as run_search


def search(
    spec: Any,
    *,
    sets: Iterable[str] = (),
    resume: bool = False,
    address: str | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Search the spec's `tune.space` with k-fold cross-validation, then run the best settings on all training rows.

    Arguments, result and errors are those of `rayline.run`; `RunResult.leaderboard` has every trial.

    Raises:
        SpecError: an empty space, or one whose keys or values do not fit the spec.
    """
    loaded = read_spec(spec, sets)
    space.check(loaded)
    if loaded.tune.metric != "auto":
        build_metric(loaded.tune.metric)
    with begin(loaded, "tune", resume=resume, address=address, watcher=watcher) as line:
        with line.stages.stage("profile") as summary:
            collected = line.collect(loaded, folds=loaded.tune.folds, repeats=loaded.tune.repeats)
            require_fit(collected)
            summary.text = describe(collected)
        line.tell(collected)
        board, metric = _search(line, collected)
        best = board[0]
        line.stages.watcher.note(
            f"best: {', '.join(f'{k}={v}' for k, v in best.params.items())} ({metric} {best.mean:.4f})"
        )
        chosen = collected.with_spec(space.apply(collected.spec, best.params))
        return complete(line, chosen, SearchRecord(metric, [asdict(entry) for entry in board]))


def _search(line: Line, collected: Collected) -> tuple[list[Entry], str]:
    spec, settings = collected.spec, collected.spec.tune
    metric = default_metric(collected.target.task) if settings.metric == "auto" else settings.metric
    measure = metrics_for(collected.target.task, [metric])[metric]
    maximise = measure.better == "higher"
    with line.stages.stage("search") as summary:
        trials = run_search(
            _fold_data(collected),
            spec,
            folder=line.folder.path("search"),
            metric=metric,
            maximise=maximise,
            on_progress=_shown(line.stages.watcher),
        )
        board = leaderboard(
            trials,
            folds=settings.fits,
            maximise=maximise,
            confidence=settings.confidence,
            bounds=(measure.lowest, measure.highest),
        )
        if not board or not board[0].complete:
            raise RunError(
                f"no trial of the search finished all {settings.fits} folds; see {line.folder.path('search')}."
            )
        finished = sum(entry.complete for entry in board)
        cut = sum(trial.given_up for trial in trials)
        failed = len(trials) - finished - cut
        summary.text = (
            f"{counted(finished, 'trial')} by {settings.fits} folds"
            + (f", {cut:,} stopped early" if cut else "")
            + (f", {failed:,} failed" if failed else "")
            + f", best {metric} {board[0].mean:.4f}"
        )
    return board, metric


def _shown(watcher: Watcher) -> Callable[[SearchProgress], None]:
    return lambda progress: watcher.progress(progress.line(), milestone=progress.milestone)


def _fold_data(collected: Collected) -> FoldData:
    """The training rows, gathered once; trials share them through the object store."""
    assign = collected.assign
    learnt = [feature.name for feature in collected.features]
    columns = list(dict.fromkeys([*learnt, collected.target.name, *assign.columns]))

    assigns = [assign, *(repeat.assign for repeat in collected.repeats)]

    def training(frame: pl.DataFrame, fragment: Fragment) -> tuple[pl.DataFrame, list[npt.NDArray[np.int8]]]:  # noqa: ARG001
        parts = [each(frame) for each in assigns]
        rows = parts[0] >= 0
        return frame.filter(pl.Series(rows)).select([ROW, *learnt, collected.target.name]), [p[rows] for p in parts]

    found = on_ray.scan(collected.source, training, columns=columns)
    profiles = [collected.profiles, *(repeat.profiles for repeat in collected.repeats)]
    return FoldData(
        target=collected.target,
        features=collected.features,
        frame=pl.concat([frame for frame, _ in found]),
        divisions=tuple(
            Division.of(each.assignment, np.concatenate([parts[place] for _, parts in found]), profiles[place])
            for place, each in enumerate(assigns)
        ),
        digest=collected.digest,
    )
