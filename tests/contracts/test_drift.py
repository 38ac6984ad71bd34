"""What every drift test promises, run on each in the folder."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from rayline.core import catalog
from rayline.monitor.drift._test import DriftTest

EVEN = [1000] * 10


@pytest.fixture(params=catalog.names("drift"))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def drift_test(name: str) -> DriftTest:
    built: DriftTest = catalog.resolve("drift", name).build()  # type: ignore[attr-defined]
    return built


def test_equal_shares_have_no_drift(drift_test: DriftTest) -> None:
    found = drift_test(EVEN, [300] * 10)
    assert found.statistic == pytest.approx(0, abs=1e-3)
    assert not found.alarm


def test_a_large_change_in_many_rows_is_told(drift_test: DriftTest) -> None:
    assert drift_test(EVEN, [3000, 3000, *[500] * 8]).alarm


def test_a_larger_change_is_a_larger_statistic(drift_test: DriftTest) -> None:
    found = [drift_test([5000, 5000], [5000 + moved, 5000 - moved]).statistic for moved in (0, 500, 1500, 3000)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_too_few_rows_tell_nothing(drift_test: DriftTest) -> None:
    found = drift_test(EVEN, [1, *[0] * 9])
    assert not found.enough_rows
    assert not found.alarm


def test_bins_empty_on_either_side_leave_it_finite(drift_test: DriftTest) -> None:
    for expected, observed in (([0, 500, 500, 0], [500, 0, 500, 0]), ([1000, 0], [0, 1000]), ([1, 0], [1000, 0])):
        assert math.isfinite(drift_test(expected, observed).statistic)


def test_the_same_counts_give_the_same_answer(drift_test: DriftTest) -> None:
    assert drift_test(EVEN, [400, *[300] * 9]) == drift_test(EVEN, [400, *[300] * 9])


def test_where_nothing_drifts_alarms_are_rare_at_any_size(drift_test: DriftTest) -> None:
    rng = np.random.default_rng(0)
    share = np.full(10, 0.1)
    for rows in (200, 1000, 20_000):
        alarms = [
            drift_test(rng.multinomial(10_000, share).tolist(), rng.multinomial(rows, share).tolist()).alarm
            for _ in range(400)
        ]
        assert sum(alarms) <= 4


def test_unknown_options_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        catalog.config_class("drift", name)(nonsense=1)
