"""The look at many columns at once says what the look at each says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import Feature, FeatureType, Target, Task
from rayline.prepare import _leakage_screen as screen
from rayline.prepare import _leakage_target as looked
from rayline.prepare.leakage import revealing


@settings(max_examples=200, deadline=None)
@given(
    rows=st.integers(2, 60), classes=st.integers(2, 6), values=st.integers(1, 40), seed=st.integers(0, 10_000),
    signal=st.sampled_from([0.0, 1.0, 30.0]),
)  # fmt: skip
def test_cuts_of_many_columns_are_those_of_each(rows: int, classes: int, values: int, seed: int, signal: float) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, classes, rows)
    if len(np.unique(codes)) < 2:
        codes[:2] = 0, 1
    x_Bn = np.rint(rng.integers(0, values, (7, rows)) + signal * rng.permutation(classes)[codes])
    x_Bn[0] = rng.normal(size=rows)
    each = np.array([looked._by_cuts(row, codes) for row in x_Bn])
    np.testing.assert_array_equal(screen.by_cuts(x_Bn, codes), each)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(3, 60), values=st.integers(2, 40), seed=st.integers(0, 10_000), scale=st.sampled_from([1, 1e200])
)
def test_lines_of_many_columns_are_those_of_each(rows: int, values: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    target = rng.integers(0, values, rows) * scale
    x_Bn = np.stack([rng.normal(size=rows), rng.integers(0, values, rows) * scale, target**0.5, -target])
    each = [
        max(
            looked._correlation(row, target) ** 2,
            looked._correlation(looked._ranks(row), looked._ranks(target)) ** 2,
        )
        for row in x_Bn
    ]
    np.testing.assert_allclose(screen.by_line(x_Bn, target), each, rtol=0, atol=screen.MARGIN / 100)


@pytest.mark.parametrize("rows", [150, 700, 3000])
@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.REGRESSION])
def test_the_same_is_found_without_it(rows: int, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    names = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c")}.get(task, ())
    place = rng.integers(0, max(len(names), 2), rows)
    answer = rng.lognormal(size=rows) if task is Task.REGRESSION else np.array(names)[place]
    signal = np.log(answer) if task is Task.REGRESSION else place.astype(float)
    columns = {f"noise{n}": signal + rng.normal(0, noise, rows) for n, noise in enumerate((1e-4, 0.05, 0.1, 0.2, 1, 9))}
    columns |= {"whole": rng.integers(0, 10**6, rows), "few": place, "line": -3 * signal, "constant": np.ones(rows)}
    columns["holes"] = np.where(rng.random(rows) < 0.2, np.nan, signal)
    frame = pl.DataFrame({**columns, "y": answer}).with_columns(pl.col("holes").fill_nan(None))
    features = [Feature(name, FeatureType.NUMBER) for name in columns]
    target = Target("y", task, names, names[-1] if task is Task.BINARY else None)
    found = revealing(frame, features, target)
    calls: list[str] = []
    real = looked._values_tell
    monkeypatch.setattr(looked, "_values_tell", lambda column, *more: calls.append(column.name) or real(column, *more))
    assert revealing(frame, features, target) == found
    with_screen = list(calls)
    calls.clear()
    monkeypatch.setattr(screen, "MOST_ROWS", 0)
    assert revealing(frame, features, target) == found
    assert found or rows < 200
    assert calls == list(columns)
    assert ("whole" in with_screen) == (rows < 200)  # too few rows to say anything at once
