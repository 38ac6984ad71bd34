"""A sample is filled once for two fits of the same, and twice where the imputer is another or fills otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.impute import _filled
from rayline.prepare.impute._filled import TRIED, Filled
from rayline.prepare.impute._joint import Filler, FloatArray
from rayline.prepare.impute.knn import Knn
from rayline.prepare.preparation import fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

ROWS = 4000


class Told(Filler):
    """Fills with a number it has, and with what it remembers beside."""

    def __init__(self, value: float, beside: float = 0.0) -> None:
        self.value, self.beside, self.rows = value, beside, 0

    def arrays(self) -> dict[str, Any]:
        return {"value": np.array([self.value])}

    def __call__(self, x_FM: FloatArray) -> None:
        self.rows += x_FM.shape[1]
        x_FM[np.isnan(x_FM)] = self.value + self.beside


def sample(rows: int = ROWS) -> FloatArray:
    rng = np.random.default_rng(0)
    x_FM = rng.normal(size=(3, rows))
    x_FM[rng.random(x_FM.shape) < 0.4] = np.nan
    return x_FM


def test_a_known_imputer_fills_some_rows_alone() -> None:
    filled, x_FM = Filled(), sample()
    first = filled.of(Told(2.0), x_FM)
    assert np.isnan(x_FM).any(), "what is given stays"
    again = Told(2.0)
    assert filled.of(again, x_FM) is first
    assert again.rows == TRIED


@pytest.mark.parametrize("other", [Told(2.5), Told(2.0, beside=1e-9)], ids=["other arrays", "a memory beside them"])
def test_another_imputer_fills_every_row(other: Told) -> None:
    filled, x_FM = Filled(), sample()
    first = filled.of(Told(2.0), x_FM)
    made = filled.of(other, x_FM)
    assert (made != first).sum() == np.isnan(x_FM).sum()


def test_other_rows_are_another_sample() -> None:
    filled = Filled()
    filled.of(Told(2.0), sample())
    moved = sample()
    moved[0, 0] = 9.0
    assert filled.of(Told(2.0), moved)[0, 0] == 9.0


def test_a_preparation_learnt_twice_is_the_same_and_fills_once(monkeypatch: pytest.MonkeyPatch) -> None:
    filled_rows: list[int] = []
    fill = Knn.__call__
    monkeypatch.setattr(Knn, "__call__", lambda self, x: (filled_rows.append(x.shape[1]), fill(self, x))[1])
    monkeypatch.setattr(_filled, "TRIED", 50)
    frame = pl.DataFrame({ROW: range(ROWS), **{f"x{n}": values for n, values in enumerate(sample())}}, nan_to_null=True)
    settings = Prepare.model_validate({"numbers": {"impute": {"name": "knn", "donors": 200}}})
    features, profile = [Feature(f"x{n}", FeatureType.NUMBER) for n in range(3)], profile_frame(frame, seed=0)
    alone = fit(settings, features, profile)
    assert filled_rows == [ROWS]
    filled = Filled()
    twice = [fit(settings, features, profile, filled=filled) for _ in range(2)]
    assert filled_rows == [ROWS, ROWS, 50]
    assert [found.contents == alone.contents for found in twice] == [True, True]
