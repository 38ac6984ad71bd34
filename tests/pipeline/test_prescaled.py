"""Columns scaled over all rows before the split are told of; twins scaled by training rows, and flags, are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.prepare.split._parts import DROPPED
from rayline.sources.scan import scan
from rayline.spec import load

ROWS = 600


def plain() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    return pl.DataFrame(
        {
            "entry": np.arange(ROWS) * 7 % 601,
            "size": rng.lognormal(3, 1, ROWS),
            "weight": rng.normal(70, 12, ROWS),
            "answer": np.where(rng.random(ROWS) < 0.5, "yes", "no"),
        }
    )


def look(frame: pl.DataFrame, folder: Path, **prepare: Any) -> Collected:
    path = folder / "data.parquet"
    frame.write_parquet(path, row_group_size=250)
    data = {"source": str(path), "target": "answer", "id": "entry"}
    return collect(load({"name": "scaled", "data": data, "prepare": prepare}), scan)


def told(found: Collected) -> list[str]:
    return [line for line in found.warnings if line.startswith("leakage")]


def training(folder: Path) -> np.ndarray:
    """Which rows are trained on; they go by `entry`, so scaling moves none."""
    return look(plain(), folder).assign(plain().with_columns(pl.Series(ROW, np.arange(ROWS)))) >= 0


def standard(frame: pl.DataFrame, rows: Any, names: tuple[str, ...], ddof: int) -> pl.DataFrame:
    some = frame.filter(pl.Series(rows))
    scaled = [((frame[name] - some[name].mean()) / some[name].std(ddof=ddof)).alias(name) for name in names]
    return frame.with_columns(*scaled)


def within(frame: pl.DataFrame, rows: Any, name: str) -> pl.DataFrame:
    some = frame.filter(pl.Series(rows))[name]
    low, high = some.min(), some.max()
    return frame.with_columns((pl.col(name) - low) / (high - low))


@pytest.mark.parametrize("ddof", [0, 1])
def test_standardised_over_all_rows(tmp_path: Path, ddof: int) -> None:
    rows = training(tmp_path)
    (line,) = told(look(standard(plain(), np.ones(ROWS, bool), ("size", "weight"), ddof), tmp_path))
    assert line.startswith("leakage (statistics): 'size', 'weight' have mean 0 and standard deviation 1 over all 600 ")
    assert f"not over the {rows.sum()} training rows" in line
    assert "prepare.numbers.scale" in line
    # rounded, in 32 bits, and one column of two
    one = standard(plain(), np.ones(ROWS, bool), ("weight",), ddof)
    for written in (pl.col("weight").round(6), pl.col("weight").cast(pl.Float32)):
        (line,) = told(look(one.with_columns(written), tmp_path))
        assert line.startswith("leakage (statistics): 'weight' has mean 0")
    assert not told(look(standard(plain(), rows, ("size", "weight"), ddof), tmp_path))
    assert not told(look(plain(), tmp_path))


def test_scaled_to_zero_and_one_over_all_rows(tmp_path: Path) -> None:
    rows = training(tmp_path)
    held_out = int(np.flatnonzero(~rows)[0])
    frame = plain().with_columns(
        size=pl.when(pl.int_range(ROWS) == held_out).then(5000.0).otherwise("size"),
    )
    (line,) = told(look(within(frame, np.ones(ROWS, bool), "size"), tmp_path))
    assert line.startswith("leakage (statistics): 'size' has smallest value 0 and largest value 1 over all 600 rows")
    assert not told(look(within(frame, rows, "size"), tmp_path))
    # training rows have both ends: nothing was learnt from the others
    inner = frame.with_columns(size=pl.when(pl.Series(rows)).then("size").otherwise(pl.col("size").median()))
    assert not told(look(within(inner, np.ones(ROWS, bool), "size"), tmp_path))


def test_rows_that_are_dropped_were_scaled_with_the_others(tmp_path: Path) -> None:
    twice = pl.concat([plain(), plain()[:60]]).with_columns(entry=pl.int_range(ROWS + 60))
    scaled = standard(twice, np.ones(ROWS + 60, bool), ("size", "weight"), 0)
    found = look(scaled, tmp_path, duplicates={"name": "exact", "columns": ["size", "weight"]})
    assert found.rows(DROPPED) == 60
    assert "over all 660 rows" in told(found)[0]


def test_it_warns_and_never_stops(tmp_path: Path) -> None:
    scaled = standard(plain(), np.ones(ROWS, bool), ("size",), 0)
    for leakage, lines in (("stop", 1), ("warn", 1), ("ignore", 0)):
        assert len(told(look(scaled, tmp_path, leakage=leakage))) == lines


def test_flags_and_shares_have_such_statistics_by_nature(tmp_path: Path) -> None:
    rows = training(tmp_path)
    held_out = pl.Series(np.arange(ROWS) == np.flatnonzero(~rows)[0])
    rng = np.random.default_rng(1)
    half = np.arange(ROWS) % 2
    frame = plain().with_columns(
        flag=pl.Series(half.astype(float)),
        sign=pl.Series(half * 2.0 - 1.0),
        # the one row with all of it is held out
        typed=pl.when(held_out).then(1.0).otherwise(pl.Series(rng.integers(0, 99, ROWS) / 100)),
        counted=pl.when(held_out).then(1.0).otherwise(pl.Series(rng.integers(0, 29, ROWS) / 29)),
        whole=pl.Series(half),
    )
    assert not told(look(frame, tmp_path))
