import numpy as np
import polars as pl
import pytest
from sklearn import datasets, ensemble, inspection

from rayline.core.columns import ROW, Target, Task
from rayline.evaluate.selection import build_metric
from rayline.explain.permutation import importance

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")


def rows(n: int = 2000) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            ROW: np.arange(n),
            "strong": rng.normal(size=n),
            "weak": rng.normal(size=n),
            "noise": rng.normal(size=n),
            "word": rng.choice(["a", "b"], n),
        }
    )
    odds = 3 * frame["strong"] + 0.7 * frame["weak"] + (frame["word"] == "a").cast(pl.Float64)
    truth = (odds.to_numpy() + rng.logistic(size=n) > 0).astype(np.float32)
    return frame.with_columns(y=pl.Series(truth)), truth


def predict(frame: pl.DataFrame) -> np.ndarray:
    odds = 3 * frame["strong"] + 0.7 * frame["weak"] + (frame["word"] == "a").cast(pl.Float64)
    return 1 / (1 + np.exp(-odds.to_numpy()))


def test_what_the_model_reads_matters_and_noise_does_not():
    frame, truth = rows()
    found = importance(predict, frame, truth, BINARY, build_metric("roc_auc"))
    by_name = {one.feature: one for one in found}
    assert found[0].feature == "strong"
    assert set(by_name) == {"strong", "weak", "noise", "word"}
    assert by_name["noise"].drop == 0.0
    assert by_name["noise"].std == 0.0
    assert by_name["strong"].drop > 5 * by_name["weak"].drop > 0
    assert by_name["word"].drop > 0


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_drop_is_a_loss_whichever_way_the_metric_points(metric):
    frame, truth = rows()
    found = importance(predict, frame, truth, BINARY, build_metric(metric), features=["strong"])
    assert found[0].drop > 0.1


def test_the_seed_repeats_it_whatever_the_order_of_columns():
    frame, truth = rows()
    metric = build_metric("roc_auc")
    one = importance(predict, frame, truth, BINARY, metric, rows=300, seed=1)
    other = importance(predict, frame.select(reversed(frame.columns)), truth, BINARY, metric, rows=300, seed=1)
    assert {x.feature: x.drop for x in one} == {x.feature: x.drop for x in other}
    again = importance(predict, frame, truth, BINARY, metric, rows=300, seed=2)
    assert {x.feature: x.drop for x in one} != {x.feature: x.drop for x in again}


def test_no_more_rows_than_asked_are_read_and_the_frame_is_left_alone():
    frame, truth = rows()
    before, seen = frame.clone(), []

    def watch(part: pl.DataFrame) -> np.ndarray:
        seen.append(part)
        return predict(part)

    importance(watch, frame, truth, BINARY, build_metric("roc_auc"), rows=300, repeats=4, features=["strong"])
    assert frame.equals(before)
    assert [len(part) for part in seen] == [300, 1200]
    # a shuffle moves values among rows, and nothing else
    for repeat in range(4):
        part = seen[1][300 * repeat : 300 * (repeat + 1)]
        assert part["strong"].sort().equals(seen[0]["strong"].sort())
        assert not part["strong"].equals(seen[0]["strong"])
        assert part.drop("strong").equals(seen[0].drop("strong"))


def test_nothing_is_measured_where_nothing_can_be():
    frame, truth = rows()
    metric = build_metric("roc_auc")
    assert importance(predict, frame, truth, BINARY, metric, repeats=0) == []
    assert importance(predict, frame, np.zeros_like(truth), BINARY, metric) == []
    assert importance(predict, frame[:0], truth[:0], BINARY, metric) == []


def test_it_agrees_with_scikit_learn():
    bunch = datasets.load_diabetes(as_frame=True)
    x, y = bunch.data, bunch.target.to_numpy()
    model = ensemble.RandomForestRegressor(30, random_state=0).fit(x[:300], y[:300])
    reference = inspection.permutation_importance(model, x[300:], y[300:], n_repeats=30, random_state=0, scoring="r2")
    found = importance(
        lambda frame: model.predict(frame.to_pandas()),
        pl.from_pandas(x[300:]),
        y[300:],
        Target("y", Task.REGRESSION),
        build_metric("r2"),
        repeats=30,
    )
    ours = {one.feature: one.drop for one in found}
    theirs = dict(zip(x.columns, reference.importances_mean, strict=True))
    np.testing.assert_allclose([ours[name] for name in x], [theirs[name] for name in x], atol=0.03)
