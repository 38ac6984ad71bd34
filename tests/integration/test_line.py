"""The whole line on a real Ray cluster, from a spec to a registered model that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

import rayline
from rayline.cli._show import show_result
from rayline.core import files
from rayline.core.errors import GateError, InputError, RaylineError, RunError
from rayline.registry.models import Registry

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def spec(name: str, source: Any, target: str = "target", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "data": {"source": source, "target": target, **more.pop("data", {})},
        "train": {"epochs": 5, "batch_size": 32, "optimizer": {"lr": 0.01}, **more.pop("train", {})},
        "explain": {"importance_repeats": 1},
        **more,
    }


@pytest.mark.parametrize(
    ("source", "metric", "at_least"),
    [("sklearn:breast_cancer", "roc_auc", 0.95), ("sklearn:iris", "accuracy", 0.8), ("sklearn:diabetes", "r2", 0.2)],
)
def test_from_spec_to_registered_model(source: str, metric: str, at_least: float) -> None:
    train = {"epochs": 20}
    result = rayline.run(spec("line", source, train=train))
    assert result.metrics[metric]["value"] > at_least
    assert result.metrics[metric]["low"] <= result.metrics[metric]["value"] <= result.metrics[metric]["high"]
    assert result.version == "1"
    assert result.aliases == ("champion",)
    entry = Registry().resolve("line@champion")
    assert entry.uri == result.package
    page = files.read_bytes(result.report).decode()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert set(result.stages) >= {"start", "profile", "prepare", "train", "judge", "package", "register", "report"}
    assert rayline.load("line@champion").check_golden() == 32 or "iris" in source


def test_a_pandas_frame_is_a_source_and_the_model_answers_one() -> None:
    frame = load_breast_cancer(as_frame=True).frame
    result = rayline.run(spec("notebook", frame))
    answers = rayline.load("notebook").predict(frame.drop(columns="target"))
    assert answers.height == len(frame)
    right = answers["prediction"].cast(pl.Int64).to_numpy() == frame["target"].to_numpy()
    assert right.mean() > 0.9
    assert result.to_json()["metrics"]["test"]["accuracy"] == result.metrics["accuracy"]["value"]


def test_the_same_spec_twice_is_the_same_twice(tmp_path: Path) -> None:
    made = spec("twice", "sklearn:breast_cancer", data={"split": "stratified"})
    first, second = rayline.run(made), rayline.run(made)
    assert (first.version, second.version) == ("1", "2")
    for name in ("model.safetensors", "prepare.json", "split.json", "profile/profile.json", "golden.arrow"):
        assert files.read_bytes(f"{first.package}/{name}") == files.read_bytes(f"{second.package}/{name}"), name
    for part in ("train", "validation", "test"):
        shards = [Path(run.run, "shards", part) for run in (first, second)]
        for path in sorted(shards[0].glob("*.arrow")):
            assert path.read_bytes() == (shards[1] / path.name).read_bytes()
    assert first.metrics == second.metrics


def test_a_gate_stops_registration_and_says_why() -> None:
    strict = spec("gated", "sklearn:breast_cancer", evaluate={"gates": {"roc_auc": ">= 1.1"}})
    with pytest.raises(GateError, match=r"roc_auc >= 1.1: 0\.\d+"):
        rayline.run(strict)
    assert all(entry.name != "gated" for entry in Registry().list())


def test_no_worse_than_champion_is_judged_on_the_same_rows() -> None:
    good = spec("contest", "sklearn:breast_cancer", train={"epochs": 15})
    rayline.run(good)
    gates = {"evaluate": {"gates": {"log_loss": "no worse than champion"}}}
    with pytest.raises(GateError, match="on the same rows"):
        rayline.run(spec("contest", "sklearn:breast_cancer", train={"epochs": 1, "optimizer": {"lr": 1e-6}}, **gates))
    assert rayline.run({**good, **gates}).version == "2"


@pytest.mark.slow
def test_a_worse_version_becomes_challenger_unless_it_is_promoted(capsys: pytest.CaptureFixture[str]) -> None:
    good = spec("throne", "sklearn:breast_cancer", train={"epochs": 15})
    lazy = spec("throne", "sklearn:breast_cancer", train={"epochs": 1, "optimizer": {"lr": 1e-6}})
    assert rayline.run(good).succession == ""
    worse = rayline.run({**lazy, "evaluate": {"gates": {"roc_auc": ">= 0.0"}}})
    assert (worse.version, worse.aliases) == ("2", ("challenger",))
    assert worse.succession.startswith("worse than version 1, which stays champion: roc_auc 0.")
    assert "(on the same rows)" in worse.succession
    assert worse.succession.endswith("To replace it: rayline models promote throne/2")
    show_result(worse, as_json=False)
    assert "registered throne version 2  (@challenger)\n           worse than version 1" in capsys.readouterr().out
    assert Registry().resolve("throne@champion").version == 1
    assert Registry().resolve("throne/2").description in worse.succession

    assert Registry().promote("throne", 2).aliases == ("challenger", "champion")
    better = rayline.run(good)
    assert better.aliases == ("champion",)
    assert better.succession.startswith("not worse than version 2, the champion before it: roc_auc 0.9")
    other_rows = rayline.run({**lazy, "data": {**lazy["data"], "split": {"name": "hash", "seed": 7}}})
    assert other_rows.aliases == ("champion",)
    assert other_rows.succession.startswith("not compared with version 3")


def test_private_columns_leave_no_value_anywhere(tmp_path: Path, rayline_home: Path) -> None:
    rng = np.random.default_rng(3)
    n = 400
    secret = [f"secret{value}marker" for value in rng.integers(0, 5, n)]
    wage = rng.normal(size=n)
    frame = pl.DataFrame(
        {
            "wage": wage,
            "person": secret,
            "salary": rng.choice([7_318_249, 8_462_917, 9_571_863], n),
            "answer": np.where(wage + rng.normal(0, 0.3, n) > 0, "yes", "no"),
        }
    )
    path = tmp_path / "people.parquet"
    frame.write_parquet(path)
    made = spec("secrets", str(path), "answer", data={"private": ["person", "salary"]})
    result = rayline.run(made)
    # what an encoder must know to work stays in prepare.json; nothing else may tell a value
    allowed = {"prepare.json", "prepare.safetensors", "model.safetensors"}
    for folder in (Path(result.package), Path(result.run)):
        for file in folder.rglob("*"):
            if file.is_file() and file.name not in allowed and "shards" not in file.parts:
                data = file.read_bytes()
                assert b"marker" not in data, file
                assert b"8462917" not in data, file
    assert rayline.load("secrets").predict(frame.drop("answer")).height == n


def test_an_unfinished_run_is_resumed_and_a_finished_one_is_not(rayline_home: Path) -> None:
    made = spec("resumed", "sklearn:breast_cancer")
    with pytest.raises(InputError, match="nothing to resume"):
        rayline.run(made, resume=True)
    done = rayline.run(made)
    with pytest.raises(InputError, match="nothing to resume"):
        rayline.run(made, resume=True)
    state = files.read_json(f"{done.run}/run.json")
    files.write_json(f"{done.run}/run.json", {**state, "status": "failed"})
    again = rayline.run(made, resume=True)
    assert again.run == done.run
    weights = [files.read_bytes(f"{run.package}/model.safetensors") for run in (done, again)]
    assert weights[0] == weights[1]


def test_a_search_ends_in_a_registered_model_and_resumes_without_repeating(rayline_home: Path) -> None:
    made = spec(
        "searched",
        "sklearn:breast_cancer",
        train={"epochs": 2},
        tune={"trials": 3, "folds": 2, "space": {"train.optimizer.lr": [0.001, 0.01, 0.1]}},
    )
    result = rayline.search(made)
    assert len(result.leaderboard) == 3
    assert result.leaderboard[0]["mean"] >= result.leaderboard[1]["mean"]
    assert result.version == "1"
    folds = sorted(Path(result.run, "search").glob("*/fold-*.json"))
    assert len(folds) == 6
    folds[0].unlink()
    written = {path: path.stat().st_mtime_ns for path in folds[1:]}
    state = files.read_json(f"{result.run}/run.json")
    files.write_json(f"{result.run}/run.json", {**state, "status": "running"})
    again = rayline.search(made, resume=True)
    assert {path: path.stat().st_mtime_ns for path in folds[1:]} == written
    assert folds[0].exists()
    assert [e["folds"] for e in again.leaderboard] == [e["folds"] for e in result.leaderboard]


def test_changed_data_is_not_resumed(tmp_path: Path) -> None:
    frame = load_breast_cancer(as_frame=True).frame
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)
    made = spec("changed", str(path))
    done = rayline.run(made)
    state = files.read_json(f"{done.run}/run.json")
    files.write_json(f"{done.run}/run.json", {**state, "status": "failed"})
    frame.iloc[:-1].to_csv(path, index=False)
    with pytest.raises(RaylineError, match="data has changed"):
        rayline.run(made, resume=True)
    assert files.exists(f"{done.run}/shards/done.json")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"evaluate": {"gates": {"roc_auc": ">= 0.5"}}}, "roc_auc is no metric of a regression task"),
        ({"evaluate": {"threshold": "f1"}}, "for binary tasks"),
        ({"data": {"split": {"name": "hash", "validation": 0.0}}, "train": {"early_stopping": 2}}, "validation rows"),
        ({"data": {"split": {"name": "hash", "test": 0.0}}}, "no test rows"),
    ],
)
def test_what_an_inferred_task_refuses_is_refused_before_training(
    rayline_home: Path, section: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        rayline.run(spec("early", "sklearn:diabetes", **section))
    assert not list(rayline_home.glob("runs/*/*"))


def test_an_input_error_after_work_was_done_keeps_the_work(rayline_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rayline.core.errors import StorageError
    from rayline.pipeline import training

    def full(*_: Any, **__: Any) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(training, "fit_on_ray", full)
    with pytest.raises(RunError, match="the disk is full") as caught:
        rayline.run(spec("kept", "sklearn:iris"))
    assert caught.value.exit_code == 1
    assert len(list(rayline_home.glob("runs/kept/*/shards/done.json"))) == 1
