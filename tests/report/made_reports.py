"""Small judged models to make pages of."""

import numpy as np
import polars as pl

from rayline.core.columns import ROW, Target, Task
from rayline.evaluate.gates import check
from rayline.evaluate.judge import judge
from rayline.evaluate.scored import Scored
from rayline.evaluate.worst import worst_errors
from rayline.explain.permutation import Importance
from rayline.profile.profile import Profile, profile_frame
from rayline.report.data import ReportData
from rayline.spec.sections import Evaluate

EVIL = "<script>alert('$x_1$')</script>&\"\n"
"""A name that is markup, mathematics to matplotlib, and two lines long."""


def table(n: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            ROW: np.arange(n),
            "age": rng.integers(17, 90, n),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(10, 1, n)),
            EVIL: rng.choice(["a", "b<c", "[bold]d[/bold]"], n),
            "flag": rng.random(n) < 0.5,
            "day": np.datetime64("2024-01-01") + rng.integers(0, 400, n).astype("timedelta64[D]"),
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
            "ssn": [f"top-secret-{i}" for i in range(n)],
        }
    )


def profile(n: int = 600) -> Profile:
    return profile_frame(table(n), seed=0, private=["ssn"])


def scored(task: Task, n: int = 600, classes: tuple[str, ...] = ("no", EVIL)) -> Scored:
    rng = np.random.default_rng(1)
    if task is Task.REGRESSION:
        truth = rng.normal(50, 10, n)
        return Scored(Target("y", task), truth, truth + rng.normal(0, 4, n))
    k = len(classes)
    target = Target("y", task, classes, classes[-1] if task is Task.BINARY else None)
    truth = rng.integers(0, k, n)
    odds = np.exp(np.eye(k)[truth] * 1.5 + rng.normal(size=(n, k)))
    p = odds / odds.sum(axis=1, keepdims=True)
    return Scored(target, truth, p) if task is Task.MULTICLASS else Scored(target, truth.astype(np.float32), p[:, 1])


def report(rows: Scored, **changes) -> ReportData:
    frame = table(len(rows))
    settings = Evaluate(slices=("age", EVIL), bootstrap=30)
    judgement = judge(rows, settings, slices=frame)
    gates = {"mse": "<= 100"} if rows.task is Task.REGRESSION else {"accuracy": ">= 0.1", "log_loss": "<= 0.001"}
    epochs = [{"train_loss": 1 / (i + 1), "validation_loss": 1.2 / (i + 1), "learning_rate": 0.1} for i in range(5)]
    median = {"step": "impute", "name": "median", "learnt": {"fill": 37.0}}
    ids = {"step": "encode", "name": "ids", "learnt": {"top": "top-secret-1"}}
    trial = {
        "trial": "1",
        "params": {"train.optimizer.lr": 0.01},
        "mean": 0.9,
        "low": None,
        "high": None,
        "folds": [0.9],
    }
    parts = {
        "name": "model",
        "target": rows.target,
        "judgement": judgement,
        "spec": f"name: model  # {EVIL}",
        "version": "3",
        "aliases": ["champion"],
        "created": "today",
        "rows": {"train": 4000, "test": len(rows)},
        "gates": check(gates, judgement),
        "history": [{"epoch": i, "rows_per_s": 1e5, "seconds": 0.3, **one} for i, one in enumerate(epochs)],
        "best_epoch": 4,
        "importances": [Importance(EVIL, 0.2, 0.01), Importance("age", 0.1, 0.02), Importance("flag", -0.01, 0.02)],
        "importance_metric": "log_loss",
        "worst": worst_errors(rows, frame, private=["ssn"]),
        "profile": profile(),
        "decisions": {"day": ("date", "ISO dates"), EVIL: ("category", "text of 3 values")},
        "private": ("ssn",),
        "preparation": [
            {"column": "age", "type": "number", "missing": 0, "steps": [median]},
            {"column": "ssn", "type": "category", "missing": 3, "steps": [ids]},
        ],
        "stages": {"profile": 1.5, "train": 4.0},
        "package": "/tmp/package",
        "digest": "abc",
        "environment": {"torch": "2.13.0"},
        "leaderboard": [trial],
        "search_metric": "roc_auc",
    }
    return ReportData(**(parts | changes))
