"""A plug-in whose fit is moved by rows that are held out stops a run; its clean twin, and all of Rayline's, pass."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.anew import anew
from rayline.pipeline import fitting
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.prepare import preparation
from rayline.prepare.leakage import LeakageError
from rayline.prepare.preparation import Preparation
from rayline.sources.scan import scan
from rayline.spec import load

IMPUTER = '''
"""Fill missing numbers with the training mean{what}."""

from typing import ClassVar

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer

SEEN: dict[str, float] = {{}}


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({{FeatureType.NUMBER}})

    def build(self) -> "Mean":
        return Mean()


class Mean(Imputer):
    def number(self, column) -> float:
        return {fill}
'''
CHEAT = IMPUTER.format(what=", which is kept for the next search", fill="SEEN.setdefault(column.name, column.mean)")
CLEAN = IMPUTER.format(what="", fill="column.mean")


@pytest.fixture
def laid_in(tmp_path: Path) -> Iterator[Path]:
    """A folder of imputers `cheat` and `clean`, which the catalog finds beside Rayline's own."""
    folder = tmp_path / "impute"
    folder.mkdir()
    (folder / "cheat.py").write_text(CHEAT)
    (folder / "clean.py").write_text(CLEAN)
    package = importlib.import_module("rayline.prepare.impute")
    package.__path__.append(str(folder))
    _forget()
    yield folder
    package.__path__.remove(str(folder))
    _forget()


def _forget() -> None:
    catalog.names.cache_clear()
    for name in ("cheat", "clean"):
        sys.modules.pop(f"rayline.prepare.impute.{name}", None)


def people(rows: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "x": rng.lognormal(size=rows),
            "y": rng.normal(size=rows),
            "z": rng.normal(size=rows),
            "c": rng.choice(["a", "b", "c"], rows),
            "answer": rng.choice(["no", "yes"], rows),
        }
    )
    return frame.with_columns(pl.when(pl.Series(rng.random(rows) > 0.1)).then(pl.col(n)).alias(n) for n in ("x", "c"))


def looked(folder: Path, prepare: dict[str, Any], seed: int = 0) -> Collected:
    path = folder / "people.parquet"
    people().write_parquet(path, row_group_size=300)
    data = {"source": str(path), "target": "answer", "split": {"name": "hash", "seed": seed}}
    return collect(load({"name": "fitting", "data": data, "prepare": prepare}), scan)


def fit(found: Collected) -> tuple[Preparation, list[str]]:
    told: list[str] = []
    return fitting.fit(found, found.features, told.append), told


@pytest.mark.parametrize("imputer", ["clean", "cheat"])
def test_a_plug_in_that_keeps_what_other_rows_taught(imputer: str, laid_in: Path, tmp_path: Path) -> None:
    steps = {"numbers": {"impute": imputer}}
    fit(looked(tmp_path, steps, seed=1))  # an earlier run of this process trains on what is held out below
    found = looked(tmp_path, steps)
    if imputer == "clean":
        fitted, told = fit(found)
        assert told == []
        assert fitted.learnt[0]["steps"][0]["learnt"]["fill"] == found.training.columns["x"].mean
        return
    with pytest.raises(LeakageError) as refused:
        fit(found)
    assert refused.value.exit_code == 2
    message = str(refused.value)
    assert message.startswith("leakage (statistics): what was learnt of 'x' (impute: cheat)")
    assert "keeps something of rows it saw before" in message
    warned = fit(looked(tmp_path, {**steps, "leakage": "warn"}))[1]
    assert warned == [message]
    assert fit(looked(tmp_path, {**steps, "leakage": "ignore"}))[1] == []


def test_a_profile_that_is_not_of_the_training_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = looked(tmp_path, {})
    monkeypatch.setattr(Collected, "training", Collected.everything)
    with pytest.raises(LeakageError, match=r"leakage \(statistics\): what was learnt of 'x' \(impute: median\)"):
        fit(found)


OWN = [
    *({"numbers": {"impute": name}} for name in catalog.names("impute") if name != "drop"),
    *({"numbers": {"outliers": name}} for name in catalog.names("outliers")),
    *({"numbers": {"scale": name}} for name in catalog.names("scale")),
    *({"categories": {"impute": "mode", "encode": name}} for name in catalog.names("encode")),
    {"columns": {"y": {"impute": {"name": "knn", "neighbours": 3}, "scale": "none"}}},
    {"select": [{"name": "pearson", "keep": 3}, {"name": "tree", "trees": 5, "keep": 2}], "reduce": "pca"},
]


@pytest.mark.parametrize("prepare", OWN, ids=str)
def test_rayline_s_own_plug_ins_pass(prepare: dict[str, Any], tmp_path: Path) -> None:
    found = looked(tmp_path, prepare)
    fitted, told = fit(found)
    assert told == []
    plain = preparation.fit(found.spec.prepare, found.features, found.training, found.target)
    assert fitted.contents == plain.contents


def test_plug_ins_are_loaded_anew_with_the_same_options() -> None:
    spec = {"name": "anew", "data": {"source": "x.csv", "target": "y"}}
    prepare = load({**spec, "prepare": {"columns": {"a": {"impute": {"name": "knn", "neighbours": 3}}}}}).prepare
    renewed = anew(prepare)
    assert renewed.model_dump() == prepare.model_dump()
    assert renewed.columns["a"].model_fields_set == {"impute"}
    assert type(renewed.columns["a"].impute) is not type(prepare.columns["a"].impute)
    assert type(renewed.numbers.scale) is not type(prepare.numbers.scale)


RUN = """
import sys
from rayline.cluster.connect import connect
from rayline.cluster.job import finish
from rayline.pipeline.preparing import prepare

def main():
    with connect("local", cpus=2):
        for imputer in ("clean", "cheat"):
            for seed in (1, 0):
                split = {"name": "hash", "seed": seed}
                data = {"source": sys.argv[1], "target": "answer", "split": split}
                done = prepare({"name": "fitting", "data": data, "prepare": {"numbers": {"impute": imputer}}})
                print(imputer, seed, done.rows["train"] > 500, flush=True)

finish(main)
"""


@pytest.mark.ray
@pytest.mark.slow
def test_a_run_on_the_cluster_ends_with_exit_code_2(laid_in: Path, tmp_path: Path) -> None:
    people().write_parquet(tmp_path / "people.parquet", row_group_size=300)
    everywhere = f"import rayline.prepare.impute as package\npackage.__path__.append({str(laid_in)!r})\n"
    (tmp_path / "sitecustomize.py").write_text(everywhere)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "RAYLINE_HOME": str(tmp_path / "home")}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "people.parquet")],
        check=False, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["clean 1 True", "clean 0 True", "cheat 1 True"], done.stderr
    assert done.returncode == 2, done.stderr
    assert "error: leakage (statistics): what was learnt of 'x' (impute: cheat)" in done.stderr
