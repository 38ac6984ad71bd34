from __future__ import annotations

from pathlib import Path

import pytest

from rayline.core.errors import SpecError
from rayline.tune.leaderboard import interval, leaderboard
from rayline.tune.ledger import FoldResult, Ledger, TrialRecord, digest


def result(fold: int, value: float) -> FoldResult:
    return FoldResult(fold=fold, value=value, metrics={"roc_auc": value}, seconds=1.0, rows=100, train_rows=200)


def test_folds_are_found_again(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path / "search"))
    ledger.open({"rows": 3})
    second = ledger.start({"a": 2}, 1)
    first = ledger.start({"a": 1}, 0)
    ledger.commit(first, result(0, 0.8))
    ledger.commit(first, result(1, 0.9))
    again = Ledger(str(tmp_path / "search"))
    again.open({"rows": 3})
    trials = again.trials(folds=2)
    assert [t.params for t in trials] == [{"a": 1}, {"a": 2}]
    assert trials[0].folds[1] == result(1, 0.9)
    assert trials[1].id == second
    assert trials[1].folds == {}
    assert again.fold(first, 2) is None


def test_another_question_is_refused(tmp_path: Path) -> None:
    Ledger(str(tmp_path)).open({"rows": 3})
    with pytest.raises(SpecError, match="without --resume"):
        Ledger(str(tmp_path)).open({"rows": 4})


def test_equal_settings_are_one_trial() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})


def records(scores: list[list[float]]) -> list[TrialRecord]:
    return [
        TrialRecord(id=str(n), number=n, params={"n": n}, folds={k: result(k, v) for k, v in enumerate(values)})
        for n, values in enumerate(scores)
    ]


def test_complete_trials_come_first_and_best_first() -> None:
    board = leaderboard(records([[0.7, 0.7], [0.9, 0.8], [0.99]]), folds=2, maximise=True, confidence=0.95)
    assert [entry.number for entry in board] == [1, 0, 2]
    assert [entry.complete for entry in board] == [True, True, False]
    assert board[2].low is None
    least = leaderboard(records([[0.7, 0.7], [0.9, 0.8]]), folds=2, maximise=False, confidence=0.95)
    assert [entry.number for entry in least] == [0, 1]


def test_the_interval_is_wider_than_the_naive_one() -> None:
    """Nadeau and Bengio's correction, worked by hand for k=3 and test/train=0.5: s·sqrt(1/3+0.5)·t(2, 97.5%)."""
    low, high = interval([0.8, 0.9, 1.0], 0.5, 0.95)
    assert low is not None
    assert high is not None
    assert (high - low) / 2 == pytest.approx(0.1 * (1 / 3 + 0.5) ** 0.5 * 4.302652729749464)
    assert (high + low) / 2 == pytest.approx(0.9)
