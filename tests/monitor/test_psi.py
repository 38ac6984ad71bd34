"""PSI against its definition, and its false alarms against what is promised, on rows like a census'."""

from __future__ import annotations

import math

import numpy as np
import pytest
from census import build_reference, draw_people
from scipy.stats import chi2

from rayline.monitor.drift.psi import Config, chi_squared_quantile

REPEATS = 60
SIZES = (200, 1000, 4000)


def test_it_is_the_sum_of_its_definition() -> None:
    expected, observed = [8000, 1000, 1000], [5000, 3000, 2000]
    by_hand = sum((o - e) * math.log(o / e) for e, o in ((0.8, 0.5), (0.1, 0.3), (0.1, 0.2)))
    assert Config().build()(expected, observed).statistic == pytest.approx(by_hand, rel=2e-3)


def test_the_limit_is_the_threshold_for_a_large_window_and_chance_for_a_small_one() -> None:
    test = Config(threshold=0.1, false_alarms=0.001, minimum_rows=50).build()
    assert test([1000] * 10, [1000] * 10).limit == 0.1
    small = test([1000] * 10, [10] * 10)
    assert small.limit == pytest.approx(chi2.ppf(0.999, 9) * (1 / 10_000 + 1 / 100), rel=0.01)
    assert test([1000] * 10, [4] * 10).limit == math.inf


@pytest.mark.parametrize("degrees", [1, 2, 5, 9, 31])
@pytest.mark.parametrize("probability", [0.9, 0.99, 0.999])
def test_the_chi_squared_quantile_is_right_to_three_percent(degrees: int, probability: float) -> None:
    assert chi_squared_quantile(probability, degrees) == pytest.approx(chi2.ppf(probability, degrees), rel=0.035)


def test_bins_empty_on_both_sides_change_nothing() -> None:
    test = Config().build()
    assert test([500, 0, 500, 0], [100, 0, 150, 0]) == test([500, 500], [100, 150])


@pytest.fixture(scope="module")
def no_drift() -> dict[int, list[tuple[str, list[int], list[int]]]]:
    """For each window size, (feature, training counts, live counts) of many windows of the training distribution."""
    found: dict[int, list[tuple[str, list[int], list[int]]]] = {rows: [] for rows in SIZES}
    for repeat in range(REPEATS):
        reference = build_reference(3000, seed=repeat)
        for rows in SIZES:
            counts = reference.count(draw_people(rows, seed=1_000_000 + repeat * 10_000 + rows))
            found[rows] += [(name, list(bins.expected), counts[name]) for name, bins in reference.features.items()]
    return found


@pytest.mark.parametrize("rows", SIZES)
def test_false_alarms_come_at_the_promised_rate(
    no_drift: dict[int, list[tuple[str, list[int], list[int]]]], rows: int
) -> None:
    # the threshold out of the way: chance alone is left, at a rate that 360 windows can measure
    test = Config(threshold=1e-9, false_alarms=0.05).build()
    alarms = sum(test(expected, observed).alarm for _, expected, observed in no_drift[rows])
    windows = len(no_drift[rows])
    # 0.05 within four standard errors
    assert abs(alarms / windows - 0.05) < 4 * math.sqrt(0.05 * 0.95 / windows)


@pytest.mark.parametrize("rows", SIZES)
def test_by_default_false_alarms_are_rare(
    no_drift: dict[int, list[tuple[str, list[int], list[int]]]], rows: int
) -> None:
    test = Config().build()
    assert sum(test(expected, observed).alarm for _, expected, observed in no_drift[rows]) <= 2


@pytest.mark.parametrize("rows", SIZES)
def test_the_mean_without_drift_is_the_one_reported(
    no_drift: dict[int, list[tuple[str, list[int], list[int]]]], rows: int
) -> None:
    test = Config().build()
    found = [test(expected, observed) for _, expected, observed in no_drift[rows]]
    assert np.mean([d.statistic / d.by_chance for d in found]) == pytest.approx(1, abs=0.15)


def test_a_real_shift_is_caught_and_only_where_it_is() -> None:
    reference = build_reference()
    test = Config().build()
    caught = []
    for repeat in range(20):
        counts = reference.count(draw_people(1000, seed=77_000 + repeat, older_by=10, abroad=0.5))
        caught += [{name for name, bins in reference.features.items() if test(bins.expected, counts[name]).alarm}]
    assert all(found == {"age", "country"} for found in caught)
