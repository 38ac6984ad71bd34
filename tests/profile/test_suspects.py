"""Suspected label errors: how many planted ones are found on real data, and that nothing but the rows decides."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from sklearn import datasets
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile import likeness
from rayline.profile import suspects as room
from rayline.profile.profile import merge, profile_frame
from rayline.profile.suspects import Suspects, suspects

SEEDS = range(5)


def table(name: str) -> pl.DataFrame:
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    columns = {f"c{place}": x[:, place] for place in range(x.shape[1])}
    return pl.DataFrame({ROW: np.arange(len(y)), **columns, "y": [f"class {value}" for value in y]})


def flipped(frame: pl.DataFrame, seed: int, share: float = 0.05) -> tuple[pl.DataFrame, set[int]]:
    """The frame with labels of `share` of the rows changed, and which."""
    rng = np.random.default_rng(seed)
    labels = frame["y"].to_list()
    classes = sorted(set(labels))
    changed = rng.permutation(len(labels))[: round(share * len(labels))].tolist()
    for row in changed:
        labels[row] = rng.choice([name for name in classes if name != labels[row]])
    return frame.with_columns(pl.Series("y", labels)), set(changed)


def found(frame: pl.DataFrame, private: Sequence[str] = ()) -> Suspects:
    told = suspects(profile_frame(frame, seed=0, private=private), "y")
    assert told is not None
    return told


@pytest.mark.parametrize(
    ("name", "precision", "recall", "clean"),
    [("breast_cancer", 0.80, 0.72, 0.01), ("wine", 0.9, 0.75, 0.006), ("digits", 0.92, 0.78, 0.005)],
)
def test_labels_changed_at_random_are_found_and_few_others(
    name: str, precision: float, recall: float, clean: float
) -> None:
    frame = table(name)
    assert found(frame).share <= clean, "of labels that are as they were given"
    right, met = [], []
    for seed in SEEDS:
        spoilt, changed = flipped(frame, seed)
        told = found(spoilt)
        got = {one.row for one in told.rows}
        right.append(len(got & changed) / len(got))
        met.append(len(got & changed) / len(changed))
        assert told.low <= told.share <= told.high
        assert 0.02 < told.share < 0.07
        assert told.exact
    assert np.mean(right) >= precision
    assert np.mean(met) >= recall


def test_the_trial_with_changed_labels_says_how_much_is_found() -> None:
    frame = table("digits")
    told = found(frame)
    assert told.found == pytest.approx(0.84, abs=0.08), "the recall measured with other changes of other seeds"
    assert told.right > 0.9
    rng = np.random.default_rng(0)
    blind = found(pl.DataFrame({ROW: np.arange(3000), "x": rng.normal(size=3000), "y": rng.choice(["a", "b"], 3000)}))
    assert blind.found < 0.1, "what says nothing of the target finds nothing"
    assert blind.share < 0.02


def test_a_rare_class_that_nothing_tells_apart_is_not_suspected() -> None:
    rng = np.random.default_rng(1)
    rare = np.where(rng.random(3000) < 0.04, "rare", "usual")
    told = found(pl.DataFrame({ROW: np.arange(3000), "x": rng.normal(size=3000), "y": rare}))
    assert told.rows == ()


def test_suspects_tell_their_rows_and_labels_the_worst_first() -> None:
    frame, changed = flipped(table("wine"), seed=3)
    told = found(frame)
    margins = [one.own - one.support for one in told.rows]
    assert margins == sorted(margins)
    labels, before = frame["y"].to_list(), table("wine")["y"].to_list()
    for one in told.rows:
        assert labels[one.row] == one.label
        if one.row in changed:
            assert one.instead == before[one.row]


def test_neighbours_are_scikit_learns() -> None:
    x = StandardScaler().fit_transform(datasets.load_digits().data[:700])
    grid = np.rint(np.clip(x, -likeness.REACH, likeness.REACH) * likeness.STEPS)
    labels = datasets.load_digits().target[:700].astype(np.int64)
    (shares,) = likeness.neighbours(grid, (labels,), 10, room.NEIGHBOURS)
    _, places = NearestNeighbors(n_neighbors=room.NEIGHBOURS + 1, algorithm="brute").fit(grid).kneighbors(grid)
    for row, near in enumerate(places):
        others = [place for place in near if place != row][: room.NEIGHBOURS]
        wanted = np.bincount(labels[others], minlength=10) / room.NEIGHBOURS
        distances = np.sort(np.square(grid - grid[row]).sum(axis=1))[1 : room.NEIGHBOURS + 2]
        if distances[-1] > distances[-2]:  # else the last place is shared
            assert shares[row] == pytest.approx(wanted)
    assert shares.sum(axis=1) == pytest.approx(1.0)


def test_rows_that_are_equally_far_share_the_last_places() -> None:
    x = np.concatenate([np.zeros(1), np.full(20, 64.0), np.full(40, 640.0)])[:, None]
    labels = np.array([0] + [1] * 5 + [2] * 15 + [0] * 40)
    (shares,) = likeness.neighbours(x, (labels,), 3, room.NEIGHBOURS)
    assert shares[0] == pytest.approx([0.0, 0.25, 0.75])


def test_neither_cuts_nor_the_order_of_rows_change_anything() -> None:
    frame, _ = flipped(table("breast_cancer"), seed=0)
    mixed = frame.with_columns(pl.Series("kind", [f"k{n % 7}" for n in range(frame.height)]))
    mixed = mixed.with_columns(pl.when(pl.col(ROW) % 11 == 0).then(None).otherwise(pl.col("c3")).alias("c3"))
    whole = found(mixed)
    parts = [mixed[at : at + 57] for at in range(0, mixed.height, 57)]
    told = suspects(merge([profile_frame(part, seed=0) for part in reversed(parts)]), "y")
    assert told == whole
    shuffled = mixed[np.random.default_rng(5).permutation(mixed.height)]
    assert found(shuffled) == whole


def test_more_rows_are_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, changed = flipped(table("digits"), seed=0)
    monkeypatch.setattr(room, "MOST_ROWS", 600)
    told = found(frame)
    assert told.looked == 600
    assert not told.exact
    assert told.estimate == round(told.share * frame.height)
    assert len({one.row for one in told.rows} & changed) > 0.8 * len(told.rows)


def test_categories_dates_and_gaps_are_compared_and_ids_and_private_columns_are_not() -> None:
    n = 400
    rng = np.random.default_rng(2)
    labels = np.where(np.arange(n) % 2, "a", "b")
    labels[10], labels[11] = "a", "b"
    frame = pl.DataFrame(
        {
            ROW: np.arange(n),
            "colour": pl.Series([["red", "blue"][row % 2] if row % 9 else None for row in range(n)]),
            "gap": pl.Series([None if row % 2 else rng.random() for row in range(n)], dtype=pl.Float64),
            "day": np.datetime64("2024-01-01", "ms") + rng.integers(0, 900, n).astype("timedelta64[D]"),
            "huge": rng.choice([1e308, -1e308], n),
            "same": [3.0] * n,
            "key": [f"key {row}" for row in range(n)],
            "own": rng.normal(size=n),
            "y": labels,
        }
    )
    told = found(frame, private=["own"])
    assert [one.row for one in told.rows] == [10, 11]
    assert found(frame.drop("own")) == told
    assert found(frame.drop("key"), private=["own"]) == told
    assert [(one.label, one.instead) for one in told.rows] == [("a", "b"), ("b", "a")]


def test_where_nothing_can_be_said_nothing_is() -> None:
    frame = table("wine")
    assert suspects(profile_frame(frame, seed=0), "c0") is None, "numbers are no labels"
    assert suspects(profile_frame(frame.head(40), seed=0), "y") is None
    assert suspects(profile_frame(frame.select(ROW, "y"), seed=0), "y") is None
    only = frame.with_columns(pl.lit("one").alias("y"))
    assert suspects(profile_frame(only, seed=0), "y") is None
    with pytest.raises(DataError, match="no column 'yy' was profiled. Did you mean 'y'"):
        suspects(profile_frame(frame, seed=0), "yy")
    with pytest.raises(DataError, match="'y' is private"):
        suspects(profile_frame(frame, seed=0, private=["y"]), "y")


def test_rows_without_a_label_are_left_out() -> None:
    frame = table("digits").with_columns(pl.when(pl.col(ROW) % 3 > 0).then(pl.col("y")).alias("y"))
    told = found(frame)
    assert told.looked == frame["y"].count()
    assert all(one.row % 3 for one in told.rows)
    assert math.isfinite(told.found)
