"""Pages, terminal, JSON and suggestions of data at the ends of what there is: each is drawn, without a warning."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from rayline.core.columns import ROW
from rayline.profile.association import associations
from rayline.profile.coverage import coverage
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.suggest import suggest
from rayline.profile.suspects import suspects
from rayline.report import profile_page, profile_text

N = 60
RNG = np.random.default_rng(0)
CLASSES = ["a", "b"] * (N // 2)
DAYS = RNG.integers(0, 3_000_000, N).astype("timedelta64[D]")
EXTREMES: dict[str, dict[str, Any]] = {
    "one row": {"x": [1], "y": ["x"]},
    "no row": {"x": pl.Series([], dtype=pl.Int64), "y": pl.Series([], dtype=pl.String)},
    "no text target": {"x": [1, 2, 3], "y": pl.Series([None] * 3, dtype=pl.String)},
    "no number target": {"x": [1, 2, 3], "y": pl.Series([None] * 3, dtype=pl.Float64)},
    "huge numbers": {"x": [1.7e308, -1.7e308] * 30, "z": RNG.normal(size=N) * 1e300, "y": CLASSES},
    "huge target": {"x": RNG.normal(size=N), "y": [1.7e308 * (-1) ** n * (1 - n / 99) for n in range(N)]},
    "large whole numbers": {
        "x": [2**62 + 7919 * n for n in range(N)],
        "z": [n - 2**63 for n in range(N)],
        "y": CLASSES,
    },
    "unsigned": {"x": pl.Series([2**63 + 5 * n for n in range(N)], dtype=pl.UInt64), "y": CLASSES},
    "tiny numbers": {"x": [5e-324 * n for n in range(N)], "y": CLASSES},
    "one value": {"x": [1.5] * N, "y": ["a"] * N},
    "old dates": {"x": pl.Series(np.datetime64("0001-01-01") + DAYS), "y": CLASSES},
    "times of day": {"x": pl.Series(["12:00:00", "13:00:01"] * 30).str.to_time(), "y": CLASSES},
    "true, false and neither": {"x": RNG.normal(size=N), "y": [True, False, None] * 20},
    "dates to predict": {
        "x": RNG.normal(size=N),
        "y": pl.Series(np.datetime64("2020-01-01") + DAYS % np.timedelta64(300, "D")),
    },
    "blanks": {"x": ["", " ", "\t"] * 20, "y": CLASSES},
    "names": {"x" * 500: RNG.normal(size=N), "é\n<b>": CLASSES, "": CLASSES, "y": CLASSES},
    "categoricals": {"x": pl.Series(CLASSES, dtype=pl.Categorical), "y": pl.Series(CLASSES, dtype=pl.Categorical)},
}


def profiled(columns: dict[str, Any]) -> Profile:
    frame = pl.DataFrame(columns)
    frame = frame.with_columns(pl.Series(ROW, range(frame.height), dtype=pl.Int64))
    return profile_frame(frame, seed=0, target="y", repeats=True)


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.filterwarnings("error")
def test_extremes_are_drawn(name: str) -> None:
    profile = profiled(EXTREMES[name])
    associated, suspected = associations(profile, "y"), suspects(profile, "y")
    covered = coverage(profile, [next(iter(EXTREMES[name]))], target="y")
    found: dict[str, Any] = {"target": "y", "associated": associated, "suspected": suspected, "covered": covered}
    drawn = profile_page.render(profile, **found)
    assert drawn.endswith("</html>")
    console = Console(file=io.StringIO(), width=100)
    profile_text.show(profile, console, **found)
    assert "rows" in console.file.getvalue()  # type: ignore[attr-defined]
    assert profile.to_json()["rows"] == profile.rows
    assert "*" in suggest(profile, target="y")
    assert all(0 <= abs(one.value) <= 1 and 0 <= one.information <= 1 for one in associated)


def test_huge_numbers_go_with_a_target_as_small_ones_do() -> None:
    y = RNG.random(400) < 0.5
    x = RNG.normal(size=400) + y
    small = associations(profiled({"x": x, "y": y}), "y")[0]
    huge = associations(profiled({"x": x * 1e307, "y": y}), "y")[0]
    assert huge.value == pytest.approx(small.value, rel=1e-9)
    assert huge.information == small.information


@pytest.mark.parametrize("values", [[[1.0, 2.0]] * N, [b"abc"] * N])
def test_with_lists_and_bytes_nothing_goes(values: list[Any]) -> None:
    profile = profiled({"x": RNG.normal(size=N), "y": values})
    assert associations(profile, "y") == []
    assert suspects(profile, "y") is None
    assert profile_page.render(profile, target="y")
