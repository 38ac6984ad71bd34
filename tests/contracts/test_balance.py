"""What every balancer must do, run on every balancer found; then what each one promises."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.class_weight import compute_class_weight

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.core.errors import DataError, RunError, SpecError
from rayline.core.prepared import Layout, Prepared, Rows, TensorInput, write_shard
from rayline.prepare.balance._balancer import Labels
from rayline.prepare.training_rows import TrainingRows, balanced, read_made, repetitions, write_made

BALANCERS = catalog.names("balance")
LAYOUT = Layout(("a", "b", "a=(missing)", "city=x", "city=y", "city=z"), ("kind", "size"), (5, 9))
NUMBERS = Layout(("a", "b", "c"), (), ())
TARGET = Target("y", Task.MULTICLASS, ("often", "seldom", "rare", "never"))
BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
COUNTS = (300, 60, 9)


def mixed(seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    target = rng.permutation(np.repeat(np.arange(3), COUNTS))
    n = len(target)
    numbers = np.zeros((n, 6), np.float32)
    numbers[:, :2] = rng.normal(size=(n, 2)) + target[:, None]
    numbers[:, 2] = rng.random(n) < 0.2
    numbers[np.arange(n), 3 + rng.integers(0, 3, n)] = 1
    categories = np.stack([rng.integers(0, 5, n), rng.integers(0, 9, n)], axis=1).astype(np.int32)
    return Rows(Prepared(numbers, categories), target, np.arange(n) * 7)


def numbers(seed: int = 0) -> Rows:
    rows = mixed(seed)
    values = np.random.default_rng(seed).normal(size=(len(rows), 3)).astype(np.float32) + rows.target[:, None]
    return Rows(Prepared(values.astype(np.float32), np.zeros((len(rows), 0), np.int32)), rows.target, rows.row)


def options(name: str) -> dict[str, Any]:
    return {"name": name, **({"share": 0.5} if name == "subsample" else {})}


def case(name: str) -> tuple[Rows, Layout]:
    return (numbers(), NUMBERS) if name == "smote" else (mixed(), LAYOUT)


def apply(name: str, seed: int = 0, **more: Any) -> TrainingRows:
    rows, layout = case(name)
    return balanced(rows, catalog.resolve("balance", options(name) | more), layout, TARGET, seed=seed)


@pytest.mark.parametrize("name", BALANCERS)
def test_it_tells_beforehand_how_many_rows_of_each_class_it_makes_up(name: str) -> None:
    rows, _ = case(name)
    made = apply(name, **({"ratio": 0.7} if "smote" in name else {})).made
    balancer: Any = catalog.resolve("balance", options(name) | ({"ratio": 0.7} if "smote" in name else {}))
    told = balancer.build().rows_made(Labels(rows.target, rows.row, TARGET))
    assert told.tolist() == np.bincount([] if made is None else made.target, minlength=4).tolist()


def epoch(training: TrainingRows, number: int = 0) -> np.ndarray:
    return training.ids(np.arange(len(training)), number)


def classes(training: TrainingRows, number: int = 0) -> Counter[int]:
    every = np.concatenate([part.target for part in training.parts])
    return Counter(every[epoch(training, number)].tolist())


@pytest.mark.parametrize("name", BALANCERS)
def test_the_same_seed_takes_the_same_rows_and_leaves_the_given_ones_alone(name: str) -> None:
    rows, _ = case(name)
    one, again, other = apply(name), apply(name), apply(name, seed=1)
    assert np.array_equal(epoch(one), epoch(again))
    for a, b in zip(one.parts, again.parts, strict=True):
        assert a.inputs.numbers.tobytes() == b.inputs.numbers.tobytes()
        assert a.inputs.categories.tobytes() == b.inputs.categories.tobytes()
    assert np.array_equal(one.rows.inputs.numbers, rows.inputs.numbers)
    assert one.describe() != other.describe()
    if name != "weights":
        unlike = not np.array_equal(epoch(one), epoch(other))
        made = one.made is not None and other.made is not None
        assert unlike or (made and not np.array_equal(one.made.inputs.numbers, other.made.inputs.numbers))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", BALANCERS)
def test_scarce_classes_weigh_no_less_than_before_and_no_class_is_lost(name: str) -> None:
    training = apply(name)
    found = classes(training)
    assert set(found) == {0, 1, 2}
    weights = training.class_weights
    total = np.array([found[k] * (1.0 if weights is None else weights[k]) for k in range(3)])
    assert (total / total.sum())[2] >= COUNTS[2] / sum(COUNTS) - 1 / len(training)  # shares to one row
    assert training.targets().tolist() == np.concatenate([p.target for p in training.parts])[epoch(training)].tolist()
    assert len(training) == sum(found.values())


@pytest.mark.parametrize("name", BALANCERS)
def test_every_epoch_is_equally_long(name: str) -> None:
    training = apply(name)
    for number in (3, 0, 1, 0):
        assert len(epoch(training, number)) == len(training)
        assert sum(classes(training, number).values()) == len(training)


@pytest.mark.parametrize("name", BALANCERS)
def test_made_up_rows_have_negative_keys_and_no_others_do(name: str) -> None:
    training = apply(name)
    assert (training.rows.row >= 0).all()
    assert (training.made is not None) == (name in ("smote", "smotenc"))
    if training.made is not None:
        assert (training.made.row < 0).all()
        assert len(set(training.made.row.tolist())) == len(training.made)
        assert np.isfinite(training.made.inputs.numbers).all()
        with pytest.raises(RunError, match="made up before"):
            balanced(training.made, catalog.resolve("balance", name), case(name)[1], TARGET, seed=0)


@pytest.mark.parametrize("name", [name for name in BALANCERS if name != "subsample"])
def test_a_number_to_predict_is_refused(name: str) -> None:
    rows, layout = case(name)
    with pytest.raises(SpecError, match=f"prepare.balance: {name} needs classes"):
        balanced(rows, catalog.resolve("balance", name), layout, Target("y", Task.REGRESSION), seed=0)


def test_weights_are_scikit_learns_and_declared_ones_keep_their_ratios() -> None:
    weights = apply("weights").class_weights
    assert weights is not None
    np.testing.assert_allclose(weights[:3], compute_class_weight("balanced", classes=np.arange(3), y=mixed().target))
    declared = apply("weights", classes={"rare": 10, "seldom": 2.5}).class_weights
    assert declared is not None
    np.testing.assert_allclose(declared / declared[0], [1, 2.5, 10, 1])
    assert declared[:3] @ COUNTS == pytest.approx(sum(COUNTS))
    with pytest.raises(SpecError, match="'rar'.*Did you mean 'rare'"):
        apply("weights", classes={"rar": 2})
    whole = catalog.resolve("balance", {"name": "weights", "classes": {1: 2.0, 2.0: 3.0, False: 4.0}})
    assert catalog.describe(whole)["classes"] == {"1": 2.0, "2": 3.0, "false": 4.0}


@pytest.mark.parametrize(("ratio", "wanted"), [(1.0, (300, 300, 300)), (0.5, (300, 150, 150)), (0.1, (300, 60, 30))])
def test_oversampling_repeats_rows_of_a_class_equally_often(ratio: float, wanted: tuple[int, ...]) -> None:
    training = apply("oversample", ratio=ratio)
    assert tuple(classes(training)[k] for k in range(3)) == wanted
    often = Counter(epoch(training).tolist())
    for k in range(3):
        times = [often[place] for place in np.flatnonzero(mixed().target == k).tolist()]
        assert max(times) - min(times) <= 1
    copies = training.copies(np.arange(len(training)), 0)
    pairs = set(zip(epoch(training).tolist(), copies.tolist(), strict=True))  # type: ignore[union-attr]
    assert len(pairs) == len(training)


@pytest.mark.parametrize(("ratio", "wanted"), [(1.0, (9, 9, 9)), (0.5, (18, 18, 9)), (0.1, (90, 60, 9))])
def test_undersampling_takes_other_rows_each_epoch(ratio: float, wanted: tuple[int, ...]) -> None:
    training = apply("undersample", ratio=ratio)
    for number in range(3):
        assert tuple(classes(training, number)[k] for k in range(3)) == wanted
        assert len(set(epoch(training, number).tolist())) == len(training)
    assert not np.array_equal(epoch(training, 0), epoch(training, 1))
    still = apply("undersample", redraw=False)
    assert np.array_equal(epoch(still, 0), epoch(still, 5))


def test_a_subsample_keeps_class_shares_and_a_smaller_one_is_a_part_of_it() -> None:
    half, tenth, least = (apply("subsample", share=share) for share in (0.5, 0.1, 0.001))
    assert [classes(half)[k] for k in range(3)] == [150, 30, 4]
    assert [classes(tenth)[k] for k in range(3)] == [30, 6, 1]
    assert [classes(least)[k] for k in range(3)] == [1, 1, 1]
    assert set(epoch(tenth).tolist()) < set(epoch(half).tolist())
    values = Rows(mixed().inputs, mixed().target.astype(np.float32) * 1.5, mixed().row)
    config = catalog.resolve("balance", {"name": "subsample", "share": 0.25})
    assert len(balanced(values, config, LAYOUT, Target("y", Task.REGRESSION), seed=0)) == round(sum(COUNTS) / 4)


def between(rows: Rows, made: Rows, k: int) -> None:
    """Each made row lies between a row of its class and one of that row's k nearest, as scikit-learn finds them."""
    for name in np.unique(made.target):
        own = rows.inputs.numbers[rows.target == name].astype(np.float64)
        near = NearestNeighbors(n_neighbors=k + 1).fit(own).kneighbors(own, return_distance=False)[:, 1:]
        start, end = own[:, None], own[near]
        way = end - start
        for row in made.inputs.numbers[made.target == name].astype(np.float64):
            share = ((row - start) * way).sum(axis=2) / np.square(way).sum(axis=2)
            off = np.abs(start + share[:, :, None] * way - row).max(axis=2)
            assert (off[(share >= -1e-5) & (share <= 1 + 1e-5)]).min() < 1e-5


def test_smote_is_chawlas() -> None:
    training = apply("smote", neighbours=3)
    assert training.made is not None
    assert [classes(training)[k] for k in range(3)] == [300, 300, 300]
    between(training.rows, training.made, 3)
    assert len(np.unique(training.made.inputs.numbers, axis=0)) == len(training.made)


def test_smote_spreads_as_the_published_algorithm_does() -> None:
    """Chawla et al. 2002, written out: moments of what both make up agree."""
    rows = numbers()
    training = apply("smote", neighbours=5)
    assert training.made is not None
    own = rows.inputs.numbers[rows.target == 1].astype(np.float64)
    near = NearestNeighbors(n_neighbors=6).fit(own).kneighbors(own, return_distance=False)[:, 1:]
    rng = np.random.default_rng(0)
    begin = rng.integers(0, len(own), 20_000)
    end = near[begin, rng.integers(0, 5, 20_000)]
    published = own[begin] + rng.random(20_000)[:, None] * (own[end] - own[begin])
    made = training.made.inputs.numbers[training.made.target == 1]
    np.testing.assert_allclose(made.mean(axis=0), published.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(made.std(axis=0), published.std(axis=0), atol=0.1)


def test_smotenc_takes_categories_by_majority_and_whole_one_hot_groups() -> None:
    training = apply("smotenc")
    made = training.made
    assert made is not None
    assert set(np.unique(made.inputs.numbers[:, 2])) <= {0.0, 1.0}
    assert np.array_equal(made.inputs.numbers[:, 3:].sum(axis=1), np.ones(len(made)))
    for name in (1, 2):
        own = training.rows.target == name
        for column in range(2):
            assert set(made.inputs.categories[made.target == name, column]) <= set(
                training.rows.inputs.categories[own, column]
            )
    # where all neighbours agree there is nothing to vote about
    rows = mixed()
    rows.inputs.categories[rows.target == 2] = (3, 7)
    agreed = balanced(rows, catalog.resolve("balance", "smotenc"), LAYOUT, TARGET, seed=0).made
    assert agreed is not None
    assert np.unique(agreed.inputs.categories[agreed.target == 2], axis=0).tolist() == [[3, 7]]


def test_smotencs_distance_counts_a_category_as_the_median_deviation() -> None:
    # row 0 has two candidates: one 1 away with its category, one on its place with another; deviations are about 2
    from rayline.prepare.balance._neighbours import nearest

    x = np.array([[0.0], [1.0], [0.0], [50.0]])
    codes = np.array([[0], [0], [1], [0]])
    assert nearest(x, np.array([0]), 1, codes, apart=2.0).tolist() == [[1]]
    assert nearest(x, np.array([0]), 1, codes, apart=0.5).tolist() == [[2]]
    assert nearest(x, np.array([0, 3]), 3).tolist() == [[2, 1, 3], [1, 0, 2]]


def test_neighbours_are_scikit_learns_also_over_many_blocks() -> None:
    from rayline.prepare.balance._neighbours import nearest

    x = np.random.default_rng(0).normal(size=(1500, 6)) + 1000
    wanted = NearestNeighbors(n_neighbors=6).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    assert np.array_equal(nearest(x, np.arange(1500), 5), wanted)


def test_made_up_rows_are_refused_where_there_is_nothing_between() -> None:
    smote, smotenc = catalog.resolve("balance", "smote"), catalog.resolve("balance", "smotenc")
    with pytest.raises(SpecError, match="'kind' is no number .* Use smotenc"):
        balanced(mixed(), smote, LAYOUT, TARGET, seed=0)
    hot = Layout(("a", "city=secret"), (), ())
    with pytest.raises(SpecError, match="'city' is no number") as told:
        balanced(numbers(), smote, hot, TARGET, seed=0)
    assert "secret" not in str(told.value)
    with pytest.raises(SpecError, match="no number column"):
        balanced(mixed(), smotenc, Layout(("city=x",), ("kind",), (5,)), TARGET, seed=0)
    photo = Layout(("a",), (), (), (TensorInput("photo", "image", (3, 8, 8)),))
    with pytest.raises(SpecError, match="'photo' is an array"):
        balanced(mixed(), smotenc, photo, TARGET, seed=0)
    rows = numbers()
    once = np.r_[np.flatnonzero(rows.target != 2), np.flatnonzero(rows.target == 2)[:1]]
    alone = Rows(Prepared(rows.inputs.numbers[once], rows.inputs.categories[once]), rows.target[once], rows.row[once])
    with pytest.raises(DataError, match="'rare' has one training row"):
        balanced(alone, smote, NUMBERS, TARGET, seed=0)
    with pytest.raises(DataError, match="a class has one training row"):
        balanced(alone, smote, NUMBERS, replace(TARGET, private=True), seed=0)


def test_two_rows_are_enough_and_balanced_data_needs_none() -> None:
    values = np.array([[0, 0, 0]] * 4 + [[1, 1, 1], [3, 3, 3]], np.float32)
    rows = Rows(Prepared(values, np.zeros((6, 0), np.int32)), np.array([0, 0, 0, 0, 1, 1], np.float32), np.arange(6))
    made = balanced(rows, catalog.resolve("balance", "smote"), NUMBERS, BINARY, seed=0).made
    assert made is not None
    assert made.target.dtype == np.float32
    assert ((made.inputs.numbers > 1) & (made.inputs.numbers < 3)).all()
    even = Rows(rows.inputs, np.array([0, 0, 0, 1, 1, 1], np.float32), rows.row)
    assert balanced(even, catalog.resolve("balance", "smote"), NUMBERS, BINARY, seed=0).made is None


def test_rows_made_for_shards_are_those_made_in_memory(tmp_path: Path) -> None:
    rows, shards = numbers(), str(tmp_path)
    smote = catalog.resolve("balance", "smote")
    write_shard(f"{shards}/train/part-00000.arrow", rows)
    assert read_made(shards) is None
    written = write_made(shards, smote, NUMBERS, TARGET, seed=3)
    found, wanted = read_made(shards), balanced(rows, smote, NUMBERS, TARGET, seed=3).made
    assert found is not None
    assert wanted is not None
    assert written == len(found) == len(wanted)
    assert np.array_equal(found.inputs.numbers, wanted.inputs.numbers)
    assert np.array_equal(found.row, wanted.row)
    assert write_made(shards, catalog.resolve("balance", "weights"), NUMBERS, TARGET, seed=3) == 0


def test_repetitions_are_counted() -> None:
    assert repetitions(np.array([4, 2, 4, 4, 2, 9])).tolist() == [0, 0, 1, 2, 1, 0]
    assert repetitions(np.zeros(0, np.int64)).tolist() == []
