from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.pipeline.collect import collect
from rayline.sources.scan import scan
from rayline.spec import Spec, load
from rayline.spec.document import to_dict
from rayline.tune import space
from rayline.tune.crossval import FoldData, run_fold

SPEC: dict[str, Any] = {
    "name": "cv",
    "data": {"source": "sklearn:breast_cancer", "target": "target", "split": "stratified"},
    "train": {"epochs": 4, "batch_size": 32, "optimizer": {"lr": 0.01}},
    "tune": {"folds": 3, "space": {"train.optimizer.lr": [0.001, 0.01]}},
}


def fold_data(spec: Spec) -> tuple[FoldData, Spec]:
    found = collect(spec, scan, folds=3)
    frames = scan(found.source, lambda frame, fragment: frame)
    frame = pl.concat(frames)
    fold = found.assign(frame)
    rows = fold >= 0
    data = FoldData(
        target=found.target,
        features=found.features,
        frame=frame.filter(pl.Series(rows)),
        fold=fold[rows],
        profiles={k: p for k, p in found.profiles.items() if k >= 0},
    )
    return data, found.spec


def test_folds_part_the_training_rows_and_learn() -> None:
    data, spec = fold_data(load(SPEC))
    results = [run_fold(data, spec, fold, "roc_auc") for fold in range(3)]
    assert sum(result.rows for result in results) == len(data.frame)
    for result in results:
        assert result.rows + result.train_rows == len(data.frame)
        assert result.value > 0.95
        assert result.metrics["roc_auc"] == result.value


def test_a_fold_twice_is_the_same_twice() -> None:
    data, spec = fold_data(load(SPEC))
    one, two = (run_fold(data, spec, 1, "log_loss") for _ in range(2))
    assert one.metrics == two.metrics


def test_early_stopping_never_looks_at_the_judged_fold() -> None:
    data, spec = fold_data(load(SPEC, ["train.early_stopping=1"]))
    result = run_fold(data, spec, 0, "roc_auc")
    assert result.train_rows + result.rows < len(data.frame)
    shuffled = data.frame.with_columns(pl.col("target").shuffle(seed=1))
    judged = pl.Series(data.fold == 0)
    spoilt = data.frame.with_columns(
        pl.when(judged).then(shuffled["target"]).otherwise(pl.col("target")).alias("target")
    )
    other = FoldData(data.target, data.features, spoilt, data.fold, data.profiles)
    # other labels in the judged fold change its score and nothing that was learnt
    assert run_fold(other, spec, 0, "roc_auc").train_rows == result.train_rows
    assert run_fold(other, spec, 0, "roc_auc").value < result.value - 0.1


def test_folds_left_out_are_merged_once() -> None:
    data, _ = fold_data(load(SPEC))
    assert data.without(1) is data.without(1)
    assert data.without(1).rows == int(np.sum(data.fold != 1))
    assert ROW in data.frame.columns


@pytest.mark.parametrize(
    ("dimensions", "words"),
    [
        ({}, "tune.space is empty"),
        ({"data.target": ["a"]}, "only keys of prepare, model, train"),
        ({"prepare.duplicates": ["keep"]}, "prepare.duplicates"),
        ({"train.workers": [1, 2]}, "train.workers"),
        ({"train.optimzer.lr": [0.1]}, "optimzer"),
        ({"train.optimizer.lr": {"low": -1.0, "high": 0.1}}, "-1.0 does not fit"),
        ({"model.dropout": [0.1, 2.0]}, "2.0 does not fit"),
    ],
)
def test_a_space_that_does_not_fit_is_refused_before_any_data(dimensions: dict[str, Any], words: str) -> None:
    spec = load({**SPEC, "tune": {"space": dimensions}})
    with pytest.raises(SpecError, match=words):
        space.check(spec)


def test_applying_settings_changes_just_them() -> None:
    spec = load(SPEC)
    changed = to_dict(space.apply(spec, {"train.optimizer.lr": 0.5, "model.hidden": [7]}))
    plain = to_dict(spec)
    assert changed["train"]["optimizer"].pop("lr") == 0.5
    plain["train"]["optimizer"].pop("lr")
    assert changed["model"].pop("hidden") == [7]
    plain["model"].pop("hidden")
    assert changed == plain


def test_a_metric_that_a_fold_does_not_define_is_told_and_not_averaged() -> None:
    data, spec = fold_data(load(SPEC))
    one_class = data.frame.with_columns(
        pl.when(pl.Series(data.fold == 0)).then(pl.lit("benign")).otherwise(pl.col("target")).alias("target")
    )
    broken = FoldData(data.target, data.features, one_class, data.fold, data.profiles)
    with pytest.raises(DataError, match="not defined on fold 1"):
        run_fold(broken, spec, 0, "roc_auc")


def test_the_searched_threshold_is_the_served_one() -> None:
    data, spec = fold_data(load(SPEC))
    low = load(to_dict(spec), ["evaluate.threshold=0.01"])
    assert run_fold(data, low, 0, "f1").value != run_fold(data, spec, 0, "f1").value
    tuned = load(to_dict(spec), ["evaluate.threshold=f1"])
    assert run_fold(data, tuned, 0, "f1").train_rows < run_fold(data, spec, 0, "f1").train_rows
