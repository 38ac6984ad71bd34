"""The verdict in words: what a reader should take away if they read nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rayline.core.columns import Task
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.selection import default_metric
from rayline.report.data import ReportData
from rayline.report.notation import amount, condition, metric_name, number, percent, quoted, score

Status = Literal["passed", "failed", "open"]


@dataclass(frozen=True)
class Verdict:
    """`status`: of the gates, `open` where none are declared."""

    status: Status
    badge: str
    title: str
    sentences: list[str]


def verdict(data: ReportData) -> Verdict:
    """The headline of a report."""
    failed = [gate for gate in data.gates if not gate.passed]
    count = len(data.gates)
    if failed:
        status: Status = "failed"
        badge = f"{len(failed)} of {count} gates failed" if count > 1 else "Gate failed"
    elif count:
        status, badge = "passed", f"All {count} gates passed" if count > 1 else "Gate passed"
    else:
        status, badge = "open", "No gates declared"
    sentences = _sentences(data.judgement, data.target.positive)
    if failed:
        reasons = "; ".join(
            f"{metric_name(one.metric)} is {score(one.value)} and must be {condition(one.condition)}" for one in failed
        )
        sentences = [f"It was not registered: {reasons}.", *sentences]
    return Verdict(status, badge, _title(data), sentences)


def _title(data: ReportData) -> str:
    judgement, name = data.judgement, default_metric(data.judgement.task)
    if judgement.task is Task.MULTICLASS and judgement.metrics.get("accuracy"):
        name = "accuracy"
    if judgement.task is Task.REGRESSION and judgement.metrics.get("r2"):
        name = "r2"
    found = judgement.metrics.get(name)
    what = {
        Task.BINARY: f"Tells {quoted(data.target.positive or '')} from the rest",
        Task.MULTICLASS: f"Tells {len(judgement.classes)} classes of {quoted(data.target.name)} apart",
        Task.REGRESSION: f"Predicts {quoted(data.target.name)}",
    }[judgement.task]
    if found is None or found.value is None:
        return f"{what}."
    return f"{what}: {metric_name(name)} {score(found.value)}."


def _sentences(judgement: Judgement, positive: str | None) -> list[str]:
    if judgement.task is Task.REGRESSION:
        return _regression(judgement)
    total = judgement.rows
    right = sum(row[place] for place, row in enumerate(judgement.confusion))
    largest = max(judgement.by_class, key=lambda one: one.rows)
    out = [
        f"It answers {percent(right / total)} of {amount(total)} test rows rightly; always answering "
        f"{quoted(largest.name)} would be right in {percent(largest.rows / total)}."
    ]
    if judgement.task is Task.BINARY:
        name = quoted(positive or "")
        area = judgement.metrics.get("roc_auc")
        if area is not None and area.value is not None:
            times = number(round(100 * area.value, 1))
            out.insert(
                0,
                f"Shown one {name} row and one other, it scores the {name} row higher {times} times in 100.",
            )
        scores = judgement.by_class[1]
        if scores.recall is not None and scores.precision is not None:
            out.append(
                f"At a threshold of {number(judgement.threshold)} it finds {percent(scores.recall)} of the {name} "
                f"rows, and {percent(scores.precision)} of the rows it calls {name} are."
            )
    else:
        ranked = [one for one in judgement.by_class if one.f1 is not None and one.rows]
        if len(ranked) > 1:
            best, worst = (pick(ranked, key=lambda one: one.f1 or 0.0) for pick in (max, min))
            out.append(
                f"It is surest of {quoted(best.name)} (F1 {number(best.f1)}) "
                f"and weakest on {quoted(worst.name)} ({number(worst.f1)})."
            )
    return out


def _regression(judgement: Judgement) -> list[str]:
    fit = judgement.fit
    assert fit is not None
    out = [
        f"Half of its {amount(judgement.rows)} test predictions are within {number(fit.within['50'])} of the truth, "
        f"nine in ten within {number(fit.within['90'])}."
    ]
    explained = judgement.metrics.get("r2")
    if explained is not None and explained.value is not None:
        if explained.value > 0:
            out.append(f"It explains {percent(explained.value)} of the target's variance.")
        else:
            out.append("It does no better than always answering the mean.")
    return out
