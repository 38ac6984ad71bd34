import pytest

from rayline.core.columns import Task
from rayline.core.errors import SpecError, UnknownNameError
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.gates import check, parse, parse_all
from rayline.evaluate.judgement import Judgement


def judged(**metrics: Estimate) -> Judgement:
    return Judgement(Task.BINARY, 1000, metrics, 0.95)


AUC = judged(roc_auc=Estimate(0.90, 0.89, 0.91), log_loss=Estimate(0.30, 0.28, 0.32))


@pytest.mark.parametrize(
    ("condition", "passed"),
    [
        (">= 0.9", True),
        (">=0.9", True),
        ("  >=   .9 ", True),
        ("> 0.9", False),
        ("<= 9e-1", True),
        ("< 0.9", False),
        ("> 0", True),
        (">= -1", True),
    ],
)
def test_the_value_is_held_against_the_bound(condition, passed):
    (result,) = check({"roc_auc": condition}, AUC)
    assert result.passed is passed
    assert result.value == 0.90
    assert "0.9000" in result.detail


@pytest.mark.parametrize(
    "condition",
    [
        "0.9",
        "= 0.9",
        ">= ninety",
        ">= 0.9 or so",
        "",
        "worse than champion",
        "no worse than champion by -0.1",
        ">= nan",
    ],
)
def test_what_is_no_condition_is_told_so_before_anything_runs(condition):
    with pytest.raises(SpecError, match=r"evaluate\.gates\.roc_auc: .* is not a condition\. Write"):
        parse("roc_auc", condition)


def test_an_unknown_metric_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'roc_auc'"):
        parse_all({"roc_acu": ">= 0.9"})


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(SpecError, match=r"mse is no metric of a binary task\. Choose from: accuracy"):
        parse_all({"mse": "<= 1"}, Task.BINARY)
    assert parse_all({"mse": "<= 1"}, Task.REGRESSION)[0].bound == 1.0


def test_without_a_champion_there_is_nothing_to_be_worse_than():
    (result,) = check({"roc_auc": "no worse than champion"}, AUC, None)
    assert result.passed
    assert "no champion yet" in result.detail


@pytest.mark.parametrize(
    ("condition", "stored", "passed"),
    [
        ("no worse than champion", 0.905, True),  # inside the interval: not shown to be worse
        ("no worse than champion", 0.915, False),  # the whole interval lies below
        ("no worse than champion by 0.02", 0.905, True),  # 0.89 - 0.905 is above -0.02
        ("no worse than champion by 0.01", 0.905, False),
        ("better than champion", 0.885, True),
        ("better than champion", 0.895, False),
    ],
)
def test_the_champions_stored_value_meets_the_interval(condition, stored, passed):
    (result,) = check({"roc_auc": condition}, AUC, {"roc_auc": stored})
    assert result.passed is passed
    assert f"stored value {stored:.4f}" in result.detail


@pytest.mark.parametrize(
    ("condition", "stored", "passed"),
    [
        ("no worse than champion", 0.29, True),
        ("no worse than champion", 0.27, False),
        ("no worse than champion by 0.06", 0.27, True),
        ("better than champion", 0.33, True),
        ("better than champion", 0.31, False),
    ],
)
def test_where_lower_is_better_the_other_side_counts(condition, stored, passed):
    (result,) = check({"log_loss": condition}, AUC, {"log_loss": stored})
    assert result.passed is passed


def test_paired_differences_come_before_the_stored_value():
    # apart the two cannot be told from one another; on the same rows the champion is shown to be better
    apart = {"roc_auc": 0.901}
    paired = {"roc_auc": Estimate(-0.001, -0.0015, -0.0005)}
    assert check({"roc_auc": "no worse than champion"}, AUC, apart)[0].passed
    (result,) = check({"roc_auc": "no worse than champion"}, AUC, apart, paired=paired)
    assert not result.passed
    assert "on the same rows" in result.detail
    assert "-0.0010" in result.detail
    assert check({"roc_auc": "no worse than champion by 0.002"}, AUC, apart, paired=paired)[0].passed


def test_an_equal_model_is_no_worse():
    same = {"roc_auc": Estimate(0.0, 0.0, 0.0)}
    assert check({"roc_auc": "no worse than champion"}, AUC, {"roc_auc": 0.9}, paired=same)[0].passed
    assert not check({"roc_auc": "better than champion"}, AUC, {"roc_auc": 0.9}, paired=same)[0].passed


def test_without_intervals_the_values_are_compared():
    plain = judged(roc_auc=Estimate(0.90))
    assert check({"roc_auc": "no worse than champion"}, plain, {"roc_auc": 0.90})[0].passed
    assert not check({"roc_auc": "no worse than champion"}, plain, {"roc_auc": 0.9001})[0].passed


def test_an_undefined_metric_fails_its_gate():
    nothing = judged(roc_auc=Estimate(None, reason="every row is 'no'"))
    (result,) = check({"roc_auc": ">= 0.1"}, nothing)
    assert not result.passed
    assert result.detail == "undefined: every row is 'no'"


def test_a_champion_without_the_metric_fails_the_gate():
    (result,) = check({"roc_auc": "no worse than champion"}, AUC, {"accuracy": 0.9})
    assert not result.passed
    assert "has no roc_auc" in result.detail
