"""Splits in time: what is held out is later than all that is learnt, by the gap."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.prepare.split._instants import instants
from rayline.prepare.split._parts import OUT, TEST, VALIDATION, restore
from rayline.prepare.split.time import Config, TimeAssignment

DAY = 86_400_000_000


def fit(data: pl.DataFrame, folds: int = 1, **options: object) -> TimeAssignment:
    splitter = Config(by="when", **options).build()  # type: ignore[arg-type]
    return splitter.fit([splitter.index(data, ROW, "y")], folds)


def days(count: int, per_day: int = 1) -> pl.DataFrame:
    when = [dt.date(2024, 1, 1) + dt.timedelta(days=n // per_day) for n in range(count * per_day)]
    return pl.DataFrame({ROW: np.arange(len(when)), "when": when}).sample(fraction=1.0, shuffle=True, seed=0)


@settings(max_examples=80, deadline=None)
@given(
    times=st.lists(st.integers(0, 400), min_size=60, max_size=200),
    gap=st.integers(0, 6),
    folds=st.integers(1, 5),
    test=st.sampled_from([0.0, 0.2]),
)
def test_training_is_always_before_what_is_held_out(times: list[int], gap: int, folds: int, test: float) -> None:
    data = pl.DataFrame({ROW: np.arange(len(times)), "when": times})
    try:
        found = fit(data, folds, gap=gap, test=test)
    except DataError as error:
        assert "too few" in str(error)  # noqa: PT017
        return
    parts, when = found.parts(data), np.array(times)

    def apart(learnt: np.ndarray, held: np.ndarray) -> bool:
        between = (when > learnt.max()) & (when < held.min())
        return bool(learnt.max() < held.min() and between.sum() >= gap)

    validation = when[parts == VALIDATION]
    assert apart(when[parts >= 0], validation)
    if test:
        assert apart(validation, when[parts == TEST])
    for fold in range(found.folds if folds > 1 else 0):
        learnt, held = (np.isin(parts, p) for p in (found.training_parts(fold), found.judged_parts(fold)))
        assert learnt.any()
        assert held.any()
        assert apart(when[learnt], when[held])


def test_shares_are_exact_where_every_row_has_its_own_time() -> None:
    data = days(1000)
    parts = fit(data).parts(data)
    when = data["when"].to_numpy()
    assert [(parts == part).sum() for part in (0, VALIDATION, TEST)] == [700, 100, 200]
    assert when[parts == 0].max() < when[parts == VALIDATION].min() < when[parts == TEST].min()


def test_a_day_is_never_divided_and_shares_are_the_nearest() -> None:
    data = days(30, per_day=7)
    parts = fit(data, validation=0.1, test=0.2).parts(data)
    assert [(parts == part).sum() for part in (0, VALIDATION, TEST)] == [147, 21, 42]
    by_day = data.with_columns(part=parts).group_by("when").agg(pl.col("part").n_unique())
    assert by_day["part"].max() == 1


@pytest.mark.parametrize(("gap", "left_out"), [("7d", 7), ("1w", 7), ("36h", 1), (5, 5), (0, 0)])
def test_the_gap_is_left_out_before_validation_and_before_test(gap: str | int, left_out: int) -> None:
    data = days(100)
    found = fit(data, gap=gap)
    parts = found.parts(data)
    when = data["when"].to_numpy().astype("datetime64[D]").astype(int)
    assert (parts == OUT).sum() == 2 * left_out
    for before, after in (
        (when[parts == 0], when[parts == VALIDATION]),
        (when[parts == VALIDATION], when[parts == TEST]),
    ):
        assert after.min() - before.max() == left_out + 1


def test_folds_are_an_expanding_window() -> None:
    data = days(130)
    found = fit(data, 4, gap="3d", validation=0.0, test=0.2)
    parts = found.parts(data)
    when = data["when"].to_numpy().astype("datetime64[D]").astype(int)
    when -= when.min()
    sizes = []
    for fold in range(4):
        learnt = when[np.isin(parts, found.training_parts(fold))]
        held = when[np.isin(parts, found.judged_parts(fold))]
        assert learnt.min() == 0
        assert held.min() - learnt.max() == 4
        sizes.append((len(learnt), len(held)))
    training = 130 - 26 - 3
    assert sum(held for _, held in sizes) == pytest.approx(training * 4 / 5, abs=1)
    assert max(held for _, held in sizes) - min(held for _, held in sizes) <= 1
    assert [learnt for learnt, _ in sizes] == pytest.approx([training * k / 5 - 3 for k in range(1, 5)], abs=1)


def test_a_gap_longer_than_a_fold() -> None:
    hours = np.concatenate([np.arange(100) * 240, 24_000 + np.arange(400)])
    data = pl.DataFrame({ROW: np.arange(500), "when": pl.Series(hours * 3_600_000_000).cast(pl.Datetime("us"))})
    found = fit(data, 4, gap="30d", validation=0.0, test=0.2)
    parts = found.parts(data)
    judged = np.zeros(500, int)
    for fold in range(4):
        learnt, held = (np.isin(parts, p) for p in (found.training_parts(fold), found.judged_parts(fold)))
        assert learnt.any()
        assert hours[held].min() - hours[learnt].max() > 30 * 24
        judged += held
    assert judged.max() == 1
    assert (parts == OUT).sum() > 200


def test_rows_later_than_all_seen_are_test_rows() -> None:
    data = days(100)
    found = fit(data)
    late = pl.DataFrame({ROW: [100, 101], "when": [dt.date(2030, 1, 1), dt.date(2020, 1, 1)]})
    assert found.parts(late).tolist() == [TEST, 0]


def test_json_keeps_all_of_it() -> None:
    data = days(100)
    found = fit(data, 3, gap="2d")
    assert restore(found.to_json()) == found


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("when", [dt.datetime(2024, 1, 1, 12, 30), dt.datetime(2024, 1, 2)]),
        pl.Series("when", ["2024-01-01T12:30:00", "2024-01-02"]),
        pl.Series("when", ["2024-01-01 12:30", "2024-01-02 00:00:00.000"]),
        pl.Series("when", ["2024-01-01T12:30:00Z", "2024-01-02T00:00Z"]),
        pl.Series("when", ["2024-01-01T14:30:00+02:00", "2024-01-01T18:00:00-06:00"]),
    ],
    ids=["timestamp", "iso", "spaces", "utc", "offsets"],
)
def test_times_of_any_spelling(column: pl.Series) -> None:
    start = int(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp()) * 10**6
    assert (instants(column, "data.split.by") - start).tolist() == [int(12.5 / 24 * DAY), DAY]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (["2024-01-01", "soon"] * 5, "no ISO date or time .* in 5 rows"),
        ([True, False] * 5, "holds Boolean, which is no time"),
        ([3] * 10, "has 1 different time in 10 rows, too few"),
        ([1, 2] * 5, "has 1 different time in 5 rows, too few"),
    ],
)
def test_a_column_that_is_no_time_is_refused(column: list[object], what: str) -> None:
    with pytest.raises(DataError, match=what):
        fit(pl.DataFrame({ROW: np.arange(10), "when": column}))


def test_a_length_of_time_needs_times() -> None:
    with pytest.raises(SpecError, match="'7d' is a length of time, and 'when' holds numbers"):
        fit(pl.DataFrame({ROW: np.arange(10), "when": np.arange(10)}), gap="7d")
    for gap in ("soon", "7", "-1d", -1):
        with pytest.raises(ValidationError, match="gap"):
            Config(by="when", gap=gap)


def test_too_many_folds_for_the_times_are_refused() -> None:
    data = days(12)
    with pytest.raises(DataError, match="12 folds in time need more"):
        fit(data, 12)


def test_whole_numbers_among_fractions_are_divided_where_the_fractions_were() -> None:
    frame = pl.DataFrame({ROW: range(40), "t": [n + 0.5 for n in range(40)]})
    splitter = Config(by="t", test=0.0, validation=0.0).build()
    assignment = splitter.fit([splitter.index(frame, ROW, "y")], 4)
    later = pl.DataFrame({ROW: range(40, 80), "t": range(40)})
    wanted = assignment.parts(later.with_columns(pl.col("t").cast(pl.Float64)))
    assert assignment.parts(later).tolist() == wanted.tolist()
