"""Sequences become arrays of one length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError

NAN = float("nan")


def learn(sample: list[Any], name: str = "window", inner: Any = None, **options: Any) -> Any:
    config: Any = catalog.resolve("sequence", {"name": name, **options})
    return config.learn(cast(Any, SimpleNamespace(name="x", inner=inner)), pl.Series("x", sample, pl.List(pl.Float64)))


def window(values: list[Any], **options: Any) -> list[float]:
    found: list[float] = learn([[0.0]], **{"scale": "none", **options})([values], "x")[0].tolist()
    return found


def test_longer_sequences_are_cropped_and_shorter_ones_padded() -> None:
    assert window([1, 2, 3, 4], length=3) == [2, 3, 4]
    assert window([1, 2, 3, 4], length=3, crop="end") == [1, 2, 3]
    assert window([1, 2], length=4) == [0, 0, 1, 2]
    assert window([1, 2], length=4, pad="end") == [1, 2, 0, 0]


def test_what_is_missing_inside_is_filled() -> None:
    values = [None, 2, None, NAN, 5, float("inf")]
    assert window(values, length=6) == [2, 2, 2, 2, 5, 5]
    assert window(values, length=6, fill="linear") == [2, 2, 3, 4, 5, 5]
    assert window(values, length=6, fill="zero") == [0, 2, 0, 0, 5, 0]
    assert window([None, None], length=2) == [0, 0]


def test_filling_reaches_back_beyond_the_crop() -> None:
    assert window([7, None, None], length=2) == [7, 7]


def test_smoothing_comes_first() -> None:
    spike = [1, 1, 99, 1, 1]
    assert window(spike, length=5, smooth="median") == [1] * 5
    assert window([0, 0, 3, 0, 0, 0], length=3, crop="end", smooth={"name": "moving_average", "window": 3}) == [0, 1, 1]
    both = window(spike, length=5, smooth=["median", {"name": "exponential", "alpha": 0.5}])
    assert both == [1] * 5


def test_the_scale_is_the_profiles_where_it_has_one() -> None:
    inner = {"count": 9, "mean": 10.0, "variance": 4.0, "minimum": 6.0, "maximum": 16.0}
    sample = [[0.0, 100.0]]
    assert learn(sample, inner=inner)([[10, 14]], "x").tolist() == [[0, 2]]
    assert learn(sample, inner=inner, scale="minmax")([[6, 16]], "x").tolist() == [[0, 1]]


def test_else_the_scale_is_the_samples() -> None:
    rng = np.random.default_rng(0)
    sample = [rng.normal(5, 3, rng.integers(5, 20)).tolist() for _ in range(200)]
    made = learn(sample)(sample, "x")
    values = np.concatenate([row[20 - len(v) :][-len(v) :] for row, v in zip(made, sample, strict=True) if len(v) < 20])
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.std() == pytest.approx(1, abs=0.05)
    made = learn(sample, scale="minmax")(sample, "x")
    assert (made.min(), made.max()) == (0, 1)


def test_smoothed_sequences_have_the_scale_of_smoothed_ones() -> None:
    noise = np.random.default_rng(0).normal(size=(50, 100))
    inner = {"count": 5000, "mean": 0.0, "variance": 1.0, "minimum": -4.0, "maximum": 4.0}
    made = learn(noise.tolist(), inner=inner, smooth={"name": "moving_average", "window": 25})(noise, "x")
    assert made.std() == pytest.approx(1, abs=0.01)


def test_zeros_stand_for_the_mean_where_padded() -> None:
    made = learn([[9.0, 11.0, 13.0]], length=5)([[11.0]], "x")
    assert made.tolist() == [[0, 0, 0, 0, 0]]


@pytest.mark.parametrize("value", [0.0, 0.1 + 0.2, 1e9, -1e-200])
def test_values_that_do_not_vary_are_scaled_by_one(value: float) -> None:
    for scale in ("standard", "minmax"):
        made = learn([[value] * 7] * 3, scale=scale, length=2)([[value, value + 1]], "x")[0]
        np.testing.assert_allclose(made, [0, 1], atol=1e-6)


def test_the_length_is_the_longest_of_the_sample() -> None:
    assert learn([[1.0], [1.0] * 9, None]).shape == (9,)
    assert learn([[1.0] * 5000]).shape == (1024,)
    assert learn([]).shape == (1,)


def test_the_profile_knows_longer_ones_than_its_sample_keeps() -> None:
    inner = {"count": 9, "mean": 0.0, "variance": 1.0, "minimum": 0.0, "maximum": 1.0, "lengths": {"maximum": 70}}
    assert learn([[1.0] * 3, None], inner=inner).shape == (70,)


def test_resampling_keeps_ends_and_shape() -> None:
    step = learn([[0.0]], "resample", length=5, scale="none")
    made = step([[0, 4], [0, 1, 2, 3, 4], [0, 2, 4], [7], np.linspace(0, 4, 101)], "x")
    np.testing.assert_allclose(made[[0, 1, 2, 4]], [[0, 1, 2, 3, 4]] * 4, atol=1e-6)
    assert made[3].tolist() == [7] * 5
    assert learn([[0.0]], "resample", length=1, scale="none")([[1, 2, 6]], "x").tolist() == [[2]]


def test_resampling_is_numpys_interpolation() -> None:
    rng = np.random.default_rng(0)
    step = learn([[0.0]], "resample", length=33, scale="none")
    for length in (2, 17, 33, 100):
        row = rng.normal(size=length)
        expected = np.interp(np.linspace(0, length - 1, 33), np.arange(length), row)
        np.testing.assert_allclose(step([row], "x")[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("12", "holds str, and a list of numbers"),
        ([1, "secret"], "something that is no number"),
        ([[1], [2]], "lists within a list"),
        (3.0, "holds float"),
    ],
    ids=["text", "text inside", "nested", "number"],
)
def test_what_is_no_sequence_is_refused_with_its_place(wrong: Any, words: str) -> None:
    with pytest.raises(DataError, match=rf"column 'ecg' \[2\]: .*{words}") as error:
        learn([[0.0]])([[1.0], None, wrong], "ecg")
    assert "secret" not in str(error.value)


def test_an_unknown_smoother_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'median'\?"):
        catalog.resolve("sequence", {"name": "window", "smooth": "medain"})
