"""Judge a trained network on the test rows, and against the champion on rows neither has learnt from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.core.errors import NotFoundError, RaylineError
from rayline.core.names import CHAMPION
from rayline.core.prepared import Rows
from rayline.evaluate import gates
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.gates import GateResult
from rayline.evaluate.judge import compare, judge
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, default_metric
from rayline.evaluate.succession import Succession, defended, succeed
from rayline.evaluate.threshold import choose
from rayline.evaluate.worst import worst_errors
from rayline.explain.permutation import Importance, importance
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Stages
from rayline.pipeline.split_record import same_split
from rayline.pipeline.training import Trained
from rayline.prepare.recipe import Recipe
from rayline.prepare.split._parts import TEST
from rayline.registry import predictor
from rayline.registry.models import Entry, Registry
from rayline.spec.sections import Evaluate


@dataclass(frozen=True)
class Judged:
    """What is known of a model before it is registered."""

    judgement: Judgement
    gates: list[GateResult]
    importances: list[Importance]
    worst: pl.DataFrame
    threshold: float
    sample: pl.DataFrame
    """Test rows as they came (all of them, or 65,536 drawn by hash), in the order of `scored`."""
    scored: Scored
    """Predictions on `sample`."""
    champion: Entry | None
    succession: Succession
    """Whether it takes the champion's place."""


def judge_model(stages: Stages, collected: Collected, trained: Trained) -> Judged:
    """Metrics with intervals, slices, gates, importance and worst errors of the test rows.

    Raises:
        DataError: there is no test row.
        RunError: predictions are not finite.
    """
    spec, seed = collected.spec, collected.spec.train.seed
    with stages.stage("judge") as summary:
        threshold = _threshold(collected, trained)
        scored = _scored(collected, trained, trained.test, threshold)
        sample, rows = _sample(collected, trained.test)
        sampled = scored.take(rows)
        whole = len(rows) == len(trained.test.row)
        judgement = judge(
            sampled if whole else scored, spec.evaluate if whole else _without_slices(spec.evaluate),
            slices=sample if whole else None, seed=seed,
        )  # fmt: skip
        if not whole and spec.evaluate.slices:
            on_sample = judge(sampled, spec.evaluate, slices=sample, seed=seed)
            judgement = replace(judgement, slices=on_sample.slices)
        champion, declared = _champion(spec.model_name), spec.evaluate.gates
        follows = champion is not None and spec.registration.alias == CHAMPION
        compared = [g.metric for g in gates.parse_all(declared) if g.needs_champion]
        compared += defended(declared, judgement) if follows else []
        paired = _paired(collected, sample, sampled, champion, compared)
        results = gates.check(declared, judgement, champion.metrics if champion else None, paired=paired)
        succession = succeed(declared, judgement, champion.version if champion and follows else None, paired)
        metric = default_metric(collected.target.task)
        importances: list[Importance] = []
        if spec.explain.importance_repeats:
            importances = importance(
                lambda frame: trained.network.predict(trained.preparation.apply(frame)),
                sample, sampled.truth, collected.target, build_metric(metric),
                repeats=spec.explain.importance_repeats, rows=spec.explain.importance_rows, seed=seed,
                features=[f.name for f in collected.features], threshold=threshold,
            )  # fmt: skip
        worst = worst_errors(sampled, sample, private=collected.training.private)
        shown = metric if metric in judgement.metrics else next(iter(judgement.metrics))
        value = judgement.metrics[shown].value
        summary.text = f"{judgement.rows:,} test rows, {shown} " + ("undefined" if value is None else f"{value:.4f}")
    return Judged(judgement, results, importances, worst, threshold, sample, sampled, champion, succession)


def _scored(collected: Collected, trained: Trained, rows: Rows, threshold: float = 0.5) -> Scored:
    return Scored(collected.target, rows.target, trained.network.predict(rows.inputs), threshold)


def _threshold(collected: Collected, trained: Trained) -> float:
    asked = collected.spec.evaluate.threshold
    if not isinstance(asked, str):
        return asked
    return choose(_scored(collected, trained, trained.validation), asked)


def _sample(collected: Collected, test: Rows) -> tuple[pl.DataFrame, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The raw test rows the profile kept, and their places among the prepared test rows."""
    kept = collected.profiles[TEST].sample if TEST in collected.profiles else pl.DataFrame({ROW: []})
    order = np.argsort(test.row, kind="stable")
    places = order[np.searchsorted(test.row[order], kept[ROW].to_numpy())]
    by_place = np.argsort(places, kind="stable")
    return kept[by_place.tolist()], places[by_place]


def _without_slices(settings: Evaluate) -> Evaluate:
    return settings.model_copy(update={"slices": ()})


def _recipe(recipe: Recipe | None) -> dict[str, Any] | None:
    """What a recipe does; the order of the source's columns changes no answer."""
    return None if recipe is None else {key: said for key, said in recipe.to_json().items() if key != "order"}


def _champion(model: str) -> Entry | None:
    try:
        entries = Registry().list(model)
    except NotFoundError:
        return None
    return next((entry for entry in entries if CHAMPION in entry.aliases), None)


def _paired(
    collected: Collected, sample: pl.DataFrame, scored: Scored, champion: Entry | None, names: list[str]
) -> dict[str, Estimate]:
    """Differences to the champion in metrics `names` on the same test rows, where it cannot have learnt from them."""
    if champion is None or not names:
        return {}
    try:
        uri = Registry().resolve(f"{champion.name}/{champion.version}").uri
        if not same_split(uri, collected):
            return {}
        theirs = predictor.load(uri)
        if theirs.signature.as_target() != collected.target:
            return {}
        if _recipe(theirs.preparation.recipe) != _recipe(recipe_of(collected.source)):
            return {}
        answers = theirs.raw_of_clean(sample)
    except RaylineError:  # its package is gone or of another Rayline, or it reads columns that are no more
        return {}
    their_scored = replace(scored, prediction=answers, threshold=theirs.signature.threshold)
    return dict(compare(scored, their_scored, names, collected.spec.evaluate, seed=collected.spec.train.seed))
