"""The split that a package keeps: whether another run holds out the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog, files
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.split_record import FILE, record, same_split
from rayline.sources.scan import scan
from rayline.spec import load

SPLITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "hash": ({}, {"seed": 1}),
    "random": ({}, {"test": 0.3}),
    "stratified": ({}, {"seed": 1}),
    "group": ({"by": "who"}, {"seed": 1}),
    "time": ({"by": "when", "gap": 2}, {"gap": 9}),
    "predefined": ({"column": "part", "folds": "nr"}, {"parts": {"train": "test", "test": "train"}}),
}


def look(folder: Path, split: dict[str, Any], folds: int) -> Collected:
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    frame = pl.DataFrame(
        {
            "x": x,
            "y": np.where(x + rng.normal(size=600) > 0, "yes", "no"),
            "who": rng.integers(0, 60, 600),
            "when": rng.permutation(600),
            "part": rng.choice(["train", "test"], 600),
            "nr": rng.integers(0, 3, 600),
        }
    )
    frame.write_parquet(folder / "data.parquet")
    data = {"source": str(folder / "data.parquet"), "target": "y", "split": split}
    return collect(load({"name": "kept", "data": data}), scan, folds=folds, repeats=1)


@pytest.mark.parametrize("name", catalog.names("split"))
def test_folds_do_not_matter_and_held_out_rows_do(name: str, tmp_path: Path) -> None:
    options, others = SPLITS[name]
    kept = look(tmp_path, {"name": name, **options}, 1)
    package = str(tmp_path / "package")
    files.write_json(files.join(package, FILE), record(kept))
    assert same_split(package, kept)
    assert same_split(package, look(tmp_path, {"name": name, **options}, 3))
    assert not same_split(package, look(tmp_path, {"name": name, **options, **others}, 1))
    assert not same_split(package, look(tmp_path, {"name": "hash", "seed": 77}, 1))


def test_repeats_have_profiles_of_the_rows_they_hold(tmp_path: Path) -> None:
    look(tmp_path, {"name": "stratified"}, 1)
    data = {"source": str(tmp_path / "data.parquet"), "target": "y", "split": "stratified"}
    found = collect(load({"name": "again", "data": data}), scan, folds=4, repeats=3)
    frame = pl.concat(scan(found.source, lambda frame, _: frame))
    assert len(found.repeats) == 2
    for repeat in found.repeats:
        parts = repeat.assign(frame)
        assert {k: profile.rows for k, profile in repeat.profiles.items()} == {
            k: int((parts == k).sum()) for k in range(4)
        }
        assert sum(profile.rows for profile in repeat.profiles.values()) == found.rows(0)
