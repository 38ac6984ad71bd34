"""Smoothers agree with pandas and SciPy, within 1e-12 of the values' size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import savgol_filter

from rayline.core import catalog
from rayline.core.errors import SpecError
from rayline.prepare.smooth import exponential, median, moving_average, savitzky_golay

RNG = np.random.default_rng(1)
WHOLE = RNG.normal(size=200).cumsum()
GAPS = np.where(RNG.random(200) < 0.3, np.nan, WHOLE)
GAPS[20:32] = np.nan
SERIES = [pytest.param(values, id=name) for name, values in (("whole", WHOLE), ("gaps", GAPS), ("short", GAPS[:3]))]


@pytest.mark.parametrize("values", SERIES)
@pytest.mark.parametrize("window", [1, 3, 9])
def test_moving_average_is_pandas_rolling_mean(values: np.ndarray, window: int) -> None:
    rolling = pd.Series(values).rolling
    centred, trailing = moving_average.Config(window=window), moving_average.Config(window=window, centred=False)
    expected = rolling(window, center=True, min_periods=1).mean().to_numpy()
    np.testing.assert_allclose(centred.build()(values), expected, rtol=1e-12, atol=1e-12)
    expected = rolling(window, min_periods=1).mean().to_numpy()
    np.testing.assert_allclose(trailing.build()(values), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("values", SERIES)
@pytest.mark.parametrize("window", [1, 3, 9])
def test_median_is_pandas_rolling_median(values: np.ndarray, window: int) -> None:
    expected = pd.Series(values).rolling(window, center=True, min_periods=1).median().to_numpy()
    np.testing.assert_allclose(median.Config(window=window).build()(values), expected, rtol=1e-15)


def test_median_drops_a_spike_whole() -> None:
    values = np.zeros(20)
    values[7] = 1e308
    assert not median.Config(window=3).build()(values).any()


@pytest.mark.parametrize("values", SERIES)
@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.0])
def test_exponential_is_pandas_ewm(values: np.ndarray, alpha: float) -> None:
    expected = pd.Series(values).ewm(alpha=alpha, adjust=False, ignore_na=True).mean().to_numpy()
    np.testing.assert_allclose(exponential.Config(alpha=alpha).build()(values), expected, rtol=1e-12, atol=1e-12)


def test_exponential_and_trailing_mean_see_nothing_later() -> None:
    changed = WHOLE.copy()
    changed[100:] += 50
    for smoother in (exponential.Config().build(), moving_average.Config(window=8, centred=False).build()):
        np.testing.assert_array_equal(smoother(WHOLE)[:100], smoother(changed)[:100])


@pytest.mark.parametrize(("window", "degree"), [(5, 2), (7, 3), (31, 4), (3, 0)])
def test_savitzky_golay_is_scipys(window: int, degree: int) -> None:
    found = savitzky_golay.Config(window=window, degree=degree).build()(WHOLE)
    np.testing.assert_allclose(found, savgol_filter(WHOLE, window, degree, mode="interp"), rtol=1e-9, atol=1e-9)


def test_savitzky_golay_fits_high_degrees_where_scipys_equations_are_singular() -> None:
    found = savitzky_golay.Config(window=101, degree=9).build()(WHOLE)
    fitted = np.polynomial.Legendre.fit(np.arange(101), WHOLE[40:141], 9)
    assert found[90] == pytest.approx(fitted(50), rel=1e-9)


def test_savitzky_golay_keeps_a_polynomial_of_its_degree() -> None:
    cubic = np.linspace(-2, 2, 40) ** 3
    np.testing.assert_allclose(savitzky_golay.Config(window=9, degree=3).build()(cubic), cubic, atol=1e-12)


def test_savitzky_golay_bridges_gaps_and_leaves_them() -> None:
    line = np.arange(30.0)
    gaps = np.where(np.isin(line, [0, 7, 8, 29]), np.nan, line)
    found = savitzky_golay.Config(window=5, degree=1).build()(gaps)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(gaps))
    np.testing.assert_allclose(found[3:27], np.where(np.isnan(gaps), np.nan, line)[3:27], atol=1e-12)


def test_savitzky_golay_of_few_values_uses_what_there_is() -> None:
    smoother = savitzky_golay.Config(window=7, degree=2).build()
    np.testing.assert_allclose(smoother(WHOLE[:3]), WHOLE[:3], rtol=1e-12)
    np.testing.assert_allclose(
        smoother(WHOLE[:6])[:5][:2], savgol_filter(WHOLE[:5], 5, 2, mode="interp")[:2], atol=1e-12
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "moving_average", "window": 4}, "odd, such as 5; not 4"),
        ({"name": "median", "window": 4}, "odd, such as 5; not 4"),
        ({"name": "savitzky_golay", "window": 5, "degree": 5}, "degree must be below window, 5; not 5"),
        ({"name": "exponential", "alpha": 0}, "greater than 0"),
    ],
    ids=["even mean", "even median", "degree", "alpha"],
)
def test_windows_that_make_no_sense_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        catalog.resolve("smooth", options)
