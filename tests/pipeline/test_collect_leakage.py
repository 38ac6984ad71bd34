"""No held-out row teaches anything: not in hold-out, not in any fold of a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.prepare import preparation
from rayline.prepare.split._parts import TEST, VALIDATION
from rayline.profile.profile import merge
from rayline.sources.scan import scan
from rayline.spec import load

FOLDS = 3
PREPARES: list[dict[str, Any]] = [
    {},
    {
        "numbers": {"impute": {"name": "mean", "indicator": True}, "outliers": "quantile", "scale": "minmax"},
        "categories": {"impute": "mode", "encode": "onehot"},
    },
    {"numbers": {"impute": "mode", "scale": "standard"}},
]


def make_frame(n: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    age = rng.normal(40, 12, n)
    place = rng.choice(["north", "south", "west"], n, p=[0.6, 0.3, 0.1])
    return pl.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, age),
            "income": rng.lognormal(3, 1, n),
            "children": rng.integers(0, 4, n),
            "place": [None if rng.random() < 0.05 else value for value in place],
            "answer": np.where(age + rng.normal(0, 5, n) > 42, "yes", "no"),
        }
    ).with_columns(pl.col("age").fill_nan(None))


def spoil(frame: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    """Ten to the sixth on every number of `rows`, and a category found only there."""
    hit = pl.Series(rows)
    numbers = [
        pl.when(hit).then(pl.col(c) + 10**6).otherwise(pl.col(c)).alias(c) for c in ("age", "income", "children")
    ]
    return frame.with_columns(*numbers, pl.when(hit).then(pl.lit("atlantis")).otherwise("place").alias("place"))


def collected(frame: pl.DataFrame, folder: Path, split: str, prepare: dict[str, Any]) -> Collected:
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    frame.write_parquet(path, row_group_size=200)
    spec = load(
        {
            "name": "leak",
            "data": {"source": str(path), "target": "answer", "split": split, "features": {"children": "number"}},
            "prepare": {**prepare, "duplicates": "keep"},
        }
    )
    return collect(spec, scan, folds=FOLDS)


def parts_of(frame: pl.DataFrame, data: Collected) -> np.ndarray:
    return data.assign(frame.with_columns(pl.Series(ROW, np.arange(len(frame)))))


def fitted_bytes(data: Collected, profile: Any, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    preparation.fit(data.spec.prepare, data.features, profile).save(str(folder))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("split", ["hash", "stratified"])
@pytest.mark.parametrize("prepare", PREPARES, ids=["defaults", "clip", "mode"])
def test_hold_out_rows_teach_nothing(tmp_path: Path, split: str, prepare: dict[str, Any]) -> None:
    (tmp_path / "data").mkdir()
    frame = make_frame()
    clean = collected(frame, tmp_path / "data", split, prepare)
    parts = parts_of(frame, clean)
    held = (parts == TEST) | (parts == VALIDATION)
    assert 0.25 < held.mean() < 0.35
    dirty = collected(spoil(frame, held), tmp_path / "data", split, prepare)
    assert np.array_equal(parts_of(frame, dirty), parts)
    assert dirty.features == clean.features
    ours = fitted_bytes(clean, clean.training, tmp_path / "clean")
    assert ours == fitted_bytes(dirty, dirty.training, tmp_path / "dirty")
    leaked = fitted_bytes(dirty, dirty.everything, tmp_path / "leaked")
    assert leaked != ours, "the test must be able to see a leak"


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("split", ["hash", "stratified"])
def test_a_fold_teaches_the_others_nothing(tmp_path: Path, fold: int, split: str) -> None:
    (tmp_path / "data").mkdir()
    frame = make_frame()
    clean = collected(frame, tmp_path / "data", split, PREPARES[1])
    parts = parts_of(frame, clean)
    dirty = collected(spoil(frame, parts == fold), tmp_path / "data", split, PREPARES[1])

    def others(data: Collected) -> Any:
        return merge([profile for k, profile in sorted(data.profiles.items()) if k >= 0 and k != fold])

    assert fitted_bytes(clean, others(clean), tmp_path / "clean") == fitted_bytes(
        dirty, others(dirty), tmp_path / "dirty"
    )
