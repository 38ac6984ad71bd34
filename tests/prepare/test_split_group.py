"""Group splits: no group is divided, and shares come as close as groups allow."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.prepare.split import _packing
from rayline.prepare.split._parts import TEST, VALIDATION
from rayline.prepare.split.group import Config, GroupAssignment


def fit(data: pl.DataFrame, folds: int = 1, *, dropped: np.ndarray | None = None, **options: object) -> GroupAssignment:
    splitter = Config(by="group", **options).build()  # type: ignore[arg-type]
    return splitter.fit([splitter.index(data, ROW, "y")], folds, dropped=dropped)


def frame(sizes: list[int], seed: int = 0) -> pl.DataFrame:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    return pl.DataFrame({ROW: np.arange(len(groups)), "group": [f"patient {g}" for g in groups]})


def undivided(groups: np.ndarray, parts: np.ndarray) -> bool:
    return all(len(set(parts[groups == group])) == 1 for group in set(groups))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=6, max_size=60),
    validation=st.sampled_from([0.0, 0.1, 0.2]),
    test=st.sampled_from([0.0, 0.2, 0.4]),
    folds=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_a_group_is_never_divided_and_no_part_is_empty(
    sizes: list[int], validation: float, test: float, folds: int, seed: int
) -> None:
    data = frame(sizes, seed)
    try:
        parts = fit(data, folds, validation=validation, test=test, seed=seed).parts(data)
    except SpecError as error:
        assert "to train on" in str(error)  # noqa: PT017
        return
    assert undivided(data["group"].to_numpy(), parts)
    assert set(parts) == {*range(folds), *([VALIDATION] if validation else []), *([TEST] if test else [])}
    largest = max(sizes)
    for part, share in ((TEST, test), (VALIDATION, validation)):
        assert abs((parts == part).sum() - share * data.height) <= largest


def test_shares_are_nearly_the_best_there_are() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.7, 0.1, 0.2])
    for trial in range(20):
        sizes = rng.integers(1, 100, 8)
        data = frame(sizes.tolist(), trial)
        parts = fit(data, seed=trial).parts(data)
        got = np.array([(parts >= 0).sum(), (parts == VALIDATION).sum(), (parts == TEST).sum()])
        wanted = shares * data.height
        best = min(
            float(np.sum((np.bincount(bins, weights=sizes, minlength=3) - wanted) ** 2))
            for bins in itertools.product(range(3), repeat=8)
            if len(set(bins)) == 3
        )
        # off by no more than 3% of the rows from what trying all 6,561 divisions finds
        assert np.sqrt(np.sum((got - wanted) ** 2)) - np.sqrt(best) < 0.03 * data.height, trial


def test_many_groups_have_their_shares_to_one_row() -> None:
    data = frame(np.random.default_rng(0).integers(1, 20, 500).tolist())
    parts = fit(data, 5).parts(data)
    assert abs((parts == TEST).sum() - 0.2 * data.height) <= 1
    assert abs((parts == VALIDATION).sum() - 0.1 * data.height) <= 1
    folds = np.bincount(parts[parts >= 0])
    assert folds.max() - folds.min() <= 1


def test_large_groups_are_tested_on_as_often_as_small_ones() -> None:
    sizes = [40] * 30 + [3] * 300
    data = frame(sizes)
    large = data["group"].to_frame().select(pl.len().over("group") == 40).to_series().to_numpy()
    shares = []
    for seed in range(20):
        parts = fit(data, seed=seed).parts(data)
        shares.append(np.mean(parts[large] == TEST))
    assert np.mean(shares) == pytest.approx(0.2, abs=0.06)


def test_more_groups_than_are_placed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packing, "MOST_PLACED", 20)
    data = frame([200] * 3 + [5] * 40 + [1] * 2000)
    found = fit(data, 4)
    assert len(found.part_places.placed) == 20
    parts = found.parts(data)
    assert undivided(data["group"].to_numpy(), parts)
    assert abs((parts == TEST).sum() - 0.2 * data.height) <= 2
    assert abs((parts == VALIDATION).sum() - 0.1 * data.height) <= 2
    folds = np.bincount(parts[parts >= 0])
    assert folds.max() - folds.min() <= 8


def test_stratify_keeps_the_shares_of_classes() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), rng.integers(1, 15, 400))
    ill = rng.random(400) < 0.15
    data = pl.DataFrame({ROW: np.arange(len(groups)), "group": groups, "y": np.where(ill[groups], "ill", "well")})
    parts = fit(data, 4, stratify=True).parts(data)
    assert undivided(groups, parts)
    for name in ("ill", "well"):
        own = parts[data["y"].to_numpy() == name]
        assert np.mean(own == TEST) == pytest.approx(0.2, abs=0.02)
        assert np.mean(own == VALIDATION) == pytest.approx(0.1, abs=0.02)
        folds = np.bincount(own[own >= 0]) / (own >= 0).sum()
        assert np.abs(folds - 0.25).max() < 0.03
    assert abs((parts == TEST).mean() - 0.2) < 0.02


def test_rows_that_come_later_join_their_group_and_new_groups_are_placed_by_hash() -> None:
    data = frame([7] * 100)
    found = fit(data, 3)
    again = pl.concat([data, data]).with_columns(pl.Series(ROW, np.arange(2 * data.height)))
    parts = found.parts(again)
    np.testing.assert_array_equal(parts[: data.height], parts[data.height :])
    new = pl.DataFrame({ROW: np.arange(20_000), "group": [f"new {n}" for n in range(20_000)]})
    parts = found.parts(new)
    assert np.mean(parts == TEST) == pytest.approx(0.2, abs=0.01)
    assert np.mean(parts == VALIDATION) == pytest.approx(0.1, abs=0.01)
    assert np.bincount(parts[parts >= 0]).min() > 4000


def test_dropped_rows_do_not_count() -> None:
    data = frame([50, 50, 10, 10, 10, 10, 10])
    dropped = np.flatnonzero(data["group"].is_in(["patient 0", "patient 1"]).to_numpy())
    parts = fit(data, dropped=dropped, validation=0.2, test=0.4).parts(data, dropped=dropped)
    assert [(parts == part).sum() for part in (0, VALIDATION, TEST)] == [20, 10, 20]


def test_no_name_of_a_group_is_kept() -> None:
    assert "patient" not in str(fit(frame([5] * 20)).to_json())


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DataError, match="'group' has 2 groups, and 3 parts need one each"):
        fit(frame([5, 5]))
    with pytest.raises(SpecError, match=r"tune.folds is 9, and 'group' has \d groups to train on"):
        fit(frame([5] * 8), 9)
