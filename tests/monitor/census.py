"""Rows such as a census has, the reference of a model trained on them, and records such as replicas send."""

from __future__ import annotations

import numpy as np
import polars as pl

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.records import WindowRecord
from rayline.profile.profile import profile_frame
from rayline.profile.reference import Reference
from rayline.profile.windows import Window

TARGET = Target("income", Task.BINARY, ("<=50K", ">50K"), ">50K")
JOBS = [f"job{i:02}" for i in range(40)]
FEATURES = (
    Feature("age", FeatureType.NUMBER),
    Feature("hours", FeatureType.NUMBER),
    Feature("gain", FeatureType.NUMBER),
    Feature("job", FeatureType.CATEGORY),
    Feature("country", FeatureType.CATEGORY),
    Feature("sex", FeatureType.CATEGORY),
)


def draw_people(rows: int, seed: int, *, older_by: float = 0.0, abroad: float = 0.1) -> pl.DataFrame:
    """Rows such as a census has: a spread number, one with a spike, one mostly zero; many, few and two categories.

    `older_by` years and the share `abroad` are what a test lets drift.
    """
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(JOBS) + 1)
    age = pl.Series(np.clip(rng.normal(38.6 + older_by, 13.7, rows).round(), 17, 90))
    foreign = rng.random(rows) < abroad
    return pl.DataFrame(
        {
            ROW: np.arange(rows),
            "age": age.zip_with(pl.Series(rng.random(rows) > 0.02), pl.Series([None], dtype=pl.Float64)),
            "hours": np.where(rng.random(rows) < 0.47, 40, np.clip(rng.normal(40, 14, rows).round(), 1, 99)),
            "gain": np.where(rng.random(rows) < 0.92, 0, rng.integers(114, 99999, rows)),
            "job": rng.choice(JOBS, rows, p=weights / weights.sum()),
            "country": np.where(foreign, rng.choice([f"land{i}" for i in range(20)], rows), "home"),
            "sex": rng.choice(["Male", "Female"], rows, p=[0.67, 0.33]),
        }
    )


def build_reference(rows: int = 5000, seed: int = 0) -> Reference:
    answers = np.random.default_rng(seed).choice(2, rows, p=[0.8, 0.2])
    return Reference.build(profile_frame(draw_people(rows, seed), seed=0), FEATURES, predictions=answers, target=TARGET)


def make_record(
    uri: str,
    frame: pl.DataFrame,
    *,
    ended: float,
    sequence: int = 0,
    replica: str = "r1",
    version: str = "1",
    rich: float = 0.2,
) -> WindowRecord:
    """What a replica sends after it has answered the rows of `frame`, a share of `rich` with `>50K`."""
    window = Window(Reference.load(f"{uri}/profile"))
    answers = (np.arange(frame.height) < rich * frame.height).astype(int)
    window.add({name: frame[name].to_list() for name in frame.columns}, answers)
    return WindowRecord(
        model="adult",
        version=version,
        package=uri,
        replica=replica,
        sequence=sequence,
        started=ended - 5,
        ended=ended,
        **window.drain(),
    )
