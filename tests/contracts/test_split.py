"""What every split must do, run on every split found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION, Assignment, SharesConfig, Splitter, restore


@dataclass(frozen=True)
class Kind:
    """What a split is tried with, and which promises it makes beyond those of all."""

    options: dict[str, Any] = field(default_factory=dict)
    seeded: bool = True
    """The held-out rows follow from a seed."""
    by_key: bool = True
    """A declared id is followed."""
    refolds: bool = True
    """Folds can be repeated, each time others."""
    later_rows_keep_shares: bool = True
    """Rows that were not there when it was fitted are divided by the same shares."""


KINDS = {
    "hash": Kind(),
    "random": Kind(),
    "stratified": Kind(),
    "group": Kind({"by": "group"}, by_key=False),
    "time": Kind({"by": "when"}, seeded=False, by_key=False, refolds=False, later_rows_keep_shares=False),
    "predefined": Kind({"column": "part"}, seeded=False, by_key=False, later_rows_keep_shares=False),
}
SPLITS = catalog.names("split")
pytestmark = pytest.mark.parametrize("name", SPLITS)


def frame(rows: int = 3000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            ROW: np.arange(rows),
            "id": [f"customer-{n}" for n in range(rows)],
            "x": rng.normal(size=rows),
            "y": np.array(["no", "yes", "rare"])[rng.choice(3, rows, p=[0.7, 0.27, 0.03])],
            "group": [f"group-{n}" for n in np.repeat(np.arange(rows), rng.integers(1, 12, rows))[:rows]],
            "when": rng.permutation(rows),
            "part": np.array(["train", "validation", "test"])[rng.choice(3, rows, p=[0.7, 0.1, 0.2])],
        }
    )


def build(name: str, **options: object) -> Splitter:
    config = catalog.config_class("split", name)
    accepted = {key: value for key, value in options.items() if key in config.model_fields}
    splitter = config(**KINDS[name].options, **accepted).build()  # type: ignore[attr-defined]
    assert isinstance(splitter, Splitter)
    return splitter


def assign(
    name: str, *frames: pl.DataFrame, key: str = ROW, folds: int = 1, repeat: int = 0, **options: object
) -> Assignment:
    splitter = build(name, **options)
    return splitter.fit([splitter.index(f, key, "y") for f in frames], folds, repeat=repeat)


def test_every_split_has_a_case_here(name: str) -> None:
    assert name in KINDS


def test_every_row_has_one_part_and_shares_are_as_declared(name: str) -> None:
    data = frame()
    declared = issubclass(catalog.config_class("split", name), SharesConfig)
    validation, test = (0.15, 0.25) if declared else (0.1, 0.2)
    parts = assign(name, data, validation=validation, test=test).parts(data)
    assert parts.dtype == np.int8
    assert set(parts) == {TEST, VALIDATION, 0}
    assert np.mean(parts == TEST) == pytest.approx(test, abs=0.03)
    assert np.mean(parts == VALIDATION) == pytest.approx(validation, abs=0.03)


def test_folds_divide_the_training_rows_evenly_and_leave_the_rest_alone(name: str) -> None:
    data = frame()
    found = assign(name, data, folds=5)
    whole, folded = assign(name, data).parts(data), found.parts(data)
    np.testing.assert_array_equal(whole < 0, folded < 0)
    np.testing.assert_array_equal(whole[whole < 0], folded[folded < 0])
    assert found.folds == 5
    judged = [np.isin(folded, found.judged_parts(fold)) for fold in range(5)]
    counts = np.array([rows.sum() for rows in judged])
    assert counts.min() > 0.8 * counts.mean()
    assert np.sum(judged, axis=0).max() == 1
    for fold in range(5):
        learnt = np.isin(folded, found.training_parts(fold))
        assert learnt.any()
        assert not (learnt & judged[fold]).any()
        assert min(found.training_parts(fold)) >= 0


@pytest.mark.parametrize("repeat", [1, 2])
def test_repeats_divide_the_same_training_rows_anew_or_are_refused(name: str, repeat: int) -> None:
    data = frame()
    if not KINDS[name].refolds:
        with pytest.raises(SpecError, match=r"tune.repeats: the folds of data.split: \w+ are the same every time"):
            assign(name, data, folds=5, repeat=repeat)
        return
    first, again, other = (assign(name, data, folds=5, repeat=r).parts(data) for r in (0, repeat, repeat + 2))
    np.testing.assert_array_equal(first[first < 0], again[first < 0])
    training = first >= 0
    for a, b in ((first, again), (again, other)):
        assert np.mean(a[training] == b[training]) == pytest.approx(0.2, abs=0.06)
    counts = np.bincount(again[training])
    assert counts.min() > 0.8 * counts.mean()


def test_order_and_fragments_change_nothing(name: str) -> None:
    data = frame()
    shuffled = data.sample(fraction=1.0, shuffle=True, seed=1)
    pieces = [shuffled[a : a + 700] for a in range(0, 3000, 700)]
    one, other = assign(name, data, folds=3), assign(name, *pieces[::-1], folds=3)
    assert one == other
    expected = dict(zip(data[ROW], one.parts(data).tolist(), strict=True))
    for piece in pieces:
        assert other.parts(piece).tolist() == [expected[row] for row in piece[ROW]]


def test_values_of_features_change_nothing(name: str) -> None:
    data = frame()
    changed = data.with_columns(pl.col("x") + 1e6)
    np.testing.assert_array_equal(assign(name, data).parts(data), assign(name, changed).parts(changed))


def test_the_seed_decides(name: str) -> None:
    data = frame()
    a, again, b = (assign(name, data, folds=3, seed=seed).parts(data) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, again)
    if KINDS[name].seeded:
        assert np.mean((a < 0) == (b < 0)) < 0.9
    elif KINDS[name].refolds:
        assert np.mean(a == b) < 0.9


def test_a_row_keeps_its_part_wherever_the_row_stands(name: str) -> None:
    data = frame()
    moved = data.reverse().with_columns(pl.Series(ROW, np.arange(3000)))
    one, other = (assign(name, found, key="id", folds=2) for found in (data, moved))
    np.testing.assert_array_equal(one.parts(data), other.parts(moved)[::-1])
    assert ("id" in one.columns) is KINDS[name].by_key or name == "predefined"


def test_columns_read_are_enough(name: str) -> None:
    data = frame()
    splitter = build(name)
    needed = [ROW, *splitter.reads("id", "y")]
    found = splitter.fit([splitter.index(data.select(needed), "id", "y")], 3)
    assert found == assign(name, data, key="id", folds=3)
    np.testing.assert_array_equal(found.parts(data.select(list({ROW, *found.columns}))), found.parts(data))


def test_options_that_name_columns_are_known(name: str) -> None:
    config = catalog.config_class("split", name)(**KINDS[name].options)
    assert dict(config.reads) == {k: v for k, v in KINDS[name].options.items() if v in frame().columns}  # type: ignore[attr-defined]
    assert set(config.sets_aside) <= set(config.reads.values())  # type: ignore[attr-defined]


def test_a_split_that_needs_no_rows_is_fitted_without_any(name: str) -> None:
    data = frame()
    splitter = build(name)
    if not splitter.needs_rows:
        unseen = splitter.fit([splitter.index(data.clear(), ROW, "y")], 3)
        np.testing.assert_array_equal(unseen.parts(data), assign(name, data, folds=3).parts(data))


def test_json_keeps_the_assignment(name: str) -> None:
    data = frame()
    found = assign(name, data, folds=3, seed=4)
    read = restore(orjson.loads(orjson.dumps(found.to_json())))
    assert read == found
    np.testing.assert_array_equal(read.parts(data), found.parts(data))


def test_rows_keep_their_part_when_data_grows(name: str) -> None:
    data = frame(6000)
    early = data[:4000]
    found = assign(name, early)
    np.testing.assert_array_equal(found.parts(data)[:4000], found.parts(early))
    if not KINDS[name].later_rows_keep_shares:
        return
    late = found.parts(data)[4000:]
    assert np.mean(late == TEST) == pytest.approx(0.2, abs=0.03)
    assert np.mean(late == VALIDATION) == pytest.approx(0.1, abs=0.03)


def test_dropped_rows_belong_to_no_part(name: str) -> None:
    data = frame()
    dropped = np.array([0, 17, 2999])
    parts = assign(name, data).parts(data, dropped=dropped)
    assert np.flatnonzero(parts == DROPPED).tolist() == dropped.tolist()
    assert not (assign(name, data).parts(data, dropped=np.array([], dtype=np.int64)) == DROPPED).any()


def test_no_test_or_validation_rows_where_none_are_asked_for(name: str) -> None:
    data = frame().with_columns(pl.lit("train").alias("part"))
    assert set(assign(name, data, validation=0.0, test=0.0).parts(data)) == {0}


def test_a_missing_id_is_refused_with_its_count(name: str) -> None:
    data = frame().with_columns(pl.when(pl.col(ROW) < 2).then(None).otherwise(pl.col("id")).alias("id"))
    if KINDS[name].by_key:
        with pytest.raises(DataError, match=r"'id' is missing in 2 rows"):
            assign(name, data, key="id").parts(data)
    else:  # the split follows something else, and no row is without it
        parts = assign(name, data, key="id").parts(data)
        np.testing.assert_array_equal(parts, assign(name, frame(), key="id").parts(frame()))


def test_a_missing_value_of_what_it_follows_is_refused(name: str) -> None:
    for option, column in KINDS[name].options.items():
        emptied = pl.when(pl.col(ROW) < 2).then(None).otherwise(pl.col(column)).alias(column)
        with pytest.raises(DataError, match=rf"data\.split\.{option} '{column}' .* in 2 .*rows"):
            assign(name, frame().with_columns(emptied))
    if not KINDS[name].options:  # it follows keys (and classes): a value missing elsewhere changes nothing
        others = [column for column in frame().columns if column not in (ROW, "y")]
        emptied = frame().with_columns(
            pl.when(pl.col(ROW) < 2).then(None).otherwise(pl.col(c)).alias(c) for c in others
        )
        np.testing.assert_array_equal(assign(name, emptied).parts(emptied), assign(name, frame()).parts(frame()))


def test_shares_that_leave_nothing_to_train_on_are_refused(name: str) -> None:
    config = catalog.config_class("split", name)
    if issubclass(config, SharesConfig):
        with pytest.raises(ValidationError, match="leave rows for training"):
            config(**KINDS[name].options, validation=0.5, test=0.5)
    else:
        with pytest.raises(ValidationError, match="validation"):  # it takes no shares at all
            config(**KINDS[name].options, validation=0.5)


def test_too_many_folds_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="1000 folds"):
        assign(name, frame(), folds=1000)
