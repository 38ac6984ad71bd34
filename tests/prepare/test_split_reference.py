"""Folds held against scikit-learn's splitters on the same rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.prepare.split._parts import Assignment


def fit(data: pl.DataFrame, name: str, folds: int, **options: object) -> Assignment:
    splitter = catalog.config_class("split", name)(validation=0.0, test=0.0, **options).build()  # type: ignore[attr-defined]
    found = splitter.fit([splitter.index(data, ROW, "y")], folds)
    assert isinstance(found, Assignment)
    return found


def counts(fold: np.ndarray, y: np.ndarray, folds: int) -> np.ndarray:
    return np.array([np.bincount(y[fold == k], minlength=y.max() + 1) for k in range(folds)])


@pytest.mark.parametrize("load", [load_wine, load_digits])
def test_stratified_folds_have_the_counts_of_scikit_learns(load: object) -> None:
    y = load().target  # type: ignore[operator]
    data = pl.DataFrame({ROW: np.arange(len(y)), "y": y})
    ours = counts(fit(data, "stratified", 5).parts(data), y, 5)
    theirs = np.array([np.bincount(y[held]) for _, held in StratifiedKFold(5).split(y, y)])
    assert np.abs(ours - y.size / 5 * np.bincount(y) / y.size).max() < 1
    assert sorted(map(tuple, np.sort(ours, axis=0).T)) == sorted(map(tuple, np.sort(theirs, axis=0).T))


@pytest.mark.parametrize("seed", range(5))
def test_group_folds_are_as_even_as_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(80), rng.integers(1, 40, 80))
    chance = rng.random(80)
    y = (rng.random(len(groups)) < chance[groups]).astype(int)
    data = pl.DataFrame({ROW: np.arange(len(groups)), "group": groups, "y": y})
    ours = np.bincount(fit(data, "group", 5, by="group").parts(data))
    theirs = [len(held) for _, held in GroupKFold(5).split(groups, y, groups)]
    assert np.ptp(ours) <= np.ptp(theirs)
    wanted = np.bincount(y) / 5
    stratified = counts(fit(data, "group", 5, by="group", stratify=True).parts(data), y, 5)
    reference = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(groups, y, groups)
    sklearns = np.array([np.bincount(y[held], minlength=2) for _, held in reference])
    # the share of each class that is in the wrong fold
    assert np.abs(stratified - wanted).sum() / len(y) < np.abs(sklearns - wanted).sum() / len(y) + 0.01


def test_folds_in_time_are_those_of_scikit_learn() -> None:
    data = pl.DataFrame({ROW: np.arange(120), "when": np.arange(120)})
    found = fit(data, "time", 5, by="when", gap=3)
    parts = found.parts(data)
    for fold, (learnt, held) in enumerate(TimeSeriesSplit(5, gap=3).split(np.arange(120))):
        assert np.flatnonzero(np.isin(parts, found.training_parts(fold))).tolist() == learnt.tolist()
        assert np.flatnonzero(np.isin(parts, found.judged_parts(fold))).tolist() == held.tolist()
