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
from rayline.tune.crossval import Division, FoldData, run_fold

SPEC: dict[str, Any] = {
    "name": "cv",
    "data": {"source": "sklearn:breast_cancer", "target": "target", "split": "stratified"},
    "train": {"epochs": 4, "batch_size": 32, "optimizer": {"lr": 0.01}},
    "tune": {"folds": 3, "space": {"train.optimizer.lr": [0.001, 0.01]}},
}


def fold_data(spec: Spec) -> tuple[FoldData, Spec]:
    found = collect(spec, scan, folds=spec.tune.folds, repeats=spec.tune.repeats)
    frames = scan(found.source, lambda frame, fragment: frame)
    frame = pl.concat(frames)
    rows = found.assign(frame) >= 0
    each = [(found.assign, found.profiles), *((repeat.assign, repeat.profiles) for repeat in found.repeats)]
    divisions = tuple(Division.of(assign.assignment, assign(frame)[rows], profiles) for assign, profiles in each)
    data = FoldData(found.target, found.features, frame.filter(pl.Series(rows)), divisions)
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
    judged = pl.Series(data.divisions[0].part == 0)
    spoilt = data.frame.with_columns(
        pl.when(judged).then(shuffled["target"]).otherwise(pl.col("target")).alias("target")
    )
    other = FoldData(data.target, data.features, spoilt, data.divisions)
    # other labels in the judged fold change its score and nothing that was learnt
    assert run_fold(other, spec, 0, "roc_auc").train_rows == result.train_rows
    assert run_fold(other, spec, 0, "roc_auc").value < result.value - 0.1


def test_folds_left_out_are_merged_once() -> None:
    data, _ = fold_data(load(SPEC))
    assert data.without(1) is data.without(1)
    assert data.without(1).rows == int(np.sum(data.divisions[0].part != 1))
    assert ROW in data.frame.columns


def test_repeated_folds_are_others_of_the_same_rows() -> None:
    data, spec = fold_data(load(SPEC, ["tune.repeats=2"]))
    assert spec.tune.fits == 6
    one, other = data.divisions
    assert np.mean(one.part == other.part) == pytest.approx(1 / 3, abs=0.06)
    assert data.at(4) == (other, 1)
    for fold in range(6):
        division, place = data.at(fold)
        assert data.without(fold).rows == int(np.sum(division.part != place))
        assert set(data.without(fold).sample[ROW]) == set(data.frame.filter(pl.Series(division.part != place))[ROW])
    result = run_fold(data, spec, 4, "roc_auc")
    assert result.fold == 4
    assert result.rows == int(np.sum(other.part == 1))
    assert result.metrics != run_fold(data, spec, 1, "roc_auc").metrics


def test_folds_in_time_learn_from_what_is_before_alone() -> None:
    data, spec = fold_data(load(SPEC, ["data.split={name: time, by: mean radius, gap: 5}"]))
    times = data.frame["mean radius"].to_numpy()
    sizes = []
    for fold in range(3):
        result = run_fold(data, spec, fold, "roc_auc" if fold else "accuracy")
        division, place = data.at(fold)
        learnt, judged = (np.isin(division.part, p[place]) for p in (division.learnt, division.judged))
        assert times[learnt].max() < times[judged].min()
        assert data.without(fold).columns["mean radius"].maximum == times[learnt].max()
        assert (result.train_rows, result.rows) == (learnt.sum(), judged.sum())
        sizes.append(result.train_rows)
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("dimensions", "words"),
    [
        ({}, "tune.space is empty"),
        ({"data.target": ["a"]}, "only keys of prepare, model, train"),
        ({"prepare.duplicates": ["keep"]}, "prepare.duplicates"),
        ({"prepare.clean": [[{"name": "text", "columns": ["a"]}]]}, "cannot be searched"),
        ({"prepare.derive.x": ["a * 2", "a * 3"]}, "cannot be searched"),
        ({"prepare.leakage": ["warn"]}, "cannot be searched"),
        ({"prepare.numbers.impute": ["median", "drop"]}, "impute: drop"),
        ({"prepare.columns.a.impute": ["drop"]}, "impute: drop"),
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
        pl.when(pl.Series(data.divisions[0].part == 0))
        .then(pl.lit("benign"))
        .otherwise(pl.col("target"))
        .alias("target")
    )
    broken = FoldData(data.target, data.features, one_class, data.divisions)
    with pytest.raises(DataError, match="not defined on fold 1"):
        run_fold(broken, spec, 0, "roc_auc")


def test_the_searched_threshold_is_the_served_one() -> None:
    data, spec = fold_data(load(SPEC))
    low = load(to_dict(spec), ["evaluate.threshold=0.01"])
    assert run_fold(data, low, 0, "f1").value != run_fold(data, spec, 0, "f1").value
    tuned = load(to_dict(spec), ["evaluate.threshold=f1"])
    assert run_fold(data, tuned, 0, "f1").train_rows < run_fold(data, spec, 0, "f1").train_rows
