"""What each check of leakage sees, and what it must not take for a leak."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.prepare import leakage
from rayline.prepare.preparation import fit
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

ROWS = 3000
YES_NO = Target("y", Task.BINARY, ("no", "yes"), "yes")
NUMBER = Target("y", Task.REGRESSION)


def classes(rows: int = ROWS, share: float = 0.3, seed: int = 0) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(rows) < share, "yes", "no")


def told(values: object, y: object, target: Target = YES_NO, kind: FeatureType = FeatureType.NUMBER) -> list[str]:
    frame = pl.DataFrame({"x": values, "y": y}, strict=False)
    return [finding.text for finding in leakage.revealing(frame, [Feature("x", kind)], target)]


def test_a_number_that_parts_three_classes_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    place = rng.integers(0, 3, ROWS)
    target = Target("y", Task.MULTICLASS, ("a", "b", "c"))
    names = np.array(["b", "c", "a"])[place]
    assert "thresholds" in told(place + rng.uniform(0, 0.9, ROWS), names, target)[0]
    assert told(place + rng.uniform(0, 1.2, ROWS), names, target) == []


@pytest.mark.parametrize("share", [0.5, 0.02])
def test_nearly_all_is_told_and_much_is_not(share: float) -> None:
    y = classes(20_000, share)
    rng = np.random.default_rng(1)
    signal = (y == "yes").astype(float)
    assert told(signal + rng.normal(0, 0.19, 20_000), y)
    assert told(-signal + rng.normal(0, 0.19, 20_000), y)
    assert told(signal + rng.normal(0, 0.4, 20_000), y) == []


@pytest.mark.parametrize("rows", [2000, 20_000])
def test_a_class_that_holds_several_stretches_of_a_number(rows: int) -> None:
    rng = np.random.default_rng(2)
    place = rng.integers(0, 5, rows)
    assert "thresholds" in told(2.0 * place + rng.uniform(0, 1.5, rows), np.where(place % 2 == 0, "yes", "no"))[0]
    assert told(2.0 * place + rng.uniform(0, 2.5, rows), np.where(place % 2 == 0, "yes", "no")) == []


@pytest.mark.parametrize(("wrong", "sure"), [(0, True), (1, True), (15, False), (40, None)])
def test_nearly_is_a_warning(wrong: int, sure: bool | None) -> None:
    y = classes(3000, 0.5)
    copy = (y == "yes").astype(int)
    copy[:wrong] = 1 - copy[:wrong]
    frame = pl.DataFrame({"x": copy, "y": y})
    found = leakage.revealing(frame, [Feature("x", FeatureType.NUMBER)], YES_NO)
    assert [finding.sure for finding in found] == ([] if sure is None else [sure])
    if found and not sure:
        leakage.refuse(found)  # stops nothing
        assert "nearly tells" in found[0].text


def test_a_rare_class_is_no_excuse() -> None:
    y = classes(20_000, 0.002)
    assert told(np.random.default_rng(1).normal(size=20_000), y) == []
    assert told(np.zeros(20_000), y) == []


def test_values_that_occur_once_tell_nothing() -> None:
    y = classes()
    assert told([f"ticket {n}" for n in range(ROWS)], y, kind=FeatureType.CATEGORY) == []
    assert told([f"ticket {n // 2}" for n in range(ROWS)], y, kind=FeatureType.CATEGORY) == []
    assert told(np.arange(ROWS), y) == []


def test_many_values_of_one_class_each() -> None:
    y = classes(ROWS // 10)[np.arange(ROWS) // 10]
    found = told([f"shop {n}" for n in np.arange(ROWS) // 10], y, kind=FeatureType.CATEGORY)
    assert "each of its values goes with one" in found[0]


def test_a_few_rows_prove_nothing() -> None:
    y = np.array(["no", "yes"] * 60)
    assert told((y == "yes") + np.linspace(0, 0.5, 120), y) == []
    assert told(y[:10], y[:10], kind=FeatureType.CATEGORY) == []
    assert told(y, y, kind=FeatureType.CATEGORY)


def test_numbers_that_give_a_number() -> None:
    rng = np.random.default_rng(0)
    y = rng.lognormal(3, 1, ROWS)
    assert "it equals it" in told(y, y, NUMBER)[0]
    assert "a straight line" in told(7 - 2.5 * y, y, NUMBER)[0]
    assert "it rises or falls with it" in told(np.log(y), y, NUMBER)[0]
    assert told(y + rng.normal(0, 0.01, ROWS), y, NUMBER)
    assert told(y + rng.normal(0, 10, ROWS), y, NUMBER) == []
    rounded = rng.integers(0, 30, ROWS)
    assert "goes with one" in told([f"k{hash_}" for hash_ in rounded], rounded**2 % 17, NUMBER, FeatureType.CATEGORY)[0]
    partly = np.where(rng.random(ROWS) < 0.3, y, np.nan)
    assert "it equals it" in told(pl.Series(partly).fill_nan(None), y, NUMBER)[0]


def test_constants_and_columns_without_a_value() -> None:
    y = np.random.default_rng(0).normal(size=ROWS)
    for values in (np.ones(ROWS), pl.Series([None] * ROWS, dtype=pl.Float64)):
        assert told(values, y, NUMBER) == []
        assert told(values, classes()) == []
    assert told(y, np.ones(ROWS), NUMBER) == []
    assert told(np.full(ROWS, 1e300) * np.sign(y), y * 1e300, NUMBER) == []


def test_ids_dates_and_dropped_columns_are_not_looked_at() -> None:
    y = classes()
    for kind in (FeatureType.ID, FeatureType.DATE, FeatureType.DROP):
        assert told(y, y, kind=kind) == []


def test_wide_data_is_looked_at_quickly() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(5000, 300)), schema=[f"x{n}" for n in range(300)], orient="row")
    y = classes(5000)
    frame = frame.with_columns(y=pl.Series(y), x150=pl.Series((y == "yes") * 8.0) + frame["x150"])
    features = [Feature(f"x{n}", FeatureType.NUMBER) for n in range(300)]
    found = leakage.revealing(frame, features, YES_NO)
    assert [finding.text.split()[0] for finding in found] == ["'x150'"]


def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=200), "b": rng.integers(0, 3, 200), "y": classes(200)}
    return pl.DataFrame({ROW: np.arange(200), **values})


def test_copies_are_counted_over_fragments_and_named_by_their_places() -> None:
    data = frame()
    data = pl.concat([data, data[:3].with_columns(pl.col(ROW) + (1 << 40))])
    parts = np.zeros(203, np.int8)
    parts[100:] = VALIDATION
    parts[[50, 201]] = TEST, DROPPED
    pieces = [slice(0, 80), slice(80, 203)]
    watches = [leakage.watch(data[p], parts[p], compared=("a", "b", "y")) for p in pieces]
    assert leakage.both_sides(watches) == 2
    rows = [leakage.compared_rows(data[p], parts[p], ["a", "b"], "y") for p in pieces]
    found = leakage.repeated(rows)
    assert found is not None
    assert found.rows == 2
    assert "row 1 of file 2 is held out and row 1 is trained on" in found.text
    assert leakage.repeated([leakage.compared_rows(data[:200], parts[:200], ["a", "b"], "y")]) is None


def test_what_was_learnt_from_held_out_rows_differs() -> None:
    data = frame()
    features = [Feature("a", FeatureType.NUMBER), Feature("b", FeatureType.CATEGORY)]
    learnt, again, everything = (
        fit(Prepare(), features, profile_frame(rows, seed=0)) for rows in (data[:150], data[:150], data)
    )
    assert leakage.moved(learnt, again) is None
    found = leakage.moved(everything, again)
    assert found is not None
    assert found.kind == "statistics"
    assert found.text.startswith("what was learnt of 'a' (impute: median), 'a' (scale: standard)")
    assert "is not what the training rows alone teach" in found.text


def test_one_row_too_many_among_many_is_counted() -> None:
    rows = 70_000  # of which the sample has most, and not this one
    parts = np.zeros(rows, np.int8)
    data = pl.DataFrame({ROW: np.arange(rows), "a": np.zeros(rows)})
    sampled = set(profile_frame(data, seed=0).sample[ROW].to_list())
    parts[next(row for row in range(rows) if row not in sampled)] = TEST
    held = pl.Series(parts == TEST)
    watches = [leakage.watch(data[:400], parts[:400]), leakage.watch(data[400:], parts[400:])]
    test = profile_frame(data.filter(held), seed=0)

    def assign(frame: pl.DataFrame) -> np.ndarray:
        return parts[frame[ROW].to_numpy()]

    assert leakage.strangers({0: profile_frame(data.filter(~held), seed=0), TEST: test}, assign, watches) is None
    found = leakage.strangers({0: profile_frame(data, seed=0), TEST: test}, assign, watches)
    assert found is not None
    assert (found.kind, found.rows) == ("statistics", 1)
    assert "or not from all of its own: 1 more or less than it has" in found.text


def test_a_correction_that_looks_beyond_its_row() -> None:
    data = frame()
    parts = np.where(np.arange(200) % 3 == 0, TEST, 0).astype(np.int8)
    alone = leakage.not_row_by_row(lambda f: f.with_columns(a=pl.col("a").clip(0, 1).fill_null(0)), data, parts)
    assert alone is None
    beyond = leakage.not_row_by_row(lambda f: f.with_columns(a=pl.col("a") - pl.col("a").mean()), data, parts)
    assert beyond is not None
    assert "'a' of training rows depends on held-out rows" in beyond.text
    assert leakage.not_row_by_row(lambda f: f.with_columns(a=pl.col("a").mean()), data, parts * 0) is None
