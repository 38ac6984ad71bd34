"""What every smoother must do, run on each found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rayline.core import catalog
from rayline.prepare.smooth._smoother import Smoother

pytestmark = pytest.mark.parametrize("name", catalog.names("smooth"))
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=(20, 50))
GAPS = np.where(RNG.random(NOISE.shape) < 0.2, np.nan, NOISE)


def build(name: str) -> Smoother:
    built: Smoother = catalog.resolve("smooth", name).build()  # type: ignore[attr-defined]
    return built


def test_the_shape_stays_and_the_argument_too(name: str) -> None:
    smoother = build(name)
    for shape in ((50,), (1, 50), (4, 5, 50), (3, 0), (0, 7), (0,)):
        values = np.resize(NOISE, shape)
        before = values.copy()
        assert smoother(values).shape == shape
        np.testing.assert_array_equal(values, before)


def test_noise_becomes_less(name: str) -> None:
    assert build(name)(NOISE).var() < 0.7 * NOISE.var()


def test_a_constant_stays(name: str) -> None:
    for length in range(1, 20):
        np.testing.assert_allclose(build(name)(np.full(length, 3.7)), 3.7, rtol=1e-12)


@pytest.mark.parametrize("values", [NOISE, GAPS], ids=["whole", "gaps"])
def test_one_by_one_is_all_at_once_bit_for_bit(name: str, values: np.ndarray) -> None:
    smoother = build(name)
    together = smoother(values)
    for row, made in zip(values, together, strict=True):
        assert smoother(row).tobytes() == made.tobytes()
        assert smoother(row[None]).tobytes() == made.tobytes()


def test_what_is_missing_harms_nothing_else(name: str) -> None:
    made = build(name)(GAPS)
    assert np.isfinite(made[~np.isnan(GAPS)]).all()
    assert np.isnan(build(name)(np.full(9, np.nan))).all()


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_values_stay_near_where_they_were(name: str, values: list[float]) -> None:
    row = np.array(values)
    made = build(name)(row)
    reach = 3 * (row.max() - row.min()) + 1e-6  # a polynomial may overshoot
    assert (made >= row.min() - reach).all()
    assert (made <= row.max() + reach).all()


def test_unit_and_offset_do_not_matter(name: str) -> None:
    np.testing.assert_allclose(build(name)(GAPS * 1000 - 50), build(name)(GAPS) * 1000 - 50, rtol=1e-9, atol=1e-9)


def test_options_survive_the_spec(name: str) -> None:
    config = catalog.resolve("smooth", name)
    assert catalog.resolve("smooth", json.loads(json.dumps(catalog.describe(config)))) == config


def test_unknown_options_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        catalog.config_class("smooth", name)(nonsense=1)
