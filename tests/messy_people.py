"""Rows as people keep them: stand-ins for missing, spellings, units, repeats, numbers that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import ROW

REPEATED = slice(10, 40)
"""Rows that come a second time, at the end."""


def people(rows: int = 2_000) -> pl.DataFrame:
    """`rows` people and `REPEATED` of them again; the answer can be learnt from age, hours and job."""
    rng = np.random.default_rng(7)
    age = rng.integers(17, 80, rows).astype(np.float64)
    hours = rng.normal(40, 8, rows).round(1)
    job = rng.integers(0, 40, rows)
    metres = rng.random(rows) < 0.3
    height = [
        f"{h / 100} m" if short else f"{h} cm" for h, short in zip(rng.integers(150, 200, rows), metres, strict=True)
    ]
    lost = rng.random(rows) < 0.15
    income = pl.select(pl.when(~pl.Series(lost)).then(pl.Series(rng.gamma(3, 1000, rows) + 1))).to_series()
    answer = np.where(age * hours / 50 + job + rng.normal(0, 10, rows) > 50, "yes", "no")
    age[rng.random(rows) < 0.1] = -999
    hours[rng.random(rows) < 0.01] = 400
    frame = pl.DataFrame(
        {
            "age": age,
            "hours": hours,
            "job": [f"job {j}" for j in job],
            "city": rng.choice(["New York", "new york", "NYC", "Berlin", "berlin "], rows),
            "height": height,
            "debt": rng.gamma(2, 1000, rows),
            "income": income,
            "answer": answer,
        }
    )
    return pl.concat([frame, frame[REPEATED]])


def write(folder: Path, frame: pl.DataFrame, piece: int = 300) -> Path:
    """`frame` as a folder of Parquet files of `piece` rows."""
    folder.mkdir(parents=True)
    for place, start in enumerate(range(0, frame.height, piece)):
        frame[start : start + piece].write_parquet(folder / f"part-{place:02}.parquet")
    return folder


def with_rows(frame: pl.DataFrame, piece: int = 300) -> pl.DataFrame:
    """`frame` with the ROW that its rows have once `write` wrote them."""
    places = pl.int_range(frame.height, dtype=pl.Int64)
    return frame.with_columns(((places // piece) * (1 << 40) + places % piece).alias(ROW))


def spec(source: Any, **more: Any) -> dict[str, Any]:
    """Everything at once: corrections, a derived column, a quarantine, encodings from the target, MICE, PCA."""
    return {
        "name": "people",
        "data": {
            "source": source,
            "target": "answer",
            "split": {"name": "stratified", "validation": 0.1, "test": 0.2},
            "expect": {"age": {"min": 18, "on": "quarantine"}, "ratio": {"max": 8, "on": "quarantine"}},
        },
        "prepare": {
            "clean": [
                {"name": "missing", "columns": ["age"], "values": [-999]},
                {"name": "spelling", "columns": ["city"], "merge": {"New York": ["NYC"]}, "others": "plain"},
                {"name": "units", "columns": ["height"], "units": {"cm": 1, "m": 100}},
            ],
            "derive": {"ratio": "debt / income"},
            "numbers": {"impute": "iterative", "outliers": {"name": "iqr", "factor": 3, "action": "missing"}},
            "columns": {"job": {"encode": "target"}, "city": {"encode": "onehot"}},
            "select": [{"name": "pearson", "threshold": 0.01}],
            "reduce": {"name": "pca", "components": 0.9},
        }
        | more.pop("prepare", {}),
        **more,
    }


def tree(folder: Path | str) -> dict[str, bytes]:
    """The bytes of every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()
    }
