"""Whole packages of small networks, made without a training run, for tests and benchmarks of serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import ROW, Feature, FeatureType, Target
from rayline.models.network import Network
from rayline.models.networks import mlp
from rayline.prepare import preparation
from rayline.profile.profile import profile_frame
from rayline.profile.reference import Reference
from rayline.profile.targets import infer_target
from rayline.profile.types import infer
from rayline.registry import package, signature
from rayline.spec.document import load, render
from rayline.spec.sections import Expectation

JOBS = ("clerk", "nurse", "pilot", "teacher")


def people(rows: int = 2000, seed: int = 0) -> pl.DataFrame:
    """Rows of a small table with numbers, categories, missing values and a target of two classes."""
    draw = np.random.default_rng(seed)
    age = draw.integers(17, 90, rows).astype(float)
    hours = draw.normal(40, 10, rows).round(1)
    job = draw.choice(JOBS, rows)
    rich = (age * 0.02 + hours * 0.03 + (job == "pilot") + draw.normal(0, 1, rows)) > 2.6
    return pl.DataFrame(
        {
            "age": [None if gap else value for value, gap in zip(age, draw.random(rows) < 0.05, strict=True)],
            "hours": hours,
            "job": job,
            "city": draw.choice([f"city {n}" for n in range(30)], rows),
            "rich": np.where(rich, "yes", "no"),
        }
    )


def make(
    folder: Path,
    *,
    frame: pl.DataFrame | None = None,
    target: str = "rich",
    seed: int = 0,
    hidden: Any = (64, 32),
    expect: dict[str, Expectation] | None = None,
) -> str:
    """Write a package and return its folder. Its network has the initial weights of `seed`."""
    frame = people() if frame is None else frame
    rows = frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
    profile = profile_frame(rows, seed=0)
    aim, _ = infer_target(profile, target)
    kinds = {name: decision.type for name, decision in infer(profile).items()}
    learnt = (FeatureType.NUMBER, FeatureType.CATEGORY)
    features = tuple(Feature(n, t) for n, t in kinds.items() if t in learnt and n not in (target, ROW))
    network_config = mlp.Config(hidden=hidden)
    spec = load(
        {
            "name": "people",
            "data": {"source": "people.csv", "target": target},
            "model": {"name": "mlp", **network_config.model_dump(mode="json")},
        }
    )
    prepared = preparation.fit(spec.prepare, features, profile)
    network = _network(network_config, prepared, aim, seed)
    answers = [str(value) for value in frame[target].to_list()]
    package.write(
        str(folder),
        network=network,
        preparation=prepared,
        spec_yaml=render(spec),
        signature=signature.build(features, aim, required=prepared.required, expect=expect),
        profile=profile,
        reference=Reference.build(profile, features, predictions=answers, target=aim),
        metrics={},
        golden=frame.head(32),
        card="# people\n",
    )
    return str(folder)


def _network(config: mlp.Config, prepared: preparation.Preparation, target: Target, seed: int) -> Network:
    return config.build(prepared.layout, target, seed=seed)
