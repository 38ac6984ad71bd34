"""The report of a run: one HTML page that needs no network and no scripts.

ReportData → verdict, insights, tables, charts, cards → page.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rayline.core.columns import FeatureType, Task
from rayline.core.shown import counted
from rayline.profile.types import Decision, infer
from rayline.report import charts
from rayline.report.alerts import alerts, tags
from rayline.report.cards import Card, cards
from rayline.report.data import ReportData
from rayline.report.insights import insights
from rayline.report.notation import amount, number, score, seconds
from rayline.report.tables import (
    confusion_rows,
    importance_bars,
    key_figures,
    leaderboard_rows,
    metric_rows,
    mix_ups,
    preparation_rows,
    slice_groups,
    slice_heads,
    worst_table,
)
from rayline.report.template import fill
from rayline.report.verdict import verdict
from rayline.train.record import typical_rate

_MATRIX_CLASSES = 15
"""With more classes the matrix would not be readable, and the most frequent mix-ups stand alone."""
_CARDS = 120
_TASKS = {Task.BINARY: "two classes", Task.MULTICLASS: "several classes", Task.REGRESSION: "a number"}

Part = dict[str, Any]


def render(data: ReportData) -> str:
    """The page as HTML. Nothing of private columns but their names is in it, and all text is escaped."""
    private = frozenset(data.private) | frozenset(data.profile.private if data.profile else ())
    shown = replace(data.judgement, slices=tuple(one for one in data.judgement.slices if one.column not in private))
    data = replace(data, judgement=shown)
    columns = _columns(data, private)
    worst_heads, worst_rows = worst_table(data, private)
    parts: Part = {
        "confusion": _confusion(data),
        "fit": _fit(data),
        "training": _training(data),
        "curves": _curves(data),
        "importance": importance_bars(data),
        "slices": slice_groups(data),
        "worst_rows": worst_rows,
        "leaderboard": leaderboard_rows(data),
        "columns": columns[:_CARDS],
        "preparation": list(preparation_rows(data, private)),
        "insights": insights(data),
        "stages": _stages(data.stages),
    }
    return fill(
        "page.html",
        data=data,
        judgement=data.judgement,
        verdict=verdict(data),
        key_figures=key_figures(data),
        task=_TASKS[data.judgement.task],
        metrics=metric_rows(data),
        has_intervals=any(found.low is not None for found in data.judgement.metrics.values()),
        sections=_sections(parts),
        slice_heads=slice_heads(data),
        worst_heads=worst_heads,
        worst_front=3 if data.judgement.task is Task.REGRESSION else 4,
        columns_left=max(0, len(columns) - _CARDS),
        **parts,
    )


def _sections(parts: Part) -> list[tuple[str, str]]:
    every = [
        ("figures", "Figures", True),
        ("insights", "Notes", parts["insights"]),
        ("training", "Training", parts["training"]),
        ("errors", "Errors", parts["confusion"] or parts["fit"]),
        ("curves", "Curves", parts["curves"]),
        ("importance", "Importance", parts["importance"]),
        ("slices", "Slices", parts["slices"]),
        ("worst", "Mistakes", parts["worst_rows"]),
        ("search", "Search", parts["leaderboard"]),
        ("data", "Data", parts["columns"]),
        ("preparation", "Preparation", parts["preparation"]),
        ("settings", "Settings", True),
    ]
    return [(anchor, label) for anchor, label, there in every if there]


def _training(data: ReportData) -> Part | None:
    if not data.history:
        return None
    validated = any(epoch.get("validation_loss") is not None for epoch in data.history)
    learning_rates = {epoch.get("learning_rate") for epoch in data.history} - {None}
    rate = typical_rate(epoch.get("rows_per_s") for epoch in data.history)
    epochs = [
        {
            "number": int(epoch["epoch"]) + 1,
            "train": score(epoch["train_loss"]),
            "validation": score(epoch.get("validation_loss")),
            "rate": f"{amount(round(float(epoch.get('rows_per_s') or 0)))}/s",
            "seconds": seconds(float(epoch.get("seconds") or 0)),
            "kept": epoch["epoch"] == data.best_epoch,
        }
        for epoch in data.history
    ]
    return {
        "loss": charts.training(data.history, data.best_epoch),
        "length": counted(len(data.history), "epoch"),
        "schedule": charts.learning_rate(data.history) if len(learning_rates) > 1 else "",
        "rate": "–" if rate is None else amount(round(rate)),
        "legend": [("training", "10")] + ([("validation", "11")] if validated else []),
        "kept": {"shape": "dash", "label": f"kept: epoch {data.best_epoch + 1}"}
        if data.best_epoch is not None
        else None,
        "epochs": epochs if len(epochs) <= 14 else [*epochs[:6], *epochs[-6:]],
    }


def _fit(data: ReportData) -> Part | None:
    fit = data.judgement.fit
    if fit is None:
        return None
    return {
        "scatter": charts.predicted_against_true(fit),
        "residuals": charts.residuals(fit),
        "bias": number(abs(fit.bias)),
        "side": "too high" if fit.bias > 0 else "too low",
    }


def _confusion(data: ReportData) -> Part | None:
    if not data.judgement.confusion:
        return None
    many = len(data.judgement.classes)
    return {
        "matrix": confusion_rows(data) if many <= _MATRIX_CLASSES else [],
        "mix_ups": mix_ups(data) if many > 2 else [],
    }


def _curves(data: ReportData) -> Part | None:
    judgement = data.judgement
    if not judgement.roc:
        return None
    binary = judgement.task is Task.BINARY
    roc_mark = pr_mark = threshold = None
    if binary:
        (right_no, alarms), (missed, hits) = judgement.confusion
        recall = hits / (hits + missed)
        roc_mark = (alarms / (alarms + right_no), recall)
        pr_mark = (recall, hits / (hits + alarms)) if hits + alarms else None
        threshold = {"shape": "dot", "label": f"threshold {number(judgement.threshold)}"}
        words = "A curve that hugs its upper corner ranks well. The dot is where the threshold stands."
    else:
        words = "One curve a class, against all others" + (
            f"; the {len(judgement.roc)} most frequent classes are drawn."
            if len(judgement.roc) < len(judgement.classes)
            else "."
        )
    names = [] if binary else [(curve.name, str(10 + place % 12)) for place, curve in enumerate(judgement.roc)]
    return {
        "roc": charts.roc(judgement.roc, roc_mark),
        "pr": charts.precision_recall(judgement.pr, pr_mark),
        "calibration": charts.calibration(judgement.calibration) if judgement.calibration else "",
        "legend": names,
        "roc_legend": [(f"area {score(judgement.roc[0].area)}", "10")] if binary else [],
        "pr_legend": [(f"area {score(judgement.pr[0].area)}", "10")] if binary else [],
        "threshold": threshold,
        "words": words,
    }


def _columns(data: ReportData, private: frozenset[str]) -> list[Card]:
    if data.profile is None:
        return []
    profile = replace(data.profile, private=tuple(sorted(private)))
    said = {name: Decision(FeatureType(kind), reason) for name, (kind, reason) in data.decisions.items()}
    found = alerts(profile, target=data.target.name, decisions=infer(profile) | said)
    return cards(profile, data.decisions, tags(found), target=data.target.name)


def _stages(stages: Mapping[str, float]) -> Part | None:
    total = sum(stages.values())
    if not total:
        return None
    parts = [
        {"name": name, "seconds": seconds(value), "share": round(100 * value / total, 2), "colour": 10 + place % 12}
        for place, (name, value) in enumerate(stages.items())
    ]
    return {"total": seconds(total), "parts": parts}
