"""What every selector must do, run on every selector found."""

import numpy as np
import pytest

from rayline.core import catalog
from rayline.core.columns import Task
from rayline.core.errors import DataError, SpecError
from rayline.prepare.select._selector import Candidates, Selector

SELECTORS = catalog.names("select")
FROM_TARGET = [name for name in SELECTORS if name != "variance"]
TASKS = list(Task)
NAMES = ("noise a", "useful", "noise b", "useful too", "flat")


def selector(name: str, **options: object) -> Selector:
    return catalog.resolve("select", {"name": name, **options}).build()  # type: ignore[attr-defined]


def candidates(task: Task, rows: int = 400, seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 5))
    x[:, 4] = 7.0
    score = 2.0 * x[:, 1] - 1.5 * x[:, 3] + 0.3 * rng.normal(size=rows)
    if task is Task.REGRESSION:
        target: np.ndarray = score * 1000.0 + 1e6
    elif task is Task.BINARY:
        target = (score > 0).astype(np.int64)
    else:
        target = np.digitize(score, [-1.0, 1.0]).astype(np.int64)
    return Candidates(NAMES, x, target, task, seed=3)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", SELECTORS)
def test_columns_stay_in_their_order_with_finite_scores_and_flat_ones_go(name: str, task: Task) -> None:
    found = selector(name).choose(candidates(task))
    places = [NAMES.index(column) for column, _ in found]
    assert places == sorted(set(places))
    assert all(np.isfinite(score) and score > 0 for _, score in found)
    assert {"useful", "useful too"} <= {column for column, _ in found}
    assert "flat" not in dict(found)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", FROM_TARGET)
def test_those_that_tell_of_the_target_are_kept(name: str, task: Task) -> None:
    found = selector(name, keep=2).choose(candidates(task))
    assert [column for column, _ in found] == ["useful", "useful too"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", SELECTORS)
def test_the_same_sample_gives_the_same_choice_to_the_last_bit(name: str, task: Task) -> None:
    assert selector(name).choose(candidates(task)) == selector(name).choose(candidates(task))


@pytest.mark.parametrize("name", SELECTORS)
def test_keep_is_no_more_than_there_are(name: str) -> None:
    for keep in (1, 100):
        found = selector(name, keep=keep).choose(candidates(Task.BINARY))
        assert 1 <= len(found) <= min(keep, len(NAMES))


@pytest.mark.parametrize("name", SELECTORS)
def test_one_column_is_enough(name: str) -> None:
    every = candidates(Task.REGRESSION)
    one = Candidates(("useful",), every.numbers_MW[:, 1:2], every.target_M, Task.REGRESSION, seed=0)
    assert [column for column, _ in selector(name).choose(one)] == ["useful"]


@pytest.mark.parametrize("name", FROM_TARGET)
def test_a_target_that_never_varies_is_refused(name: str) -> None:
    every = candidates(Task.REGRESSION)
    flat = Candidates(NAMES, every.numbers_MW, np.ones_like(every.target_M), Task.REGRESSION, seed=0)
    with pytest.raises(DataError, match=f"select {name}: the training sample has 400 rows and the target is the same"):
        selector(name).choose(flat)


@pytest.mark.parametrize(
    "name", [n for n in SELECTORS if "threshold" in catalog.config_class("select", n).model_fields]
)
def test_a_threshold_none_reaches_is_refused_with_the_best_score(name: str) -> None:
    with pytest.raises(SpecError, match=f"select {name} would leave no number column. The best, '.*', has [0-9.]+"):
        selector(name, threshold=1e9).choose(candidates(Task.BINARY))


@pytest.mark.parametrize("name", FROM_TARGET)
def test_a_unit_of_measurement_chooses_no_column(name: str) -> None:
    every = candidates(Task.MULTICLASS)
    scaled = Candidates(NAMES, every.numbers_MW * [1e3, 1e-3, 1.0, 1e2, 1.0], every.target_M, every.task, every.seed)
    chosen = [column for column, _ in selector(name, keep=2).choose(scaled)]
    assert chosen == ["useful", "useful too"]


def test_of_near_copies_pearson_keeps_the_better() -> None:
    every = candidates(Task.REGRESSION)
    x = np.column_stack([every.numbers_MW[:, 1] + 0.3 * every.numbers_MW[:, 0], every.numbers_MW[:, [1, 3]]])
    given = Candidates(("copy", "useful", "useful too"), x, every.target_M, every.task, seed=0)
    assert len(selector("pearson").choose(given)) == 3
    found = selector("pearson", redundant=0.9).choose(given)
    assert [column for column, _ in found] == ["useful", "useful too"]


def test_lasso_keeps_one_of_two_copies_and_drops_noise() -> None:
    every = candidates(Task.REGRESSION)
    found = dict(selector("lasso", alpha=0.05).choose(every))
    assert set(found) == {"useful", "useful too"}
    for task in (Task.BINARY, Task.MULTICLASS):
        assert set(dict(selector("lasso", alpha=0.05).choose(candidates(task)))) == {"useful", "useful too"}


def test_a_share_of_the_columns_can_be_kept_by_rfe() -> None:
    assert len(selector("rfe", keep=0.4).choose(candidates(Task.BINARY))) == 2
    assert len(selector("rfe", keep=3, estimator="tree").choose(candidates(Task.BINARY))) == 3


def test_no_more_rows_are_looked_at_than_declared() -> None:
    every = candidates(Task.REGRESSION, rows=3000)
    few, again = every.at_most(100), every.at_most(100)
    assert few.numbers_MW.shape == (100, 5)
    np.testing.assert_array_equal(few.numbers_MW, again.numbers_MW)
    rows = {tuple(row) for row in every.numbers_MW.tolist()}
    assert all(tuple(row) in rows for row in few.numbers_MW.tolist())
    assert every.at_most(3000).numbers_MW.tobytes() == every.numbers_MW.tobytes()


def test_lasso_takes_folds_from_all_over_a_file_that_is_sorted_by_the_target() -> None:
    """Folds of neighbours are each judged on targets that the others have not: the weakest penalty then wins."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(500, 20))
    target = 2 * x[:, 3] - x[:, 7] + 2 * rng.normal(size=500)
    order = np.argsort(target)
    names = tuple(f"x{n}" for n in range(20))
    found = dict(selector("lasso").choose(Candidates(names, x[order], target[order], Task.REGRESSION, seed=0)))
    assert {"x3", "x7"} <= set(found)
    assert len(found) < 15


def test_a_share_or_a_whole_number_of_columns_stays() -> None:
    with pytest.raises(SpecError, match="whole number of columns, or a share below 1"):
        selector("rfe", keep=2.5)
    assert len(selector("rfe", keep=2.0).choose(candidates(Task.BINARY))) == 2


@pytest.mark.parametrize("name", SELECTORS)
def test_a_row_of_each_class_is_enough_or_refused_in_words(name: str) -> None:
    two = Candidates(("a", "b"), np.array([[0.0, 1.0], [1.0, 1.5]]), np.array([0, 1]), Task.BINARY, seed=0)
    if name == "mutual_info":
        with pytest.raises(DataError, match="every class has one row"):
            selector(name).choose(two)
    else:
        assert selector(name).choose(two)
