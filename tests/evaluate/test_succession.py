"""Who is champion after a run whose spec does not say how to compare with the champion."""

import pytest

from rayline.core.columns import Task
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.succession import defended, succeed

JUDGED = Judgement(
    Task.BINARY,
    1000,
    {
        "roc_auc": Estimate(0.90, 0.89, 0.91),
        "log_loss": Estimate(0.30, 0.28, 0.32),
        "accuracy": Estimate(0.80, 0.78, 0.82),
    },
    0.95,
)
BETTER = Estimate(0.02, 0.01, 0.03)
EVEN = Estimate(-0.001, -0.01, 0.01)
WORSE = Estimate(-0.02, -0.03, -0.01)


@pytest.mark.parametrize(
    ("gates", "metrics"),
    [
        ({}, ["roc_auc"]),
        ({"accuracy": ">= 0.5", "log_loss": "< 9"}, ["accuracy", "log_loss"]),
        ({"accuracy": "better than champion"}, []),
        ({"accuracy": ">= 0.5", "log_loss": "no worse than champion by 0.1"}, []),
    ],
)
def test_a_champion_is_defended_by_the_metrics_of_the_gates_unless_they_do_so(gates, metrics):
    assert defended(gates, JUDGED) == metrics
    change = dict.fromkeys(["roc_auc", "accuracy"], WORSE)
    assert succeed(gates, JUDGED, 1, change).succeeds is (metrics == [])


def test_where_the_usual_metric_is_not_asked_for_the_first_that_is_defends():
    asked = Judgement(Task.BINARY, 1000, {"accuracy": Estimate(0.8, 0.78, 0.82)}, 0.95)
    assert defended({}, asked) == ["accuracy"]
    assert not succeed({}, asked, 1, {"accuracy": WORSE}).succeeds


@pytest.mark.parametrize(
    ("change", "succeeds", "words"),
    [
        (BETTER, True, "not worse than version 3, the champion before it: roc_auc 0.9000; +0.0200 against"),
        (EVEN, True, "not worse than version 3, the champion before it: roc_auc 0.9000; -0.0010 against"),
        (WORSE, False, "worse than version 3, which stays champion: roc_auc 0.9000; -0.0200 against the champion, "
         "interval -0.0300 to -0.0100 (on the same rows)"),
        (Estimate(-0.02), False, "worse than version 3"),
        (Estimate(0.0), True, "not worse than version 3"),
    ],
)  # fmt: skip
def test_only_what_is_shown_to_be_worse_stays_challenger(change, succeeds, words):
    found = succeed({}, JUDGED, 3, {"roc_auc": change})
    assert found.succeeds is succeeds
    assert found.detail.startswith(words)


def test_where_lower_is_better_the_signs_turn():
    assert succeed({"log_loss": "< 1"}, JUDGED, 3, {"log_loss": WORSE}).succeeds
    assert not succeed({"log_loss": "< 1"}, JUDGED, 3, {"log_loss": BETTER}).succeeds


def test_one_worse_metric_is_enough_and_alone_is_told():
    found = succeed({"accuracy": "> 0", "roc_auc": "> 0"}, JUDGED, 3, {"accuracy": BETTER, "roc_auc": WORSE})
    assert not found.succeeds
    assert "roc_auc" in found.detail
    assert "accuracy" not in found.detail


@pytest.mark.parametrize("paired", [{}, {"roc_auc": Estimate(None, reason="every row is 'no'")}, {"accuracy": WORSE}])
def test_what_cannot_be_compared_takes_the_place_and_says_so(paired):
    found = succeed({}, JUDGED, 3, paired)
    assert found.succeeds
    assert found.detail.startswith("not compared with version 3, the champion before it")


def test_of_whom_nothing_is_known_takes_no_place():
    judged = Judgement(Task.BINARY, 1, {"roc_auc": Estimate(None, reason="every row is 'no'")}, 0.95)
    found = succeed({}, judged, 3, {})
    assert not found.succeeds
    assert found.detail == (
        "nothing is known of it: roc_auc is undefined (every row is 'no') on its 1 test row. Version 3 stays champion"
    )
    assert succeed({}, judged, None, {}).succeeds


def test_without_a_champion_there_is_nothing_to_say():
    assert succeed({}, JUDGED, None, {"roc_auc": WORSE}) == succeed({}, JUDGED, None, {})
    assert succeed({}, JUDGED, None, {}).detail == ""
