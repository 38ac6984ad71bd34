"""A small real package: rows with missing values and private columns, everything fitted on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Signature, Target, Task
from rayline.core.prepared import Rows
from rayline.models.network import Network
from rayline.prepare import preparation
from rayline.prepare.preparation import Preparation
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.reference import Reference
from rayline.registry import signature
from rayline.spec import load, render
from rayline.spec.sections import Expectation

MARKED_TEXT = "Zanzibar-Quokka"
MARKED_NUMBER = 918273.645
"""Values of private columns, found in no file of a package."""

FEATURES = [
    Feature("age", FeatureType.NUMBER),
    Feature("hours", FeatureType.NUMBER),
    Feature("salary", FeatureType.NUMBER),
    Feature("work", FeatureType.CATEGORY),
    Feature("town", FeatureType.CATEGORY),
    Feature("name", FeatureType.ID),
]
PRIVATE = ("salary", "town", "name")
TARGETS = {
    Task.BINARY: Target("y", Task.BINARY, ("no", "yes"), "yes"),
    Task.MULTICLASS: Target("y", Task.MULTICLASS, ("a", "b", "c")),
    Task.REGRESSION: Target("y", Task.REGRESSION),
}


@dataclass(frozen=True)
class Made:
    """The parts of a package, before it is written."""

    frame: pl.DataFrame
    target: Target
    profile: Profile
    preparation: Preparation
    network: Network
    signature: Signature
    parts: dict[str, Any]
    """What `package.write` takes."""


def rows(n: int = 400, seed: int = 0) -> pl.DataFrame:
    """Raw rows; a third of the private values are the marked ones."""
    rng = np.random.default_rng(seed)
    marked = rng.random(n) < 0.3
    age = rng.normal(40, 12, n).round(1)
    return pl.DataFrame(
        {
            "age": pl.Series(np.where(rng.random(n) < 0.1, np.nan, age)).fill_nan(None),
            "hours": rng.integers(1, 80, n),
            "salary": np.where(marked, MARKED_NUMBER, rng.normal(5e4, 1e4, n).round(2)),
            "work": pl.Series(rng.choice(["private", "state", "self"], n)).set(pl.Series(rng.random(n) < 0.1), None),
            "town": np.where(marked, MARKED_TEXT, rng.choice(["Ulm", "Bonn"], n)),
            "name": [f"{MARKED_TEXT}-{i}" for i in range(n)],
            "y": age * 3 + rng.normal(0, 1, n),
            ROW: np.arange(n),
        }
    )


def make(
    task: Task = Task.BINARY, *, model: Any = "mlp", expect: dict[str, Expectation] | None = None, n: int = 400
) -> Made:
    frame = rows(n)
    target = TARGETS[task]
    spec = load({"name": "people", "data": {"source": "people.csv", "target": "y", "private": PRIVATE}, "model": model})
    profile = profile_frame(frame, seed=0, private=PRIVATE)
    prepared = preparation.fit(spec.prepare, FEATURES, profile)
    network = catalog.resolve("model", model).build(prepared.layout, target, seed=1)  # type: ignore[attr-defined]
    inputs = prepared.apply(frame)
    value = frame["y"].to_numpy()
    learnt = {
        Task.BINARY: (value > 120).astype(np.float32),
        Task.MULTICLASS: np.digitize(value, [90, 140]).astype(np.int64),
        Task.REGRESSION: value.astype(np.float32),
    }[task]
    network.learn(Rows(inputs, learnt, frame[ROW].to_numpy()))
    network.eval()
    signed = signature.build(
        FEATURES, target, expect=expect, private=PRIVATE, required=prepared.required, threshold=0.4
    )
    answers = network.predict(inputs)
    parts = {
        "network": network,
        "preparation": prepared,
        "spec_yaml": render(spec),
        "signature": signed,
        "profile": profile,
        "reference": Reference.build(profile, FEATURES, predictions=_answered(answers, task), target=target),
        "metrics": {"test": {"roc_auc": 0.9}},
        "golden": frame,
        "card": "# people\n",
        "extras": {"split.json": {"key": ROW}},
    }
    return Made(frame, target, profile, prepared, network, signed, parts)


def _answered(answers: np.ndarray[Any, Any], task: Task) -> np.ndarray[Any, Any]:
    if task is Task.BINARY:
        return (answers >= 0.4).astype(int)
    return answers.argmax(axis=1) if task is Task.MULTICLASS else answers
