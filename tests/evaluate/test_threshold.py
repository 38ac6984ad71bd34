import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from rayline.core.columns import Target, Task
from rayline.core.errors import SpecError
from rayline.evaluate.scored import Scored
from rayline.evaluate.threshold import choose

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")


def score(truth, prediction, threshold, by):
    answer = prediction >= threshold
    if by == "f1":
        return metrics.f1_score(truth, answer, zero_division=0)
    if by == "accuracy":
        return metrics.accuracy_score(truth, answer)
    return metrics.recall_score(truth, answer) + metrics.recall_score(truth, answer, pos_label=0) - 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 1e-7, 0.2, 0.4, 0.4000001, 0.9, 1.0])), min_size=2, max_size=30
    ),
    st.sampled_from(["f1", "accuracy", "youden"]),
)
def test_no_threshold_does_better(rows, by):
    truth = np.array([row[0] for row in rows], dtype=np.float32)
    prediction = np.array([row[1] for row in rows], dtype=np.float32)
    if len(set(truth)) < 2:
        assert choose(Scored(BINARY, truth, prediction), by) == 0.5
        return
    found = choose(Scored(BINARY, truth, prediction), by)
    tried = [-0.1, *np.unique(prediction).tolist(), 1.1]
    assert score(truth, prediction, np.float32(found), by) >= max(score(truth, prediction, t, by) for t in tried) - 1e-9


@pytest.mark.parametrize("by", ["f1", "accuracy", "youden"])
def test_either_precision_of_the_threshold_answers_alike(by):
    rng = np.random.default_rng(0)
    truth = (rng.random(500) < 0.4).astype(np.float32)
    prediction = np.clip(rng.normal(0.3 + 0.3 * truth, 0.2), 0, 1).astype(np.float32)
    found = choose(Scored(BINARY, truth, prediction), by)
    assert float(np.float32(found)) == found
    np.testing.assert_array_equal(prediction.astype(np.float64) >= found, prediction >= np.float32(found))
    assert np.abs(prediction - found).min() > 0  # no row lies on it


def test_it_lies_half_way_between_the_classes():
    scored = Scored(BINARY, np.array([0, 0, 1, 1], np.float32), np.array([0.1, 0.2, 0.6, 0.9], np.float32))
    assert choose(scored, "f1") == pytest.approx(0.4)


def test_other_tasks_have_no_threshold():
    scored = Scored(Target("y", Task.REGRESSION), np.zeros(3), np.zeros(3))
    with pytest.raises(SpecError, match="tunes a binary task's threshold; this task is regression"):
        choose(scored, "f1")
