import time

import numpy as np
import pytest

from rayline.core.columns import Target, Task
from rayline.evaluate.bootstrap import difference, estimate, interval, resamples
from rayline.evaluate.judge import judge
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.spec.sections import Evaluate

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
REGRESSION = Target("y", Task.REGRESSION)


def binary(n: int, seed: int, lift: float = 1.5, share: float = 0.3) -> Scored:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < share).astype(np.float32)
    odds = rng.normal(size=n) + lift * truth - 1
    return Scored(BINARY, truth, (1 / (1 + np.exp(-odds))).astype(np.float32))


def test_weights_are_draws_with_replacement_and_repeat():
    drawn = resamples(500, 40, seed=3)
    blocks = list(drawn.weights())
    weights = np.concatenate(blocks)
    assert weights.shape == (40, 500)
    assert (weights.sum(axis=1) == 500).all()
    assert weights.var() == pytest.approx(1.0, abs=0.05)  # Poisson-like: a row is drawn once on average
    again = np.concatenate(list(drawn.weights()))
    np.testing.assert_array_equal(weights, again)
    other = np.concatenate(list(resamples(500, 40, seed=4).weights()))
    assert not np.array_equal(weights, other)


def test_blocks_of_resamples_are_the_same_rows(monkeypatch):
    whole = np.concatenate(list(resamples(300, 11, seed=0).weights()))
    monkeypatch.setattr("rayline.evaluate.bootstrap._AT_ONCE", 900)
    blocks = list(resamples(300, 11, seed=0).weights())
    assert [len(block) for block in blocks] == [3, 3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_the_interval_of_a_mean_is_the_textbook_one():
    rng = np.random.default_rng(0)
    errors = rng.normal(0, 1, 4000)
    scored = Scored(REGRESSION, np.zeros(4000), errors)
    found = estimate({"mse": build_metric("mse")}, scored, resamples(4000, 1000, seed=0), 0.95)["mse"]
    half = 1.96 * np.square(errors).std() / np.sqrt(4000)
    assert found.value == pytest.approx(np.square(errors).mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)


@pytest.mark.parametrize("name", ["roc_auc", "f1", "log_loss"])
def test_intervals_cover_the_truth_as_often_as_they_say(name):
    metric = build_metric(name)
    truth = metric(binary(400_000, 99))
    hits = 0
    for seed in range(1000, 1200):
        scored = binary(400, seed)
        found = estimate({name: metric}, scored, resamples(400, 120, seed=seed), 0.9)[name]
        hits += found.low <= truth <= found.high
    assert 0.82 <= hits / 200 <= 0.95


def test_many_rows_have_the_interval_of_many_rows():
    # drawn from a bag of 2,000 of 40,000 rows, the interval must be as narrow as that of all
    scored, metrics = binary(40_000, 1), {name: build_metric(name) for name in ("roc_auc", "accuracy", "log_loss")}
    whole = estimate(metrics, scored, resamples(40_000, 300, seed=0, most_rows=40_000), 0.95)
    bag = estimate(metrics, scored, resamples(40_000, 300, seed=0, most_rows=2_000), 0.95)
    for name in metrics:
        assert bag[name].value == whole[name].value
        assert bag[name].low < bag[name].value < bag[name].high
        assert bag[name].high - bag[name].low == pytest.approx(whole[name].high - whole[name].low, rel=0.25)


def test_a_well_calibrated_model_lies_in_its_own_interval():
    # plain percentiles do not hold: every resample looks worse calibrated than the rows it comes from
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    scored = Scored(BINARY, (rng.random(3000) < p).astype(np.float32), p)
    found = estimate({"e": build_metric("calibration_error")}, scored, resamples(3000, 200, seed=0), 0.95)["e"]
    assert 0.0 <= found.low < found.value < found.high


def test_a_paired_difference_is_narrower_than_the_models_apart():
    scored = binary(3000, 5)
    rng = np.random.default_rng(6)
    noisy = np.clip(scored.prediction + rng.normal(0, 0.01, 3000), 0, 1).astype(np.float32)
    other = Scored(BINARY, scored.truth, noisy)
    metric, drawn = build_metric("roc_auc"), resamples(3000, 200, seed=0)
    alone = estimate({"a": metric}, scored, drawn, 0.95)["a"]
    apart = difference(metric, scored, other, drawn, 0.95)
    assert apart.value == metric(scored) - metric(other)
    assert apart.high - apart.low < 0.3 * (alone.high - alone.low)
    same = difference(metric, scored, scored, drawn, 0.95)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_no_interval_where_the_resamples_seldom_define_the_metric():
    truth = np.zeros(40, np.float32)
    truth[0] = 1
    scored = Scored(BINARY, truth, np.linspace(0, 1, 40))
    found = estimate({"roc_auc": build_metric("roc_auc")}, scored, resamples(40, 200, seed=0), 0.95)["roc_auc"]
    assert found.value == 0.0
    assert found.low is not None  # a row is in 63% of the resamples
    assert interval(0.5, np.array([0.5, np.nan, np.nan, np.nan]), 0.95) == (None, None)
    assert interval(0.5, np.zeros(0), 0.95) == (None, None)


def test_one_class_is_none_with_a_reason():
    scored = binary(50, 0)
    scored = scored.take(scored.truth == 0)
    found = estimate(metrics_for(Task.BINARY), scored, resamples(len(scored), 50, seed=0), 0.95)
    assert found["roc_auc"].value is None
    assert found["roc_auc"].reason == "every row is 'no'"
    assert found["pr_auc"].reason == "no row is 'yes'"
    assert found["accuracy"].value is not None


def test_200_resamples_of_every_metric_of_10000_rows_are_fast():
    scored = binary(10_000, 0)
    judge(scored, Evaluate(bootstrap=2))
    started = time.perf_counter()
    judge(scored, Evaluate())
    assert time.perf_counter() - started < 3.0  # 0.4 s on an idle machine
