"""What the page shows is so: no bar, heading or figure that says something else than the data."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.profile.association import associations
from rayline.profile.profile import Profile, profile_frame
from rayline.report import profile_page
from rayline.report.alerts import alerts
from rayline.report.cards import cards

N = 5000


def profiled(**columns: object) -> Profile:
    return profile_frame(pl.DataFrame({ROW: np.arange(N), **columns}), seed=0, target="y" if "y" in columns else None)


def test_the_bar_of_all_others_is_not_drawn_as_one_value() -> None:
    (card,) = cards(profiled(word=["a"] * 2000 + [f"r{n % 100}" for n in range(3000)]), {}, {})
    shares = {value: (width, text) for value, width, text in card.tops}
    assert shares["a"] == (100, "40%")
    assert shares["95 others"] == (0, "57%")


def test_no_share_of_outliers_where_the_quartiles_are_one_value() -> None:
    zeros = np.where(np.arange(N) % 25 == 0, 1000.0, 0.0)
    (card,) = cards(profiled(gain=zeros), {}, {})
    facts = dict(card.facts)
    assert "outliers" not in facts
    assert facts["over 3 std"] == "4%"


def test_thousands_are_parted_in_every_count_and_in_no_year() -> None:
    rng = np.random.default_rng(0)
    profile = profiled(year=rng.integers(1990, 2025, N), word=rng.choice(["a", "?"], N), y=rng.choice(["u", "v"], N))
    page = profile_page.render(profile, target="y")
    assert "5,000 rows, 3 columns" in page
    assert "<span>1990</span><span>2024</span>" in page
    (told,) = [alert.text for alert in alerts(profile, target="y") if alert.tag == "placeholder"]
    assert re.fullmatch(r"word says '\?' in 2,\d{3} rows, which may mean missing\.", told)
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert not re.findall(r"\b\d{4,} rows", words)


def test_a_correlation_of_nothing_has_no_sign_and_one_of_no_common_rows_is_none() -> None:
    rng = np.random.default_rng(0)
    x, spike = rng.normal(size=N), np.zeros(N)
    spike[7] = 2209.0
    held = pl.Series(np.where(np.arange(N) == 7, np.nan, rng.normal(2, 1, N)), nan_to_null=True)
    profile = profiled(x=x, z=rng.normal(size=N), spike=spike, held=held)
    page = profile_page.render(profile)
    assert ">−.00<" not in page
    assert re.search(r">−?\.0\d<", page)
    assert "correlated" not in {alert.tag for alert in alerts(profile)}


def test_wide_patterns_have_the_whole_width_and_every_number_a_head() -> None:
    rng = np.random.default_rng(0)
    gaps = {f"c{n}": pl.Series(np.where(rng.random(N) < 0.2, np.nan, 1.0 + n), nan_to_null=True) for n in range(9)}
    few = dict(list(gaps.items())[:3])
    assert 'class="grid gaps tall"' in profile_page.render(profiled(**gaps))
    profile = profiled(**few, x=rng.normal(size=N), y=rng.choice(["u", "v"], N))
    page = profile_page.render(profile, target="y", associated=associations(profile, "y"))
    assert 'class="grid gaps"' in page
    for head in ("correlation", "information", "measure"):
        assert f">{head}</b>" in page


def test_the_last_bar_of_whole_numbers_does_not_fall_for_want_of_numbers() -> None:
    ages = 17 + np.arange(7300) % 73  # equally many of each: a prime number of values
    profile = profile_frame(pl.DataFrame({ROW: np.arange(7300), "age": ages}), seed=0)
    (card,) = cards(profile, {}, {})
    assert {height for height, _ in card.bars} == {1.0}
    assert sum(int(label.rpartition(": ")[2].removesuffix(" rows").replace(",", "")) for _, label in card.bars) == 7300
    assert card.bars[-1][1].startswith("89 to 89: ")
