"""The rows of a report's tables, ready to print: every value text, every bar a share of its track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import Task
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.selection import build_metric, default_metric
from rayline.evaluate.worst import ANSWER, LOSS, STATED, TRUTH
from rayline.report.data import ReportData
from rayline.report.insights import gap_of
from rayline.report.notation import METRIC_MEANINGS, amount, metric_name, percent, score, short
from rayline.report.prepare_words import learnt_words

_WORST = 12


@dataclass(frozen=True)
class Range:
    """An interval on a track, in per cent of its width; `whole` marks the value it is compared with."""

    left: float
    width: float
    at: float
    whole: float | None = None
    low: bool = False
    """Clearly worse than the whole."""


def metric_rows(data: ReportData) -> list[dict[str, Any]]:
    """Name, meaning, value, interval and, where the metric is bounded, its place between the bounds."""
    rows = []
    for name, found in data.judgement.metrics.items():
        metric = build_metric(name)
        bounded = np.isfinite([metric.lowest, metric.highest]).all()
        rows.append(
            {
                "name": metric_name(name),
                "key": name,
                "meaning": METRIC_MEANINGS.get(name, ""),
                "value": score(found.value),
                "interval": _interval(found),
                "reason": found.reason,
                "range": _place(found, metric.lowest, metric.highest) if bounded and found.value is not None else None,
            }
        )
    return rows


def key_figures(data: ReportData, most: int = 4) -> list[tuple[str, str, str]]:
    """The few figures that head the page: value, name, interval."""
    chosen = {
        Task.BINARY: ("roc_auc", "pr_auc", "accuracy", "f1"),
        Task.MULTICLASS: ("accuracy", "f1", "roc_auc", "log_loss"),
        Task.REGRESSION: ("r2", "rmse", "mae"),
    }[data.judgement.task]
    metrics = data.judgement.metrics
    names = [name for name in chosen if name in metrics] or list(metrics)
    return [(score(metrics[name].value), metric_name(name), _interval(metrics[name])) for name in names[:most]]


def confusion_rows(data: ReportData) -> list[dict[str, Any]]:
    """One row a true class: cells of rows, share of the true class, and tint."""
    rows = []
    for place, (name, counts) in enumerate(zip(data.judgement.classes, data.judgement.confusion, strict=True)):
        total = sum(counts)
        cells = [
            {
                "rows": amount(count),
                "share": percent(count / total) if count else "",
                "tint": round(8 + 62 * count / total) if count and total else 0,
                "right": place == other,
            }
            for other, count in enumerate(counts)
        ]
        rows.append({"name": name, "cells": cells, "total": amount(total)})
    return rows


def mix_ups(data: ReportData, most: int = 12) -> list[tuple[str, str, str, str]]:
    """Truth, answer, rows and share of the true class of the most frequent confusions."""
    pairs = [
        (count, truth, answer)
        for truth, row in enumerate(data.judgement.confusion)
        for answer, count in enumerate(row)
        if truth != answer and count
    ]
    classes, confusion = data.judgement.classes, data.judgement.confusion
    return [
        (classes[truth], classes[answer], amount(count), percent(count / sum(confusion[truth])))
        for count, truth, answer in sorted(pairs, key=lambda pair: -pair[0])[:most]
    ]


def importance_bars(data: ReportData, most: int = 20) -> list[dict[str, Any]]:
    """Feature, drop in words, and a bar with its spread in per cent of the widest."""
    shown = data.importances[:most]
    widest = max((one.drop + one.std for one in shown), default=0.0) or 1.0
    bars = []
    for one in shown:
        length = 100 * max(one.drop, 0.0) / widest
        spread = 100 * one.std / widest
        left = max(0.0, length - spread)
        bars.append(
            {
                "name": one.feature,
                "value": score(one.drop),
                "length": round(length, 1),
                "left": round(left, 1),
                "spread": round(length + spread - left, 1),
                "idle": one.drop <= one.std,
            }
        )
    return bars


def slice_groups(data: ReportData) -> list[dict[str, Any]]:
    """Slices by column, each with its rows, the main metric as a range, and the other metrics."""
    name = default_metric(data.judgement.task)
    whole = data.judgement.metrics.get(name)
    others = [other for other in data.judgement.metrics if other != name]
    ends = [
        end for one in data.judgement.slices if name in one.metrics
        for end in (one.metrics[name].low, one.metrics[name].high, one.metrics[name].value) if end is not None
    ]  # fmt: skip
    if whole is not None and whole.value is not None:
        ends.append(whole.value)
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in data.judgement.slices:
        found = one.metrics.get(name, Estimate(None, reason=f"{name} was not asked for"))
        place = None
        if found.value is not None:
            marked = whole.value if whole else None
            place = _place(found, low - margin, high + margin, whole=marked, worse=gap_of(one, data) > 0)
        groups.setdefault(one.column, []).append(
            {
                "value": one.value,
                "rows": amount(one.rows),
                "small": one.small,
                "main": score(found.value),
                "interval": _interval(found),
                "reason": found.reason,
                "range": place,
                "others": [score(one.metrics[other].value) for other in others],
            }
        )
    return [{"column": column, "rows": rows} for column, rows in groups.items()]


def slice_heads(data: ReportData) -> list[str]:
    """Names of the metrics of a slice's row, the main one first."""
    name = default_metric(data.judgement.task)
    return [metric_name(name), *(metric_name(other) for other in data.judgement.metrics if other != name)]


def worst_table(data: ReportData, private: frozenset[str]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the worst errors, private columns left out; none where the target is private."""
    frame = pl.DataFrame() if data.worst is None or data.target.name in private else data.worst
    heads = {TRUTH: "is", ANSWER: "answered", STATED: "stated probability", LOSS: "loss"}
    if data.judgement.task is Task.REGRESSION:
        heads |= {ANSWER: "predicted", LOSS: "error"}
    names = [name for name in frame.columns if name not in private]
    rows = [
        ["" if value is None else short(value, 48) for value in row]
        for row in frame.select(names).head(_WORST).iter_rows()
    ]
    return [heads.get(name, name) for name in names], rows


def preparation_rows(data: ReportData, private: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Column, type, missing training rows, and each step with what it learnt."""
    for account in data.preparation:
        hidden = account["column"] in private
        steps = [
            {"step": step["step"], "name": step["name"], "learnt": "" if hidden else learnt_words(step)}
            for step in account["steps"]
        ]
        yield {
            "column": account["column"],
            "type": account["type"],
            "missing": "private" if hidden else amount(account["missing"]),
            "steps": steps,
        }


def leaderboard_rows(data: ReportData, most: int = 20) -> list[dict[str, Any]]:
    """Rank, settings, mean and interval of each trial, with its place between the worst and the best."""
    shown = list(data.leaderboard[:most])
    ends = [
        float(end) for trial in shown for end in (trial.get("low"), trial.get("high"), trial["mean"]) if end is not None
    ]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = 0.04 * (high - low) or 0.5
    rows = []
    for rank, trial in enumerate(shown, start=1):
        found = Estimate(float(trial["mean"]), trial.get("low"), trial.get("high"))
        settings = trial.get("params") or trial.get("config") or {}
        rows.append(
            {
                "rank": rank,
                "settings": [(key, short(value)) for key, value in settings.items()],
                "mean": score(found.value),
                "interval": _interval(found),
                "folds": ", ".join(score(fold) for fold in trial.get("folds") or ()),
                "range": _place(found, low - margin, high + margin),
            }
        )
    return rows


def _interval(found: Estimate) -> str:
    return f"{score(found.low)} to {score(found.high)}" if found.low is not None and found.high is not None else ""


def _place(found: Estimate, low: float, high: float, *, whole: float | None = None, worse: bool = False) -> Range:
    def part(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)

    assert found.value is not None
    start = part(found.value if found.low is None else found.low)
    end = part(found.value if found.high is None else found.high)
    return Range(start, round(end - start, 2), part(found.value), None if whole is None else part(whole), worse)
