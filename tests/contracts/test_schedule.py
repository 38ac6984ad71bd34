"""Every schedule: a pure function of the step, within its bounds, with a warm-up that climbs to the peak."""

from typing import Any

import pytest

from rayline.core import catalog
from rayline.core.errors import SpecError

pytestmark = pytest.mark.parametrize("name", catalog.names("schedule"))


def factors(name: str, steps: int, **options: float) -> list[float]:
    config: Any = catalog.resolve("schedule", {"name": name, **options})
    multiplier = config.build(steps)
    return [multiplier(step) for step in range(steps)]


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9])
def test_factors_stay_between_zero_and_one_and_reach_the_peak(name: str, steps: int, warmup: float) -> None:
    found = factors(name, steps, warmup=warmup)
    assert all(0 <= factor <= 1 for factor in found)
    assert max(found) == pytest.approx(1.0)


def test_it_climbs_and_never_rises_after(name: str) -> None:
    found = factors(name, 100, warmup=0.2)
    assert found[:20] == sorted(found[:20])
    assert found[0] == pytest.approx(1 / 21)
    assert found[20] == 1.0
    assert found[20:] == sorted(found[20:], reverse=True)


def test_the_same_step_has_the_same_factor_in_any_order(name: str) -> None:
    config: Any = catalog.resolve("schedule", name)
    multiplier = config.build(50)
    backwards = [multiplier(step) for step in reversed(range(50))]
    assert backwards[::-1] == [config.build(50)(step) for step in range(50)]


@pytest.mark.parametrize("options", [{"warmup": 1.0}, {"warmup": -0.1}, {"warm_up": 0.1}])
def test_options_out_of_range_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(SpecError):
        catalog.resolve("schedule", {"name": name, **options})
