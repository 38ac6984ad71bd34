"""Parts that are far from their shares are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rayline.pipeline.collect import collect
from rayline.sources.scan import scan
from rayline.spec import load

ROWS = 300


def warned(folder: Path, groups: int, **split: object) -> list[str]:
    rng = np.random.default_rng(0)
    path = folder / "data.parquet"
    columns = {"shop": np.arange(ROWS) % groups, "x": rng.normal(size=ROWS), "y": rng.choice(["a", "b"], ROWS)}
    pl.DataFrame(columns).write_parquet(path)
    spec = load({"name": "u", "data": {"source": str(path), "target": "y", "split": split, "features": {"shop": "id"}}})
    return [line for line in collect(spec, scan).warnings if line.startswith("data.split gives")]


def test_few_groups_cannot_be_divided_as_declared(tmp_path: Path) -> None:
    (line,) = warned(tmp_path, 3, name="group", by="shop")
    assert "33% / 33% / 33%" in line
    assert "70% / 10% / 20% is declared: group keeps together" in line


@pytest.mark.parametrize("name", ["group", "random", "stratified", "hash"])
def test_what_is_near_is_not_told(name: str, tmp_path: Path) -> None:
    assert warned(tmp_path, 100, name=name, **({"by": "shop"} if name == "group" else {})) == []


def test_a_predefined_column_declares_no_shares(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"part": ["train", "test"] * 50, "x": np.arange(100) % 7 * 1.5, "y": ["a", "b", "b", "a"] * 25}
    )
    frame.write_parquet(tmp_path / "p.parquet")
    data = {"source": str(tmp_path / "p.parquet"), "target": "y", "split": {"name": "predefined", "column": "part"}}
    assert not [w for w in collect(load({"name": "p", "data": data}), scan).warnings if "gives" in w]
