"""Means and co-moments against NumPy and pandas, merged in any way."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.profile.moments import Gram, combine, empty, measure

NAMES = ("a", "b", "c", "d")


def frame_of(matrix: npt.NDArray[np.float64]) -> pl.DataFrame:
    """Columns a, b, …; NaN stays NaN."""
    return pl.DataFrame(matrix, schema=list(NAMES[: matrix.shape[1]]), orient="row")


def with_holes(rows: int, seed: int = 0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 4)) * [1, 100, 1e-3, 1] + [0, 1e6, 5, -3]
    matrix[:, 3] += matrix[:, 0]
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


def differences(one: Gram, other: Gram) -> list[str]:
    """The matrices that are not equal within rounding."""
    # a mean near zero is a sum whose terms cancel: its error is relative to them
    spread = np.abs(other.mean_FF) + np.sqrt(other.square_FF / np.maximum(other.count_FF, 1))
    scale = np.sqrt(np.outer(np.diag(other.square_FF), np.diag(other.square_FF)))
    near = {
        "count": one.count_FF == other.count_FF,
        "mean": np.abs(one.mean_FF - other.mean_FF) <= 1e-12 * spread + 1e-300,
        "square": np.isclose(one.square_FF, other.square_FF, rtol=1e-10, atol=0),
        "comoment": np.isclose(one.comoment_FF / scale, other.comoment_FF / scale, rtol=1e-7, atol=1e-12),
    }
    return [name for name, equal in near.items() if not equal.all()]


def test_without_holes_they_are_numpys() -> None:
    matrix = np.nan_to_num(with_holes(1000), nan=1.0)
    gram = measure(frame_of(matrix), NAMES)
    np.testing.assert_allclose(np.diag(gram.mean_FF), matrix.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(gram.comoment_FF / 1000, np.cov(matrix.T, ddof=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(gram.correlations(), np.corrcoef(matrix.T), atol=1e-12)


def test_with_holes_correlations_are_pairwise_complete_as_pandas_has_them() -> None:
    matrix = with_holes(3000)
    gram = measure(frame_of(matrix), NAMES)
    np.testing.assert_allclose(gram.correlations(), pd.DataFrame(matrix).corr().to_numpy(), atol=1e-12)
    np.testing.assert_allclose(np.diag(gram.mean_FF), np.nanmean(matrix, axis=0), rtol=1e-13)
    np.testing.assert_allclose(np.diag(gram.square_FF) / np.diag(gram.count_FF), np.nanvar(matrix, axis=0), rtol=1e-10)


def test_infinite_values_and_nulls_are_left_out() -> None:
    frame = pl.DataFrame({"a": [1.0, None, 3.0, float("inf"), float("nan")], "b": [2, 4, None, 6, 8]})
    gram = measure(frame, ("a", "b"))
    assert np.diag(gram.count_FF).tolist() == [2, 4]
    assert gram.mean_FF.tolist() == [[2.0, 1.0], [2.0, 5.0]]


def test_more_rows_than_one_piece() -> None:
    matrix = with_holes(150_000)
    gram = measure(frame_of(matrix), NAMES)
    np.testing.assert_allclose(gram.correlations(), pd.DataFrame(matrix).corr().to_numpy(), atol=1e-12)


def test_large_offsets_cost_no_precision() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200_000, 1))
    gram = measure(frame_of(noise + 1e9), ("a",))
    assert gram.square_FF[0, 0] / 200_000 == pytest.approx(np.var(noise), rel=1e-6)


def test_a_constant_column_correlates_with_nothing() -> None:
    gram = measure(pl.DataFrame({"a": [1, 1, 1], "b": [1, 2, 3]}), ("a", "b"))
    assert np.isnan(gram.correlations()[0]).all()
    assert gram.correlations()[1, 1] == pytest.approx(1.0)


def test_no_rows_and_no_columns() -> None:
    nothing = measure(pl.DataFrame({"a": []}, schema={"a": pl.Float64}), ("a",))
    assert nothing.count_FF.tolist() == [[0.0]]
    assert measure(pl.DataFrame({"s": ["x"]}), ()).columns == ()


def test_the_order_of_chunks_in_memory_changes_nothing() -> None:
    whole = frame_of(with_holes(5000))
    chunked = pl.concat([whole.slice(0, 17), whole.slice(17, 3000), whole.slice(3017)], rechunk=False)
    one, other = measure(whole, NAMES), measure(chunked, NAMES)
    assert one.comoment_FF.tobytes() == other.comoment_FF.tobytes()
    assert one.mean_FF.tobytes() == other.mean_FF.tobytes()


def test_threads_change_no_bit() -> None:
    code = (
        "import hashlib, numpy as np, polars as pl\n"
        "from rayline.profile.moments import measure\n"
        "x = np.random.default_rng(0).normal(size=(70_000, 40)); x[::7, 3] = np.nan\n"
        "g = measure(pl.DataFrame(x), [f'column_{n}' for n in range(40)])\n"
        "print(hashlib.sha256(b''.join(m.tobytes() for m in (g.mean_FF, g.square_FF, g.comoment_FF))).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "4")
    }
    assert len(digests) == 1


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_gives_the_whole(sizes: list[int], seed: int, random: object) -> None:
    matrix = with_holes(sum(sizes) + 50, seed)
    frame = frame_of(matrix)
    cuts = np.cumsum([0, *sizes, 50]).tolist()
    grams = [measure(frame.slice(a, b - a), NAMES) for a, b in itertools.pairwise(cuts)]
    whole = measure(frame, NAMES)
    while len(grams) > 1:
        random.shuffle(grams)  # type: ignore[attr-defined]
        grams.append(combine(grams.pop(), grams.pop()))
    assert differences(grams[0], whole) == []
    assert differences(measure(frame[5:], NAMES), whole) == ["count", "mean", "square", "comoment"]


def test_merging_with_nothing_changes_no_bit() -> None:
    gram = measure(frame_of(with_holes(100)), NAMES)
    for merged in (combine(gram, empty(NAMES)), combine(empty(NAMES), gram)):
        for name in ("count_FF", "mean_FF", "square_FF", "comoment_FF"):
            assert getattr(merged, name).tobytes() == getattr(gram, name).tobytes()


def test_a_column_that_does_not_vary_where_another_is_there_correlates_with_nothing() -> None:
    rng = np.random.default_rng(0)
    matrix = np.column_stack([np.zeros(300), rng.normal(1e3, 1, 300), rng.normal(size=300)])
    matrix[7, 0] = 2209.0  # the only one, where the other column has no value
    matrix[[7, 80, 90], 1] = np.nan
    gram = measure(pl.DataFrame(matrix, schema=["a", "b", "c"]), ["a", "b", "c"])
    expected = pd.DataFrame(matrix).corr().to_numpy()
    assert np.isnan(expected[0, 1])
    np.testing.assert_allclose(gram.correlations(), expected, atol=1e-12)
