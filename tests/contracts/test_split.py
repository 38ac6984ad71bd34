"""What every split must do, run on every split found."""

import numpy as np
import orjson
import polars as pl
import pytest
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION, Assignment, restore

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
        }
    )


def assign(name: str, *frames: pl.DataFrame, key: str = ROW, folds: int = 1, **options: object) -> Assignment:
    splitter = catalog.config_class("split", name)(**options).build()  # type: ignore[attr-defined]
    found = splitter.fit([splitter.index(f, key, "y") for f in frames], folds)
    assert isinstance(found, Assignment)
    return found


def test_every_row_has_one_part_and_shares_are_as_declared(name: str) -> None:
    data = frame()
    parts = assign(name, data, validation=0.15, test=0.25).parts(data)
    assert parts.dtype == np.int8
    assert set(parts) == {TEST, VALIDATION, 0}
    assert np.mean(parts == TEST) == pytest.approx(0.25, abs=0.03)
    assert np.mean(parts == VALIDATION) == pytest.approx(0.15, abs=0.03)


def test_folds_divide_the_training_rows_evenly_and_leave_the_rest_alone(name: str) -> None:
    data = frame()
    whole, folded = (assign(name, data, folds=k).parts(data) for k in (1, 5))
    np.testing.assert_array_equal(whole < 0, folded < 0)
    np.testing.assert_array_equal(whole[whole < 0], folded[folded < 0])
    counts = np.bincount(folded[folded >= 0])
    assert len(counts) == 5
    assert counts.min() > 0.8 * counts.mean()


def test_order_and_fragments_change_nothing(name: str) -> None:
    data = frame()
    shuffled = data.sample(fraction=1.0, shuffle=True, seed=1)
    pieces = [shuffled[a : a + 700] for a in range(0, 3000, 700)]
    one, other = assign(name, data, folds=3), assign(name, *pieces, folds=3)
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
    a, again, b = (assign(name, data, seed=seed).parts(data) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, again)
    assert np.mean(a == b) < 0.9


def test_a_declared_id_is_followed_wherever_the_row_stands(name: str) -> None:
    data = frame()
    moved = data.reverse().with_columns(pl.Series(ROW, np.arange(3000)))
    one, other = assign(name, data, key="id"), assign(name, moved, key="id")
    np.testing.assert_array_equal(one.parts(data), other.parts(moved)[::-1])
    assert "id" in one.columns


def test_a_split_that_needs_no_rows_is_fitted_without_any(name: str) -> None:
    data = frame()
    splitter = catalog.config_class("split", name)().build()  # type: ignore[attr-defined]
    unseen = splitter.fit([splitter.index(data.clear(), ROW, "y")], 3)
    same = bool((unseen.parts(data) == assign(name, data, folds=3).parts(data)).all())
    assert same is not splitter.needs_rows


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
    data = frame()
    assert set(assign(name, data, validation=0.0, test=0.0).parts(data)) == {0}


def test_a_missing_id_is_refused_with_its_count(name: str) -> None:
    data = frame().with_columns(pl.when(pl.col(ROW) < 2).then(None).otherwise(pl.col("id")).alias("id"))
    with pytest.raises(DataError, match=r"'id' is missing in 2 rows"):
        assign(name, data, key="id").parts(data)


def test_shares_that_leave_nothing_to_train_on_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="leave rows for training"):
        catalog.config_class("split", name)(validation=0.5, test=0.5)


def test_too_many_folds_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="1000 folds"):
        assign(name, frame(), folds=1000)
