"""What stands out in a run, in words: each a sentence a colleague would say over your shoulder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rayline.core.columns import Task
from rayline.evaluate.curves import Bin
from rayline.evaluate.judgement import Slice
from rayline.evaluate.selection import build_metric, default_metric
from rayline.report.data import ReportData
from rayline.report.notation import amount, metric_name, number, percent, quoted, score


@dataclass(frozen=True)
class Insight:
    """`tone`: something to be glad of, to look at, or to know."""

    tone: Literal["good", "warn", "note"]
    text: str


def insights(data: ReportData) -> list[Insight]:
    """Everything worth pointing at, warnings first."""
    found = [*_training(data), *_calibration(data), *_slices(data), *_mix_ups(data), *_bias(data), *_importance(data)]
    found += [Insight("warn", note) for note in data.judgement.notes]
    return sorted(found, key=lambda one: ("warn", "note", "good").index(one.tone))


def _training(data: ReportData) -> Iterator[Insight]:
    losses = [epoch.get("validation_loss") for epoch in data.history]
    known = [float(loss) for loss in losses if loss is not None]
    if len(known) < 3 or len(known) < len(losses):
        return
    best = int(np.argmin(known))
    ahead = known[-1] / known[best] - 1 if known[best] > 0 else 0.0
    if ahead > 0.02:
        kept = (
            "the weights of that epoch were kept"
            if data.best_epoch == best
            else "train.early_stopping would keep that epoch"
        )
        yield Insight(
            "note" if data.best_epoch == best else "warn",
            f"Validation loss was lowest in epoch {best + 1} and {percent(ahead)} higher by epoch {len(known)}: "
            f"it went on to memorise; {kept}.",
        )
    elif best == len(known) - 1 and known[-2] / known[-1] - 1 > 0.005:
        yield Insight("note", "Validation loss was still falling in the last epoch: more epochs may help.")
    gap = (
        known[best] / float(data.history[best]["train_loss"]) - 1
        if float(data.history[best]["train_loss"]) > 0
        else 0.0
    )
    if gap > 0.25 and data.judgement.task.is_classification:
        yield Insight(
            "note",
            f"Validation loss is {percent(gap)} above training loss: "
            "more data, dropout or weight decay may close the gap.",
        )


def _calibration(data: ReportData) -> Iterator[Insight]:
    found = data.judgement.metrics.get("calibration_error")
    if found is None or found.value is None or not data.judgement.calibration:
        return
    off = number(round(100 * found.value, 1))
    points = f"{off} point{'' if off == '1' else 's'}"
    if found.value <= 0.02:
        yield Insight("good", f"Stated probabilities can be taken at their word: they are {points} off on average.")
    elif found.value > max(0.05, _by_chance(data.judgement.calibration)):
        bins = data.judgement.calibration
        lean = sum(one.rows * (one.stated - one.observed) for one in bins)
        how = "too high" if lean > 0 else "too low"
        yield Insight(
            "warn", f"Stated probabilities are {points} off on average, mostly {how}; do not read them as odds."
        )


def _by_chance(bins: Sequence[Bin]) -> float:
    """The calibration error that one in a hundred models whose probabilities are right would have on so few rows.

    A bin of n rows with probability p is off by a normal deviate of variance p(1 − p) / n: its size has a mean of
    √(2/π) of the deviation, and a variance of 1 − 2/π of that one.
    """
    total = sum(one.rows for one in bins)
    weights = np.array([one.rows / total for one in bins])
    variances = np.array([one.stated * (1 - one.stated) / one.rows for one in bins])
    mean = float((weights * np.sqrt(2 / np.pi * variances)).sum())
    return mean + 2.33 * float(np.sqrt((np.square(weights) * variances).sum() * (1 - 2 / np.pi)))


def _slices(data: ReportData) -> Iterator[Insight]:
    name = default_metric(data.judgement.task)
    whole = data.judgement.metrics.get(name)
    if whole is None or whole.value is None:
        return
    worse = [(gap, one) for one in data.judgement.slices if (gap := gap_of(one, data)) > 0]
    for _, one in sorted(worse, key=lambda pair: -pair[0])[:3]:
        found = one.metrics[name]
        yield Insight(
            "warn",
            f"{metric_name(name)} is {score(found.value)} where {one.column} is {one.value} "
            f"({amount(one.rows)} rows), clearly worse than {score(whole.value)} over all.",
        )
    if data.judgement.slices and not worse:
        yield Insight("good", f"No slice is clearly worse than the whole by {metric_name(name)}.")


def gap_of(one: Slice, data: ReportData) -> float:
    """How far a slice's interval lies on the worse side of the whole; 0 where it does not, or the slice is small."""
    name = default_metric(data.judgement.task)
    found, whole = one.metrics.get(name), data.judgement.metrics.get(name)
    if one.small or found is None or whole is None or found.low is None or found.high is None or whole.value is None:
        return 0.0
    if build_metric(name).better == "higher":
        return max(0.0, whole.value - found.high)
    return max(0.0, found.low - whole.value)


def _mix_ups(data: ReportData) -> Iterator[Insight]:
    if data.judgement.task is not Task.MULTICLASS:
        return
    wrong = np.array(data.judgement.confusion)
    np.fill_diagonal(wrong, 0)
    if wrong.sum():
        truth, answer = np.unravel_index(int(wrong.argmax()), wrong.shape)
        classes, rows = data.judgement.classes, int(wrong.max())
        share = percent(rows / wrong.sum())
        noun = "row" if rows == 1 else "rows"
        yield Insight(
            "note",
            f"The most frequent mix-up is {quoted(classes[truth])} answered as {quoted(classes[answer])}: "
            f"{amount(rows)} {noun}, {share} of all errors.",
        )


def _bias(data: ReportData) -> Iterator[Insight]:
    fit, rmse = data.judgement.fit, data.judgement.metrics.get("rmse")
    if fit is None or rmse is None or not rmse.value:
        return
    if abs(fit.bias) > 2.5 * rmse.value / np.sqrt(data.judgement.rows):
        side = "high" if fit.bias > 0 else "low"
        yield Insight(
            "note",
            f"Predictions are too {side} by {number(abs(fit.bias))} on average, more than chance would make them.",
        )


def _importance(data: ReportData) -> Iterator[Insight]:
    if not data.importances:
        return
    first = data.importances[0]
    metric = metric_name(data.importance_metric)
    if first.drop > 0:
        yield Insight("note", f"It leans most on {first.feature}: shuffling it costs {score(first.drop)} of {metric}.")
    idle = [one.feature for one in data.importances if one.drop <= max(one.std, 0.0)]
    if idle and len(data.importances) > 3:
        names = ", ".join(idle[:4]) + (f" and {len(idle) - 4} more" if len(idle) > 4 else "")
        yield Insight("note", f"It would hardly miss {names}.")
