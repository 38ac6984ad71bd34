"""What is told of duplicates, balancing and augmenting is what training then does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import orjson
import pytest

from rayline.core.columns import Target, Task
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.prepare.training_account import account
from rayline.prepare.training_rows import balanced
from rayline.report.prepare_text import explain
from rayline.spec.sections import Prepare

TARGET = Target("y", Task.MULTICLASS, ("often", "seldom", "rare one"))
ROWS = {"often": 1300, "seldom": 60, "rare one": 9}
BALANCERS: list[tuple[str | dict[str, Any], str]] = [
    ("weights", "rows in an epoch 1,369 of 1,369: often 1,300 (each counts 0.351), seldom 60 (each counts 7.606), "
     "'rare one' 9 (each counts 50.7)"),
    ("undersample", "rows in an epoch 27 of 1,369: often 9 (1,300, 1,291 left out), seldom 9 (60, 51 left out), "
     "'rare one' 9; drawn anew in each epoch"),
    ({"name": "oversample", "ratio": 0.5}, "ratio: 0.5; rows in an epoch 2,600 of 1,369: often 1,300, "
     "seldom 650 (60, 590 repetitions), 'rare one' 650 (9, 641 repetitions)"),
    ({"name": "smote", "ratio": 0.1}, "ratio: 0.1; rows in an epoch 1,560 of 1,369: often 1,300, "
     "seldom 130 (60, and 70 made up), 'rare one' 130 (9, and 121 made up)"),
    ({"name": "subsample", "share": 0.5}, "share: 0.5; rows in an epoch 684 of 1,369: often 650 (1,300, 650 left out), "
     "seldom 30 (60, 30 left out), 'rare one' 4 (9, 5 left out)"),
]  # fmt: skip


def told(prepare: dict[str, Any], target: Target = TARGET, *, private: bool = False) -> dict[str, Any]:
    made = account(Prepare.model_validate(prepare), target, ROWS, seed=0, private=private)
    assert orjson.loads(orjson.dumps(made)) == made
    return made


def said(training: dict[str, Any], head: str, dropped: int = 0) -> list[str]:
    lines = explain(rows={"train": 1369, "duplicates": dropped}, recipe=None, learnt=[], aside={}, training=training)
    if head not in lines:
        return []
    body = lines[lines.index(head) + 1 :]
    return body[: body.index("")] if "" in body else body


@pytest.mark.parametrize(
    ("balance", "words"), BALANCERS, ids=[w.split()[0] + str(n) for n, (_, w) in enumerate(BALANCERS)]
)
def test_classes_are_those_of_the_epoch_that_training_goes_through(balance: Any, words: str) -> None:
    training = told({"balance": balance})
    target = np.random.default_rng(0).permutation(np.repeat(np.arange(3), list(ROWS.values())))
    numbers = np.random.default_rng(1).normal(size=(len(target), 2)).astype(np.float32)
    rows = Rows(Prepared(numbers, np.zeros((len(target), 0), np.int32)), target, np.arange(len(target)))
    config = Prepare.model_validate({"balance": balance}).balance
    learnt = balanced(rows, config, Layout(("a", "b"), (), ()), TARGET, seed=0)
    epoch = Counter(TARGET.classes[place] for place in learnt.targets().tolist())
    each = training["balance"]["of_each"]
    assert {name: one["epoch"] for name, one in each.items()} == epoch
    assert {name: one["rows"] for name, one in each.items()} == ROWS
    weights = learnt.class_weights
    assert [one["weight"] for one in each.values()] == ([1.0] * 3 if weights is None else weights.tolist())
    assert training["balance"]["made_up"] == (0 if learnt.made is None else len(learnt.made))
    name = balance if isinstance(balance, str) else balance["name"]
    assert " ".join(" ".join(said(training, "In training alone, to its rows")).split()) == f"balance {name} {words}"


def test_augmenters_and_rules_of_duplicates_are_named_with_what_was_chosen() -> None:
    training = told({"augment": [{"name": "mixup", "alpha": 0.7}, "number_noise"]})
    assert said(training, "In training alone, to its rows") == ["  augment mixup  alpha: 0.7", "  augment number_noise"]
    head = "Dropped as rows that are there already, before the split"
    assert said(training, head, 1234) == ["  exact", "  1,234 rows dropped"]
    rules = told({"duplicates": [{"name": "exact", "columns": ["a", "b"]}, {"name": "minhash", "column": "t"}]})
    assert said(rules, head, 1) == ["  exact  columns: [a, b]", "  minhash  column: t", "  1 row dropped"]
    assert said(told({"duplicates": "keep"}), head) == []
    assert said(told({}), "In training alone, to its rows") == []


def test_a_private_target_s_classes_are_not_told() -> None:
    training = told({"balance": {"name": "weights", "classes": {"rare one": 5}}}, private=True)
    assert "rare one" not in str(training)
    assert training["balance"]["rows"] == 1369
    lines = said(training, "In training alone, to its rows")
    assert lines == ["  balance weights  rows in an epoch 1,369 of 1,369"]


def test_of_a_number_to_predict_all_rows_are_told() -> None:
    made = account(
        Prepare.model_validate({"balance": {"name": "subsample", "share": 0.25}}),
        Target("y", Task.REGRESSION), {"y": 1000}, seed=0,
    )  # fmt: skip
    assert "of_each" not in made["balance"]
    assert said(made, "In training alone, to its rows") == [
        "  balance subsample  share: 0.25; rows in an epoch 250 of 1,000"
    ]
