"""A recipe's form for single rows: when it is silent, what it remembers, and that it never answers otherwise."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import DataError
from rayline.prepare import _remembered
from rayline.prepare._remembered import Remembered
from rayline.prepare.recipe import Recipe
from rayline.prepare.row_form import MOST_PROGRAMS, MOST_ROWS
from rayline.spec.sections import Prepare

RAW = pl.Schema({"n": pl.Int64(), "x": pl.Float64(), "text": pl.String(), "day": pl.Date(), "blob": pl.Binary()})


def recipe(*clean: dict[str, Any], **derive: str) -> Recipe:
    return Recipe(Prepare.model_validate({"clean": list(clean), "derive": derive}), RAW)


SPELT = {"name": "spelling", "columns": ["text"], "others": "plain"}


@pytest.mark.parametrize(
    ("columns", "made"),
    [
        ({"n": [3], "x": [None]}, [3.0]),
        ({"n": ["3"], "x": [0.5]}, [1.5]),
        ({"n": [3.0], "x": ["0.5"]}, [1.5]),
        ({"n": [" "], "x": [2]}, [None]),
        ({"n": [np.int64(3)], "x": [np.float64(2)]}, [6.0]),
        ({"n": [2**53 + 1], "x": [1.0]}, [float(2**53)]),
    ],
)
def test_a_value_may_come_as_any_scalar_that_says_the_same(columns: dict[str, Any], made: list[Any]) -> None:
    steps = recipe(made="n * fill(x, 1)")
    assert steps.plain(columns) == {"made": made}
    assert steps.frame(columns)["made"].to_list() == made


@pytest.mark.parametrize(
    "columns",
    [
        {"n": [2.5], "x": [1.0]},  # the recipe becomes one of numbers
        {"n": [2**63], "x": [1.0]},
        {"n": [True], "x": [1.0]},
        {"n": ["three"], "x": [1.0]},
        {"n": [1], "x": [[1.0]]},
        {"n": [1, 2], "x": [1.0]},
        {"n": np.array([1]), "x": [1.0]},
        {"n": [1] * (MOST_ROWS + 1), "x": [1.0] * (MOST_ROWS + 1)},
    ],
    ids=str,
)
def test_it_is_silent_where_a_frame_must_tell(columns: dict[str, Any]) -> None:
    steps = recipe(made="n * x")
    assert steps.plain(columns) is None
    assert steps.plain({"n": [2], "x": [2.5]}) == {"made": [5.0]}


def test_what_a_step_refuses_is_told_by_the_frame() -> None:
    steps = recipe({"name": "cast", "columns": ["text"], "to": "number"})
    for _ in range(2):
        assert steps.plain({"text": ["12"]}) == {"text": [12.0]}
        assert steps.plain({"text": ["dear"]}) is None
        with pytest.raises(DataError, match="'text' holds what is no number, row 1"):
            steps.frame({"text": ["dear"]})


def test_a_date_beyond_the_calendar_is_told_by_the_frame() -> None:
    moved = recipe({"name": "limits", "columns": ["day"], "min": "2020-01-01"}).plain({"day": ["2021-01-01"]})
    assert moved == {"day": [dt.date(2021, 1, 1)]}
    beyond = Remembered({"day": pl.col("n").cast(pl.Date)}, {"n": pl.Int64()})
    assert beyond(18262) == (dt.date(2020, 1, 1),)
    with pytest.raises(DataError, match="years 1 to 9999"):
        beyond(10**8)


def test_what_cannot_be_made_is_left_out_as_in_a_frame() -> None:
    steps = recipe(SPELT, made="n * x", later="made + n")
    assert steps.plain({"text": ["A"]}) == {"text": ["a"]}
    assert steps.plain({"n": [2], "x": [3]}) == {"made": [6.0], "later": [8.0]}
    assert steps.plain({}) == {}
    for columns in ({"text": ["A"]}, {"n": [2], "x": [3]}):
        assert set(steps.frame(columns).columns) - set(columns) == set(steps.plain(columns) or {}) - set(columns)


def test_bytes_need_a_frame() -> None:
    steps = recipe({"name": "flags", "columns": ["blob"]})
    assert steps.plain({"blob": [b"a"]}) is None
    assert steps.frame({"blob": [None]})["blob_missing"].to_list() == [True]


def test_polars_is_asked_once_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    ask = Remembered._ask
    monkeypatch.setattr(Remembered, "_ask", lambda self, values: (asked.append(values), ask(self, values))[1])
    steps = recipe(SPELT)
    for _ in range(3):
        assert steps.plain({"text": ["É", "Ö", "É", "A", None]}) == {"text": ["e", "o", "e", "a", None]}
    assert asked == [("É",), ("Ö",)]
    long = _remembered.LONGEST + 1
    assert [steps.plain({"text": ["É" * long]}) for _ in range(2)] == [{"text": ["e" * long]}] * 2
    assert len(asked) == 4


def test_zeros_of_either_sign_are_two_values() -> None:
    said = Remembered({"said": pl.col("x").cast(pl.String)}, {"x": pl.Float64()})
    for _ in range(2):
        assert [said(x)[0] for x in (0.0, -0.0, 1.0, float("nan"))] == ["0.0", "-0.0", "1.0", "NaN"]


def test_no_more_is_remembered_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remembered, "MOST", 10)
    doubled = Remembered({"twice": pl.col("n") * 2}, {"n": pl.Int64()})
    for n in range(100):
        assert doubled(n) == (2 * n,)
        assert doubled(0) == (0,)
        assert len(doubled._young) + len(doubled._old) <= 20


def test_sets_of_columns_that_are_made_ready_for_are_bounded() -> None:
    names = [f"c{n}" for n in range(8)]
    steps = Recipe(
        Prepare.model_validate({"derive": {f"made {name}": f"{name} + 1" for name in names}}),
        pl.Schema(dict.fromkeys(names, pl.Float64())),
    )
    for n in range(100):
        columns = {name: [1.0] for place, name in enumerate(names) if n >> place & 1}
        assert steps.plain(columns) in (None, {f"made {name}": [2.0] for name in columns})
    assert len(steps._row_form._programs) == MOST_PROGRAMS


def test_threads_get_the_same_answers() -> None:
    steps = recipe(SPELT, made="n * x")
    wrong: list[Any] = []

    def work(start: int) -> None:
        for n in range(start, start + 200):
            made = steps.plain({"text": [f"É {n % 50}"], "n": [n], "x": [0.5]})
            if made != {"text": [f"e {n % 50}"], "made": [n / 2]}:
                wrong.append(made)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_nan_is_met_again() -> None:
    asked = Remembered({"made": pl.col("x").is_nan()}, {"x": pl.Float64()})
    assert [asked(float("nan"))[0] for _ in range(3)] == [True] * 3
    assert len(asked._young) == 1
