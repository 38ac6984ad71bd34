"""`judge`: predictions in, everything worth saying about them out.

n rows · K classes
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from rayline.core.columns import Task
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.seeds import derive
from rayline.evaluate.bootstrap import Estimate, difference, estimate, resamples
from rayline.evaluate.curves import reliability, roc_and_pr
from rayline.evaluate.judgement import ClassScores, Fit, Judgement, Slice
from rayline.evaluate.metrics._metric import Metric
from rayline.evaluate.metrics.mse import errors
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.evaluate.slices import slice_rows
from rayline.spec.sections import Evaluate

SMALL_SLICE = 50
"""Slices of fewer rows are flagged."""

_SLICE_ROWS = 4_000  # drawn from in a slice's bootstrap
_SHOWN_PAIRS = 1_500
_WORK = 60_000  # rows drawn from, times classes: one-vs-rest metrics cost as many sorts as there are classes


def judge(scored: Scored, settings: Evaluate, *, slices: pl.DataFrame | None = None, seed: int = 0) -> Judgement:
    """Judge predictions: the metrics of `settings` and of its gates with intervals, curves, and slices.

    Args:
        scored: predictions beside the truth [n].
        settings: the spec's `evaluate` section.
        slices: the columns to slice by [n rows], raw values, in the order of `scored`; every column of it that
            `settings.slices` names is used.
        seed: of the resamples; the same seed gives the same intervals.

    Raises:
        DataError: there are no rows to judge.
        SpecError: a metric that does not fit the task, or a slice column that `slices` does not hold.
    """
    if not len(scored):
        raise DataError("there are no rows to judge on. Give data.split a larger test share, or more data.")
    metrics = wanted(scored.task, settings)
    drawn = resamples(len(scored), settings.bootstrap, seed=seed, most_rows=_most_rows(scored, 10_000))
    found = estimate(metrics, scored, drawn, settings.confidence)
    by_slice = list(_slices(scored, settings, slices, metrics, seed)) if settings.slices else []
    confusion = _confusion(scored) if scored.task.is_classification else np.zeros((0, 0), np.int64)
    roc, pr = roc_and_pr(scored) if scored.task.is_classification else ((), ())
    return Judgement(
        task=scored.task,
        rows=len(scored),
        metrics=found,
        confidence=settings.confidence,
        threshold=scored.threshold,
        classes=scored.target.classes,
        slices=tuple(by_slice),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        by_class=_by_class(confusion, scored.target.classes),
        roc=roc,
        pr=pr,
        calibration=reliability(scored),
        fit=None if scored.task.is_classification else _fit(scored, seed),
        notes=tuple(_notes(scored, found, confusion)),
    )


def wanted(task: Task, settings: Evaluate) -> dict[str, Metric]:
    """The metrics `settings` asks for, those its gates need included.

    Raises:
        SpecError: one that does not fit the task.
    """
    if settings.metrics == "auto":
        metrics_for(task, settings.gates)
        return metrics_for(task)
    return metrics_for(task, [*settings.metrics, *settings.gates])


def compare(
    scored: Scored, champion: Scored, names: Iterable[str], settings: Evaluate, *, seed: int = 0
) -> dict[str, Estimate]:
    """Each metric of `scored` minus that of `champion` on the same rows, with paired intervals.

    Both must hold the same rows in the same order, and rows that neither model was trained on.
    """
    assert np.array_equal(scored.truth, champion.truth), "a paired comparison needs the same rows"
    drawn = resamples(len(scored), settings.bootstrap, seed=seed, most_rows=_most_rows(scored, 10_000))
    return {name: difference(build_metric(name), scored, champion, drawn, settings.confidence) for name in names}


def _most_rows(scored: Scored, most: int) -> int:
    classes = max(1, len(scored.target.classes) if scored.task is Task.MULTICLASS else 1)
    return min(most, max(2_000, _WORK // classes))


def _slices(
    scored: Scored, settings: Evaluate, columns: pl.DataFrame | None, metrics: Mapping[str, Metric], seed: int
) -> Iterable[Slice]:
    available = columns.columns if columns is not None else []
    for name in settings.slices:
        if columns is None or name not in available:
            raise SpecError(
                f"evaluate.slices: {name!r} is not a column.{nearest(name, available)} Columns: {listing(available)}."
            )
        assert len(columns) == len(scored), "slices are of the same rows"
        for value, rows in slice_rows(columns[name]):
            part = scored.take(rows)
            drawn = resamples(
                len(part), settings.bootstrap, seed=derive(seed, name, value), most_rows=_most_rows(part, _SLICE_ROWS)
            )
            small = len(part) < SMALL_SLICE
            yield Slice(name, value, len(part), small, estimate(metrics, part, drawn, settings.confidence))


def _confusion(scored: Scored) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    k = len(scored.target.classes)
    pairs = scored.truth.astype(np.int64) * k + scored.labels()
    return np.bincount(pairs, minlength=k * k).reshape(k, k).astype(np.int64)


def _by_class(
    confusion: np.ndarray[tuple[int, ...], np.dtype[np.int64]], classes: tuple[str, ...]
) -> tuple[ClassScores, ...]:
    out = []
    for place in range(len(confusion)):
        hits, rows, answered = (
            int(v) for v in (confusion[place, place], confusion[place].sum(), confusion[:, place].sum())
        )
        out.append(
            ClassScores(
                classes[place],
                rows,
                answered,
                precision=hits / answered if answered else None,
                recall=hits / rows if rows else None,
                f1=2 * hits / (rows + answered) if rows + answered else None,
            )
        )
    return tuple(out)


def _fit(scored: Scored, seed: int) -> Fit:
    error = errors(scored)
    shown = np.arange(len(scored))
    if len(shown) > _SHOWN_PAIRS:
        shown = np.random.default_rng(derive(seed, "pairs")).choice(len(scored), _SHOWN_PAIRS, replace=False)
    low, high = np.quantile(error, [0.005, 0.995])
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(
        np.clip(error, low, high), bins=int(np.clip(1.5 * np.sqrt(len(error)), 8, 30)), range=(low, high)
    )
    return Fit(
        truth=tuple(scored.truth[shown].astype(float).tolist()),
        prediction=tuple(scored.prediction[shown].astype(float).tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        bias=float(error.mean()),
        within={str(share): float(np.quantile(np.abs(error), share / 100)) for share in (50, 90, 95)},
    )


def _notes(
    scored: Scored, found: Mapping[str, Estimate], confusion: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> Iterable[str]:
    if len(scored) < 200:
        yield f"Only {len(scored)} rows were judged; the intervals are wide for a reason."
    for name, metric in found.items():
        if metric.value is None:
            yield f"{name} is undefined here: {metric.reason}."
    if not scored.task.is_classification:
        return
    for place, name in enumerate(scored.target.classes):
        if confusion[place].sum() and not confusion[:, place].sum():
            yield f"The model never answers {name!r}, though {confusion[place].sum()} rows are."
