"""The classes that `rayline prepare` tells of are those of the training rows it writes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.pipeline import preparing
from rayline.pipeline.collect import collect
from rayline.prepare import preparation
from rayline.sources.scan import scan
from rayline.spec import load

DROP = {"numbers": {"outliers": {"name": "quantile", "low": 0.1, "action": "drop"}}}


def frame() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    rare = rng.random(700) < 0.15
    return pl.DataFrame(
        {"x": rng.normal(size=700) - 2 * rare, "answer": np.where(rare, 1.0, 0.0), "value": rng.normal(size=700)}
    )


@pytest.mark.parametrize("target", ["answer", "value"])
@pytest.mark.parametrize("prepare", [{}, DROP], ids=["all", "outliers dropped"])
def test_rows_of_each_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepare: Any, target: str) -> None:
    monkeypatch.setattr(preparing.on_ray, "scan", scan)
    data = frame()
    data.write_parquet(tmp_path / "data.parquet", row_group_size=100)
    balance = "undersample" if target == "answer" else {"name": "subsample", "share": 0.5}
    other = "value" if target == "answer" else "answer"
    collected = collect(
        load(
            {
                "name": "rows",
                "data": {
                    "source": str(tmp_path / "data.parquet"), "target": target, "features": {other: "drop"},
                    "task": "binary" if target == "answer" else "regression",
                },
                "prepare": {**prepare, "balance": balance},
            }
        ),
        scan,
    )  # fmt: skip
    fitted = preparation.fit(collected.spec.prepare, collected.features, collected.training, collected.target)
    rows = data.with_columns(pl.Series(ROW, np.arange(700)))
    staying = rows.filter(pl.Series((collected.assign(rows) >= 0) & fitted.in_training(rows)))
    assert (staying.height < collected.rows(0)) is bool(prepare)
    told = preparing._in_training(collected, fitted)["balance"]
    assert told["rows"] == staying.height
    if target == "value":
        assert told["epoch"] == round(staying.height / 2)
        return
    expected = Counter("1" if value else "0" for value in staying["answer"])
    assert {str(float(name))[0]: one["rows"] for name, one in told["of_each"].items()} == expected
    assert {one["epoch"] for one in told["of_each"].values()} == {min(expected.values())}
