"""Exact strata: every class's share right to one row."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.prepare.split._parts import TEST, VALIDATION
from rayline.prepare.split.stratified import Config, StratifiedAssignment


def frame(classes: list[object]) -> pl.DataFrame:
    return pl.DataFrame({ROW: np.arange(len(classes)), "y": pl.Series(classes, strict=False)})


def fit(
    data: pl.DataFrame, folds: int = 1, *, dropped: np.ndarray | None = None, **options: float
) -> StratifiedAssignment:
    splitter = Config(**options).build()
    return splitter.fit([splitter.index(data, ROW, "y")], folds, dropped=dropped)


def expand(counts: list[int], seed: int = 0) -> list[object]:
    classes = np.repeat([f"class-{n}" for n in range(len(counts))], counts)
    return np.random.default_rng(seed).permutation(classes).tolist()


@settings(max_examples=60, deadline=None)
@given(
    # more classes than half the rows are taken for a number, and refused
    counts=st.lists(st.integers(1, 400), min_size=2, max_size=8).filter(lambda c: len(c) <= max(2, sum(c) // 2)),
    validation=st.sampled_from([0.0, 0.05, 0.1, 0.25]),
    test=st.sampled_from([0.0, 0.1, 0.2, 1 / 3]),
    folds=st.integers(1, 7),
    seed=st.integers(0, 5),
)
def test_shares_are_right_to_one_row(counts: list[int], validation: float, test: float, folds: int, seed: int) -> None:
    data = frame(expand(counts, seed))
    parts = fit(data, folds, validation=validation, test=test, seed=seed).parts(data)
    y = data["y"].to_numpy()
    for n, count in enumerate(counts):
        own = parts[y == f"class-{n}"]
        train = int((own >= 0).sum())
        assert abs((own == TEST).sum() - test * count) < 1
        assert abs((own == VALIDATION).sum() - validation * count) < 1
        assert abs(train - (1 - test - validation) * count) < 1
        assert train >= 1
        by_fold = np.bincount(own[own >= 0], minlength=folds)
        assert by_fold.max() - by_fold.min() <= 1
    by_fold = np.bincount(parts[parts >= 0], minlength=folds)
    assert by_fold.max() - by_fold.min() <= 1


def test_the_whole_keeps_its_shares_over_many_small_classes() -> None:
    data = frame(expand([3] * 100))
    parts = fit(data, validation=0.1, test=0.2).parts(data)
    assert abs((parts == TEST).sum() - 60) <= 1
    assert abs((parts == VALIDATION).sum() - 30) <= 1


def test_a_class_of_one_row_is_trained_on() -> None:
    data = frame([*expand([50, 50]), "single"])
    for seed in range(20):
        assert fit(data, 5, seed=seed).parts(data)[-1] >= 0


def test_duplicates_left_out_do_not_count() -> None:
    data = frame(expand([60, 40]))
    dropped = np.arange(0, 100, 3)
    parts = fit(data, dropped=dropped, test=0.2).parts(data, dropped=dropped)
    kept = data.filter(~pl.col(ROW).is_in(dropped.tolist()))["y"]
    for name, count in kept.value_counts().iter_rows():
        assert abs((parts[data["y"].to_numpy() == name] == TEST).sum() - 0.2 * count) < 1


@pytest.mark.parametrize("classes", [[0, 1] * 50, [True, False] * 50, [0.0, 1.0] * 50], ids=["int", "bool", "float"])
def test_classes_of_any_type(classes: list[object]) -> None:
    data = frame(classes)
    parts = fit(data).parts(data)
    assert (parts == TEST).sum() == 20


def test_a_class_that_comes_later_is_placed_by_hash() -> None:
    early, late = frame(expand([500, 500])), frame(["new"] * 3000)
    parts = fit(early, 3).parts(late)
    assert np.mean(parts == TEST) == pytest.approx(0.2, abs=0.03)
    assert np.mean(parts == VALIDATION) == pytest.approx(0.1, abs=0.03)
    assert np.bincount(parts[parts >= 0]).min() > 600


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ([0.5, float("nan"), 2.0] * 20, "fractions"),
        ([0.5, 1.5, 2.0] * 20, "fractions"),
        (list(range(100)), "100 values in 100 rows"),
    ],
)
def test_a_number_is_no_target_to_stratify_by(values: list[object], what: str) -> None:
    with pytest.raises(SpecError, match=f"{what}.*Use data.split: hash") as caught:
        fit(frame(values))
    assert "0.5" not in str(caught.value), "the target may be private"


@pytest.mark.parametrize(("rows", "most"), [(1, 0.08), (5, 0.1), (30, 0.06)])
def test_later_rows_of_a_rare_class_are_divided_by_the_shares_declared(rows: int, most: float) -> None:
    """Few rows leave the cut-offs free over much of the range: they lie where the shares say, not at a row."""
    late = pl.DataFrame({ROW: np.arange(1000, 3000), "y": ["rare"] * 2000})
    off = []
    for seed in range(30):
        parts = fit(frame(["common"] * 50 + ["rare"] * rows), 4, seed=seed).parts(late)
        off.append([abs(np.mean(parts == TEST) - 0.2), abs(np.mean(parts == VALIDATION) - 0.1)])
    assert np.max(np.mean(off, axis=0)) < most


def test_without_a_test_share_no_row_is_tested_however_late_it_comes() -> None:
    for options in ({"test": 0.0}, {"test": 0.0, "validation": 0.0}):
        assignment = fit(frame(["a", "b"] * 10), **options)
        late = pl.DataFrame({ROW: np.arange(100, 20_100), "y": ["a", "b"] * 10_000})
        assert not (assignment.parts(late) == TEST).any()
