"""What becomes of training rows beside what is learnt from them: repetitions dropped, classes balanced, rows augmented.

Duplicates are dropped before the split; balancing and augmenting happen in training, never to shards on file. Rows of
each class follow from their counts alone, so nothing is read or made for the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from rayline.core import seeds
from rayline.core.catalog import describe
from rayline.core.columns import Target
from rayline.prepare.balance._balancer import BalanceConfig, IntArray, Labels
from rayline.spec.sections import Prepare

Account = dict[str, Any]
"""`{duplicates: [rule, …], balance: {…} or None, augment: [step, …]}`, JSON-able, as a spec writes them."""


def account(prepare: Prepare, target: Target, rows: Mapping[str, int], *, seed: int, private: bool = False) -> Account:
    """What the spec declares, and what balancing makes of each class in an epoch.

    Args:
        prepare: the section of the spec.
        target: what is predicted.
        rows: training rows of each class; of a number to predict, all of them under any one name.
        seed: `train.seed`.
        private: whether the target is: then its classes are not told.

    Returns:
        Of `balance` also the training `rows`, those `made_up` and how many an `epoch` goes through; and `of_each` class
        the same and what a row counts in the loss (`weight`), unless the target is private or a number.
    """
    return {
        "duplicates": [describe(rule) for rule in prepare.duplicates],
        "balance": None if prepare.balance is None else _balance(prepare, target, rows, seed, private=private),
        "augment": [describe(step) for step in prepare.augment],
    }


def _balance(prepare: Prepare, target: Target, rows: Mapping[str, int], seed: int, *, private: bool) -> Account:
    config = cast(BalanceConfig, prepare.balance)
    classes = target.classes if target.task.is_classification else tuple(rows)
    counts_K = np.array([rows.get(name, 0) for name in classes], np.int64)
    labels = Labels(np.repeat(np.arange(len(classes)), counts_K), np.arange(counts_K.sum()), target)
    balancer = config.build()
    made_K = balancer.rows_made(labels) if config.makes else np.zeros_like(counts_K)
    epoch_K = counts_K + made_K
    places = balancer.places(labels, seeds.derive(seed, "balance", 0))
    if places is not None:
        epoch_K = np.bincount(np.asarray(labels.values, np.int64)[places], minlength=len(classes))
    weight_K = balancer.class_weights(labels) if target.task.is_classification else None
    told = {**describe(config), "redraws": bool(config.redraws), **_sums(counts_K, made_K, epoch_K)}
    if private or not target.task.is_classification:
        return {key: value for key, value in told.items() if not isinstance(value, Mapping)}
    told["of_each"] = {
        name: _sums(counts_K[k], made_K[k], epoch_K[k]) | {"weight": 1.0 if weight_K is None else float(weight_K[k])}
        for k, name in enumerate(classes)
    }
    return told


def _sums(rows: IntArray, made: IntArray, epoch: IntArray) -> dict[str, int]:
    return {"rows": int(np.sum(rows)), "made_up": int(np.sum(made)), "epoch": int(np.sum(epoch))}
