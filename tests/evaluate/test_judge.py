import json

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

from rayline.core.columns import ROW, Target, Task
from rayline.core.errors import DataError, RunError, SpecError
from rayline.evaluate.curves import wilson
from rayline.evaluate.judge import SMALL_SLICE, compare, judge, wanted
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.scored import Scored
from rayline.evaluate.selection import default_metric, metrics_for
from rayline.evaluate.slices import MISSING, OTHER, slice_rows
from rayline.evaluate.worst import worst_errors
from rayline.spec.sections import Evaluate

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
COLOURS = Target("y", Task.MULTICLASS, ("red", "green", "blue"))
REGRESSION = Target("y", Task.REGRESSION)


def binary(n: int, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.3).astype(np.float32)
    odds = rng.normal(size=n) + 1.5 * truth - 1
    return Scored(BINARY, truth, (1 / (1 + np.exp(-odds))).astype(np.float32))


def colours(n: int, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    odds = np.exp(np.eye(3)[truth] * 1.5 + rng.normal(size=(n, 3)))
    return Scored(COLOURS, truth, odds / odds.sum(axis=1, keepdims=True))


def regression(n: int, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 10, n)
    return Scored(REGRESSION, truth, truth + rng.normal(1, 3, n))


@pytest.mark.parametrize(
    "scored", [binary(800), colours(800), regression(800)], ids=["binary", "multiclass", "regression"]
)
def test_a_judgement_comes_back_from_json(scored):
    columns = pl.DataFrame({"half": np.arange(800) % 2})
    found = judge(scored, Evaluate(slices=("half",), bootstrap=20), slices=columns)
    again = Judgement.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert list(found.values()) == list(metrics_for(scored.task))
    for one in found.metrics.values():
        assert one.low <= one.value <= one.high


def test_the_same_seed_gives_the_same_intervals():
    one, again, other = (judge(binary(500), Evaluate(), seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.metrics["roc_auc"].low != other.metrics["roc_auc"].low


def test_the_confusion_matrix_is_scikit_learns():
    for scored in (binary(700), colours(700)):
        found = judge(scored, Evaluate(bootstrap=0))
        reference = metrics.confusion_matrix(scored.truth.astype(int), scored.labels())
        assert found.confusion == tuple(tuple(row) for row in reference.tolist())
        report = metrics.classification_report(scored.truth.astype(int), scored.labels(), output_dict=True)
        for place, one in enumerate(found.by_class):
            expected = report[str(place)]
            assert (one.precision, one.recall, one.f1, one.rows) == pytest.approx(
                (expected["precision"], expected["recall"], expected["f1-score"], expected["support"])
            )


def test_curves_follow_scikit_learns():
    scored = binary(3000)
    found = judge(scored, Evaluate(bootstrap=0))
    false_rate, recall, _ = metrics.roc_curve(scored.truth, scored.prediction, drop_intermediate=False)
    (roc,), (pr,) = found.roc, found.pr
    assert len(roc.x) <= 165
    drawn, reference = np.stack([roc.x, roc.y], axis=1), np.stack([false_rate, recall], axis=1)
    apart = np.abs(drawn[:, None] - reference[None]).max(axis=2).min(axis=1)
    assert apart.max() < 1e-5  # every point drawn is one of the curve's
    assert roc.area == pytest.approx(metrics.roc_auc_score(scored.truth, scored.prediction))
    assert pr.area == pytest.approx(metrics.average_precision_score(scored.truth, scored.prediction))
    assert metrics.auc(roc.x, roc.y) == pytest.approx(roc.area, abs=0.003)
    assert (pr.x[0], pr.x[-1]) == (0.0, 1.0)
    assert pr.share == pytest.approx(scored.truth.mean())


def test_reliability_counts_every_row_once():
    scored = binary(3000)
    bins = judge(scored, Evaluate(bootstrap=0)).calibration
    assert sum(one.rows for one in bins) == 3000
    assert sum(one.rows * one.observed for one in bins) == pytest.approx(scored.truth.sum())
    for one in bins:
        assert one.low <= one.stated <= one.high
        assert one.observed_low <= one.observed <= one.observed_high
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_only_the_most_frequent_of_many_classes_are_drawn():
    rng = np.random.default_rng(0)
    k = 40
    target = Target("y", Task.MULTICLASS, tuple(str(i) for i in range(k)))
    truth = rng.choice(k, 2000, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    p = rng.random((2000, k))
    found = judge(Scored(target, truth, p / p.sum(1, keepdims=True)), Evaluate(bootstrap=10))
    counts = np.bincount(truth, minlength=k)
    assert len(found.roc) == 12
    assert min(counts[int(curve.name)] for curve in found.roc) >= np.sort(counts)[-12]


def test_slices_hold_each_row_once_and_flag_the_small():
    n = 1000
    rng = np.random.default_rng(0)
    columns = pl.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "town": [None if i % 50 == 0 else f"t{min(i % 37, 19)}" for i in range(n)],
            "flag": rng.random(n) < 0.03,
        }
    )
    found = judge(binary(n), Evaluate(slices=("age", "town", "flag"), bootstrap=30), slices=columns)
    for name in columns.columns:
        assert sum(one.rows for one in found.slices if one.column == name) == n
    ages = [one.value for one in found.slices if one.column == "age"]
    assert ages[0].startswith("≤ ")
    assert ages[-1].startswith("> ")
    assert len(ages) == 4
    towns = [one.value for one in found.slices if one.column == "town"]
    assert towns[-2:] == [OTHER, MISSING]
    assert len(towns) == 14
    assert all(one.small == (one.rows < SMALL_SLICE) for one in found.slices)
    rare = next(one for one in found.slices if one.value == "true")
    assert rare.small


def test_a_number_column_mostly_at_its_maximum_is_sliced_by_value():
    column = pl.Series("capped", [*range(20), *[100] * 80, None, float("inf")], strict=False)
    found = {name: len(rows) for name, rows in slice_rows(column)}
    assert found["100"] == 80
    assert found[MISSING] == 2
    assert sum(found.values()) == len(column)


def test_a_slice_of_one_class_has_none_with_a_reason():
    scored = binary(400)
    columns = pl.DataFrame({"part": np.where(scored.truth > 0, "yes rows", "no rows")})
    found = judge(scored, Evaluate(slices=("part",)), slices=columns)
    for one in found.slices:
        assert one.metrics["roc_auc"].value is None
        assert "every row is" in one.metrics["roc_auc"].reason
        assert one.metrics["accuracy"].value is not None
    assert found.metrics["roc_auc"].value is not None


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, 2, 2, 3, None], ["2", "1", "3", MISSING]),
        ([1.5, float("nan"), 1.5], ["1.5", MISSING]),
        (["b", "a", "a", ""], ["a", "", "b"]),
        ([True, None, True], ["true", MISSING]),
        ([None, None], [MISSING]),
        ([0] * 90 + list(range(10)), ["≤ 0", "> 0"]),
        ([float("inf"), *range(11)], ["≤ 2", "2 to 5", "5 to 7", "> 7", MISSING]),
    ],
)
def test_how_values_become_slices(values, names):
    column = pl.Series("c", values)
    found = dict(slice_rows(column))
    assert list(found) == names
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(len(values)))


def test_a_slice_column_that_is_not_there_is_named():
    with pytest.raises(SpecError, match=r"evaluate\.slices: 'sx' is not a column\. Did you mean 'sex'\? Columns: sex"):
        judge(binary(50), Evaluate(slices=("sx",)), slices=pl.DataFrame({"sex": ["f"] * 50}))
    with pytest.raises(SpecError, match="'sx' is not a column"):
        judge(binary(50), Evaluate(slices=("sx",)))


def test_gates_bring_their_metrics_along():
    settings = Evaluate(metrics=("accuracy",), gates={"roc_auc": ">= 0.5"})
    assert list(wanted(Task.BINARY, settings)) == ["roc_auc", "accuracy"]
    with pytest.raises(SpecError, match="mse is no metric of a binary task"):
        wanted(Task.BINARY, Evaluate(gates={"mse": "<= 1"}))


def test_no_rows_and_broken_predictions_are_said():
    with pytest.raises(DataError, match="no rows to judge on"):
        judge(binary(10).take(np.zeros(10, bool)), Evaluate())
    with pytest.raises(RunError, match="2 of 3 predictions are not finite numbers: training diverged"):
        Scored(REGRESSION, np.zeros(3), np.array([1.0, np.nan, np.inf]))


def test_a_class_never_answered_is_noted():
    scored = Scored(BINARY, np.array([0, 1] * 200, np.float32), np.full(400, 0.2, np.float32))
    found = judge(scored, Evaluate(bootstrap=10))
    assert "The model never answers 'yes', though 200 rows are." in found.notes
    assert found.metrics["recall"].value == 0.0


def test_constant_predictions_and_a_single_row_are_judged():
    single = judge(binary(1), Evaluate())
    assert single.metrics["accuracy"].low is None
    flat = judge(Scored(REGRESSION, np.full(30, 2.0), np.full(30, 2.0)), Evaluate())
    assert flat.metrics["mse"].value == 0.0
    assert flat.metrics["r2"].value is None
    assert sum(flat.fit.counts) == 30


def test_compare_is_paired_and_signed():
    scored = binary(2000)
    rng = np.random.default_rng(1)
    worse = Scored(BINARY, scored.truth, np.clip(scored.prediction + rng.normal(0, 0.3, 2000), 0, 1))
    found = compare(scored, worse, ["roc_auc", "log_loss"], Evaluate())
    assert found["roc_auc"].low > 0
    assert found["log_loss"].high < 0


def test_the_default_metric_fits_its_task():
    for task in Task:
        assert default_metric(task) in metrics_for(task)


def test_worst_errors_come_worst_first_without_private_columns():
    scored = binary(300)
    frame = pl.DataFrame({ROW: range(300), "y": ["?"] * 300, "x": range(300), "ssn": ["secret"] * 300})
    found = worst_errors(scored, frame, private=["ssn"], most=10)
    assert found.columns == ["truth", "answer", "stated", "loss", "x"]
    assert found["loss"].is_sorted(descending=True)
    assert (found["truth"] != found["answer"]).all()
    assert (found["stated"] >= 0.5).all()
    first = found.row(0, named=True)
    stated = scored.prediction[first["x"]]
    assert first["stated"] == pytest.approx(stated if first["answer"] == "yes" else 1 - stated)


def test_worst_errors_of_classes_and_of_values():
    found = worst_errors(colours(300), pl.DataFrame({"loss": range(300)}), most=5)
    assert found.columns == ["truth", "answer", "stated", "loss"]  # a column of the same name gives way
    numbers = regression(300)
    found = worst_errors(numbers, pl.DataFrame({"x": range(300)}), most=5)
    assert abs(found["loss"][0]) == pytest.approx(np.abs(numbers.prediction - numbers.truth).max())
    perfect = Scored(BINARY, np.array([0, 1], np.float32), np.array([0.1, 0.9]))
    assert worst_errors(perfect, pl.DataFrame({"x": [1, 2]})).shape == (0, 5)
