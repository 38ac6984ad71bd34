"""Figures of a report in words: one point is no points, and a rate is that of the run's own line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_reports import report, scored

from rayline.core.columns import Task
from rayline.evaluate.judgement import Judgement
from rayline.report.insights import insights
from rayline.report.page import render
from rayline.train.record import typical_rate


def judged(error: float) -> Judgement:
    judgement = report(scored(Task.BINARY)).judgement
    estimate = replace(judgement.metrics["calibration_error"], value=error)
    return replace(judgement, metrics={**judgement.metrics, "calibration_error": estimate})


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.0099, "they are 1 point off"),
        (0.0123, "they are 1.2 points off"),
        (0.3, "are 30 points off"),
        (0.0, "are 0 points off"),
    ],
)
def test_one_point_is_no_points(error: float, words: str) -> None:
    assert words in " ".join(one.text for one in insights(report(scored(Task.BINARY), judgement=judged(error))))


def epochs(*rates: float | None) -> list[dict[str, Any]]:
    return [
        {"epoch": n, "train_loss": 0.5, "rows_per_s": rate, "seconds": 1.0, "learning_rate": 0.1}
        for n, rate in enumerate(rates)
    ]


def test_a_report_tells_the_rate_of_the_runs_own_line() -> None:
    rates = [40_000.0, 88_211.0, 90_000.0]
    assert typical_rate(rates) == 88_211.0  # that of the line after training
    page = render(report(scored(Task.BINARY), history=epochs(*rates)))
    assert "3 epochs at 88,211 rows a second" in page
    assert "1 epoch at 500 rows a second" in render(report(scored(Task.BINARY), history=epochs(500.0)))
    assert typical_rate([None]) is None
    assert "1 epoch at – rows a second" in render(report(scored(Task.BINARY), history=epochs(None)))
