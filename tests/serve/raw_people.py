"""A real package whose model reads corrected and derived columns, made as a run makes it, without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from rayline.core.prepared import Prepared, Rows, read_shards
from rayline.models.network import Network
from rayline.pipeline import publishing
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Silent, Stages
from rayline.pipeline.judging import judge_model
from rayline.pipeline.training import Trained
from rayline.prepare import preparation
from rayline.prepare.shards import write_shards
from rayline.sources.scan import scan
from rayline.spec import load
from rayline.train.record import Fit

PREPARE: dict[str, Any] = {
    "clean": [
        {"name": "missing", "columns": ["weight", "salary"], "values": [-999]},
        {"name": "units", "columns": ["height"], "units": {"cm": 1, "m": 100}},
        {"name": "cast", "columns": ["born"], "to": "date"},
        {"name": "dates", "columns": ["born"], "parts": ["year"]},
        {"name": "spelling", "columns": ["town"], "merge": {"Bonn": ["bn"]}},
    ],
    # in an order that is not the alphabet's: the second reads the first
    "derive": {"metres": "height / 100", "bmi": "weight / metres / metres", "after_bmi": "bmi > 25"},
}


def people(rows: int = 600, seed: int = 0) -> pl.DataFrame:
    """Rows as people keep them, in columns whose order is not the alphabet's."""
    rng = np.random.default_rng(seed)
    centimetres = rng.integers(150, 200, rows)
    weight = rng.normal(75, 12, rows).round(1)
    heavy = weight / (centimetres / 100) ** 2 + rng.normal(0, 1, rows) > 25
    metres = rng.random(rows) < 0.3
    return pl.DataFrame(
        {
            "weight": np.where(rng.random(rows) < 0.05, -999, weight),
            "height": [f"{c / 100} m" if short else f"{c} cm" for c, short in zip(centimetres, metres, strict=True)],
            "town": rng.choice(["Bonn", "BN", "b.n.", "Ulm", "Oslo"], rows),
            "born": [
                f"{year}-03-0{day}"
                for year, day in zip(rng.integers(1950, 2005, rows), rng.integers(1, 9, rows), strict=True)
            ],
            "salary": np.where(rng.random(rows) < 0.1, -999, rng.gamma(3, 1000, rows).round()).astype(int),
            "answer": np.where(heavy, "heavy", "light"),
        }
    )


def spec(source: str, **more: Any) -> dict[str, Any]:
    """The spec of `people`; `data` and `prepare` add to it, anything else replaces."""
    data = {"source": source, "target": "answer", "features": {"born": "drop", "salary": "number"}}
    return {
        "name": "people",
        "data": data | more.pop("data", {}),
        "prepare": PREPARE | more.pop("prepare", {}),
        "explain": {"importance_repeats": 0},
        **more,
    }


def package(folder: Path, frame: pl.DataFrame | None = None, **more: Any) -> str:
    """Collect, fit, learn what can be learnt without epochs, judge and write a package; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "people.parquet"
    (people() if frame is None else frame).write_parquet(source)
    collected = collect(load(spec(str(source), **more)), scan)
    trained = _trained(collected, folder / "shards")
    judged = judge_model(Stages(Silent()), collected, trained)
    publishing._write_package(str(folder / "package"), collected, trained, judged)
    return str(folder / "package")


def _trained(collected: Collected, shards: Path) -> Trained:
    steps, target = collected.spec.prepare, collected.target
    fitted = preparation.fit(steps, collected.features, collected.training, target)
    fitted = fitted.with_recipe(recipe_of(collected.source))
    write_shards(collected.source, fitted, target, collected.assign, str(shards), columns=collected.assign.columns)
    network = cast(Network, cast(Any, collected.spec.model).build(fitted.layout, target, seed=1))
    network.learn(read_shards(str(shards / "train")))
    empty = Rows(Prepared(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int32)), np.zeros(0), np.zeros(0))
    fit = Fit(history=[], best_epoch=0, state_dict={}, resumed_from=None, seconds=0.0)
    return Trained(fitted, network.eval(), fit, empty, read_shards(str(shards / "test")), workers=1)
