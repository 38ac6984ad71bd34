"""Our metrics beside scikit-learn's and torchmetrics', on real and on adversarial predictions, with weights."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets, linear_model, metrics, model_selection
from torchmetrics.functional import classification as torch_metrics

from rayline.core.columns import Target, Task
from rayline.evaluate.metrics.calibration_error import Config as CalibrationError
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import build_metric

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
REGRESSION = Target("y", Task.REGRESSION)


def classes(k: int) -> Target:
    return Target("y", Task.MULTICLASS, tuple(f"c{i}" for i in range(k)))


@cache
def breast_cancer() -> Scored:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    model = linear_model.LogisticRegression(max_iter=3000, C=0.001)
    p = model_selection.cross_val_predict(model, x, y, method="predict_proba", cv=3)
    return Scored(BINARY, y.astype(np.float32), p[:, 1].round(2).astype(np.float32))  # rounding makes ties


@cache
def digits() -> Scored:
    x, y = datasets.load_digits(return_X_y=True)
    model = linear_model.LogisticRegression(max_iter=1000, C=0.0005)
    p = model_selection.cross_val_predict(model, x, y, method="predict_proba", cv=3)
    return Scored(classes(10), y.astype(np.int64), p)


@cache
def diabetes() -> Scored:
    x, y = datasets.load_diabetes(return_X_y=True)
    p = model_selection.cross_val_predict(linear_model.Ridge(), x, y, cv=3)
    return Scored(REGRESSION, y.astype(np.float32), p.astype(np.float32))


def weights_of(scored: Scored, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, len(scored)).astype(float)


REFERENCE_BINARY = {
    "accuracy": lambda y, p, w: metrics.accuracy_score(y, p >= 0.5, sample_weight=w),
    "precision": lambda y, p, w: metrics.precision_score(y, p >= 0.5, sample_weight=w, zero_division=0),
    "recall": lambda y, p, w: metrics.recall_score(y, p >= 0.5, sample_weight=w, zero_division=0),
    "f1": lambda y, p, w: metrics.f1_score(y, p >= 0.5, sample_weight=w, zero_division=0),
    "roc_auc": lambda y, p, w: metrics.roc_auc_score(y, p, sample_weight=w),
    "pr_auc": lambda y, p, w: metrics.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: metrics.log_loss(y, p, sample_weight=w, labels=[0, 1]),
}


def _macro(fn):
    return lambda y, p, w: fn(y, p.argmax(1), sample_weight=w, average="macro", zero_division=0)


def _one_vs_rest(fn):
    return lambda y, p, w: np.mean([fn(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])])


REFERENCE_MULTICLASS = {
    "accuracy": lambda y, p, w: metrics.accuracy_score(y, p.argmax(1), sample_weight=w),
    "precision": _macro(metrics.precision_score),
    "recall": _macro(metrics.recall_score),
    "f1": _macro(metrics.f1_score),
    "roc_auc": _one_vs_rest(metrics.roc_auc_score),
    "pr_auc": _one_vs_rest(metrics.average_precision_score),
    "log_loss": lambda y, p, w: metrics.log_loss(y, p, sample_weight=w, labels=range(p.shape[1])),
}
REFERENCE_REGRESSION = {
    "mse": lambda y, p, w: metrics.mean_squared_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: metrics.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: metrics.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: metrics.r2_score(y, p, sample_weight=w),
}
CASES = [
    (load, name, reference)
    for load, references in (
        (breast_cancer, REFERENCE_BINARY),
        (digits, REFERENCE_MULTICLASS),
        (diabetes, REFERENCE_REGRESSION),
    )
    for name, reference in references.items()
]


@pytest.mark.parametrize(("load", "name", "reference"), CASES, ids=lambda v: getattr(v, "__name__", v))
def test_real_predictions_agree_with_scikit_learn(load, name, reference):
    scored = load()
    ours = build_metric(name)
    truth = scored.truth.astype(np.float64 if scored.task is Task.REGRESSION else np.int64)
    prediction = scored.prediction.astype(np.float64) if name != "log_loss" else scored.prediction
    ones = np.ones(len(scored))
    assert ours(scored) == pytest.approx(reference(truth, prediction, ones), rel=1e-6)
    many = np.stack([weights_of(scored, seed) for seed in range(3)])
    expected = [reference(truth, prediction, row) for row in many]
    np.testing.assert_allclose(ours.weighted(scored, many), expected, rtol=1e-6)


# few distinct scores, so that ties are the rule; 0, 1 and the threshold itself are among them
SCORES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.5000001, 0.7, 1.0])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), SCORES, st.integers(0, 3)), min_size=2, max_size=40))
def test_adversarial_binary_predictions_agree_with_scikit_learn(rows):
    truth = np.array([row[0] for row in rows], dtype=np.int64)
    prediction = np.array([row[1] for row in rows])
    weights = np.array([row[2] for row in rows], dtype=float)
    scored = Scored(BINARY, truth.astype(np.float32), prediction)
    held = weights > 0
    both = len(set(truth[held])) == 2
    for name, reference in REFERENCE_BINARY.items():
        ours = float(build_metric(name).weighted(scored, weights[None])[0])
        if both or (held.any() and name in ("accuracy", "log_loss")):
            assert ours == pytest.approx(reference(truth[held], prediction[held], weights[held]), abs=1e-9), name
        elif not held.any():
            assert math.isnan(ours)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
def test_adversarial_classes_agree_with_scikit_learn(rows):
    # answers come and go, and so do true classes: macro means over those that occur
    truth, answer, weight = (np.array(part) for part in zip(*rows, strict=True))
    weights = weight.astype(float)
    scored = Scored(classes(4), truth, np.eye(4)[answer])
    held = weights > 0
    for name in ("accuracy", "precision", "recall", "f1"):
        ours = float(build_metric(name).weighted(scored, weights[None])[0])
        if not held.any():
            assert math.isnan(ours)
            continue
        reference = REFERENCE_MULTICLASS[name](truth[held], np.eye(4)[answer[held]], weights[held])
        assert ours == pytest.approx(reference, abs=1e-9), name


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_agrees_with_torchmetrics(bins):
    ours = CalibrationError(bins=bins).build()
    # off the round numbers: torchmetrics takes the last bit of its edges from torch.linspace
    scored = replace(breast_cancer(), prediction=breast_cancer().prediction * np.float32(0.9731) + np.float32(0.0113))
    p, y = torch.tensor(scored.prediction), torch.tensor(scored.truth).long()
    theirs = torch_metrics.binary_calibration_error(p, y, n_bins=bins, norm="l1")
    assert ours(scored) == pytest.approx(float(theirs), abs=1e-5)
    scored = digits()
    p, y = torch.tensor(scored.prediction), torch.tensor(scored.truth)
    theirs = torch_metrics.multiclass_calibration_error(p, y, num_classes=10, n_bins=bins, norm="l1")
    assert ours(scored) == pytest.approx(float(theirs), abs=1e-5)


def test_areas_agree_with_torchmetrics():
    scored = digits()
    p, y = torch.tensor(scored.prediction), torch.tensor(scored.truth)
    roc = torch_metrics.multiclass_auroc(p, y, num_classes=10, average="macro")
    pr = torch_metrics.multiclass_average_precision(p, y, num_classes=10, average="macro")
    assert build_metric("roc_auc")(scored) == pytest.approx(float(roc), abs=1e-5)
    assert build_metric("pr_auc")(scored) == pytest.approx(float(pr), abs=1e-5)


def test_r2_keeps_its_digits_far_from_zero():
    rng = np.random.default_rng(0)
    truth = 1e9 + rng.normal(size=500)
    prediction = truth + rng.normal(size=500) * 0.3
    ours = build_metric("r2")(Scored(REGRESSION, truth, prediction))
    assert ours == pytest.approx(metrics.r2_score(truth, prediction), abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.1])
def test_r2_of_a_constant_target_is_undefined(value):
    scored = Scored(REGRESSION, np.full(50, value), np.arange(50.0))
    assert math.isnan(build_metric("r2")(scored))
    assert build_metric("r2").undefined(scored) == "every row has the same value"
