"""What every metric must do, run on every metric found."""

import math

import numpy as np
import pytest

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric

TARGETS = {
    Task.BINARY: Target("y", Task.BINARY, ("no", "yes"), "yes"),
    Task.MULTICLASS: Target("y", Task.MULTICLASS, ("a", "b", "c", "d")),
    Task.REGRESSION: Target("y", Task.REGRESSION),
}
CASES = [(name, task) for name in catalog.names("metric") for task in Task if task in build_metric(name).tasks]


def scored(task: Task, n: int, seed: int, *, noise: float = 1.0) -> Scored:
    """Predictions that are right at noise 0 and worse the larger it is; half of the scores are tied."""
    rng = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        truth = rng.normal(3, 2, n).astype(np.float32)
        return Scored(TARGETS[task], truth, truth + noise * rng.normal(0, 1, n).round(1).astype(np.float32))
    k = len(TARGETS[task].classes)
    truth = np.concatenate([np.arange(k), rng.integers(0, k, max(0, n - k))])[:n]
    logits = np.eye(k)[truth] * 8 + noise * rng.normal(0, 8, (n, k)).round(0)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    if task is Task.BINARY:
        return Scored(TARGETS[task], truth.astype(np.float32), probabilities[:, 1])
    return Scored(TARGETS[task], truth, probabilities)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_worse_predictions_score_worse_and_within_the_bounds(name: str, task: Task) -> None:
    metric = build_metric(name)
    good, bad = (metric(scored(task, 3000, 1, noise=noise)) for noise in (0.0, 1.5))
    assert good > bad if metric.better == "higher" else good < bad
    assert all(metric.lowest <= value <= metric.highest for value in (good, bad))


@pytest.mark.parametrize(("name", "task"), CASES)
def test_whole_weights_mean_repeated_rows(name: str, task: Task) -> None:
    metric, rows = build_metric(name), scored(task, 200, 2)
    weights = np.random.default_rng(3).integers(0, 4, (5, 200))
    one_by_one = [metric(rows.take(np.repeat(np.arange(200), w))) for w in weights]
    np.testing.assert_allclose(metric.weighted(rows, weights.astype(float)), one_by_one, rtol=1e-9)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_the_order_of_rows_does_not_matter(name: str, task: Task) -> None:
    metric, rows = build_metric(name), scored(task, 500, 4)
    mixed = rows.take(np.random.default_rng(5).permutation(500))
    assert metric(mixed) == pytest.approx(metric(rows), rel=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_few_rows_or_none_give_a_value_or_a_reason(name: str, task: Task, n: int) -> None:
    metric, rows = build_metric(name), scored(task, n, 6)
    value = metric(rows)
    if math.isnan(value):
        assert metric.undefined(rows)
    else:
        assert metric.lowest <= value <= metric.highest


@pytest.mark.parametrize(("name", "task"), [case for case in CASES if case[1].is_classification])
@pytest.mark.parametrize("place", [0, 1])
def test_rows_of_one_class_give_a_value_or_a_reason(name: str, task: Task, place: int) -> None:
    metric, rows = build_metric(name), scored(task, 300, 7)
    rows = rows.take(rows.truth == place)
    value = metric(rows)
    assert metric.undefined(rows) if math.isnan(value) else metric.lowest <= value <= metric.highest


@pytest.mark.parametrize("name", catalog.names("metric"))
def test_it_names_its_tasks_and_direction(name: str) -> None:
    metric = build_metric(name)
    assert metric.tasks
    assert metric.better in ("higher", "lower")
