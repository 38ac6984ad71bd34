"""A declared population: values, ranges of a number and combinations, against a plain count of the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile.coverage import Coverage, coverage
from rayline.profile.population import columns_of
from rayline.profile.profile import Profile, profile_frame

AGES = {"up to 17": 0.2, "18 to 35": 0.3, "over 35 to 60": 0.3, "over 60": 0.2}


def people(n: int = 3000) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    age = pl.Series("age", rng.integers(0, 91, n)).scatter([0, 1], None)
    return pl.DataFrame(
        {
            "sex": rng.choice(["Female", "Male"], n, p=[0.3, 0.7]),
            "city": rng.choice(["Oslo", "Bergen", "Washington, D.C."], n),
            "age": age,
            "height": np.round(rng.normal(170, 9, n), 1),
            "width": pl.Series(rng.choice([0.1, 0.2, 0.3], n), dtype=pl.Float32),
            "rooms": rng.integers(1, 6, n),
            "street": [f"street {i}" for i in rng.integers(0, 80, n)],
            "y": rng.choice(["yes", "no"], n),
        }
    )


def profiled(frame: pl.DataFrame) -> Profile:
    return profile_frame(frame.with_columns(pl.Series(ROW, np.arange(frame.height))), seed=0)


def rows(found: Coverage) -> dict[str, int]:
    return {group.value: group.rows for group in found.groups}


def test_declared_ranges_are_the_groups_and_are_counted() -> None:
    frame = people()
    (found,) = coverage(profiled(frame), ["age"], population={"age": AGES}, target="y")
    age = frame["age"]
    assert rows(found) == {
        "up to 17": (age <= 17).sum(),
        "18 to 35": age.is_between(18, 35).sum(),
        "over 35 to 60": age.is_between(36, 60).sum(),
        "over 60": (age > 60).sum(),
        "missing": 2,
    }
    assert {group.value: group.population for group in found.groups if group.population} == AGES
    assert not found.sampled
    old = next(group for group in found.groups if group.value == "over 60")
    assert old.rate == pytest.approx((frame.filter(pl.col("age") > 60)["y"] == found.rate_of.split()[-1]).mean())  # type: ignore[union-attr]
    assert "more than its 20.0% of the population" in old.warnings[0]


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("170 to 180", 170.0, 180.0),
        ("170 to under 180", 170.0, 179.9),
        ("over 170 to 180", 170.1, 180.0),
        ("Over  170 to under 180", 170.1, 179.9),
        ("up to 170.5", 0, 170.5),
        ("under 170.5", 0, 170.4),
        ("over 1.7e2", 170.1, 999),
        ("170 and more", 170.0, 999),
        ("-5 to 170", 0, 170.0),
        (170, 170.0, 170.0),
    ],
)
def test_every_form_of_a_range_holds_its_ends_as_it_says(said: Any, least: float, most: float) -> None:
    frame = people()
    (found,) = coverage(profiled(frame), ["height"], population={"height": {said: 0.5}})
    expected = int(frame["height"].is_between(least - 0.05, most + 0.05).sum())
    assert expected
    assert rows(found) == {str(said): expected, "other values": frame.height - expected}


def test_numbers_of_few_values_are_groups_by_value_unless_ranges_are_declared() -> None:
    frame = people()
    profile = profiled(frame)
    (by_value,) = coverage(profile, ["rooms"], population={"rooms": {1: 0.5, "2": 0.2, 3.0: 0.1}})
    assert {g.value: g.population for g in by_value.groups} == {"1": 0.5, "2": 0.2, "3": 0.1, "4": None, "5": None}
    (ranges,) = coverage(profile, ["rooms"], population={"rooms": {1: 0.5, "over 1": 0.5}})
    assert rows(ranges) == {"1": (frame["rooms"] == 1).sum(), "over 1": (frame["rooms"] > 1).sum()}
    # the float32 nearest to 0.1 is more than 0.1
    (narrow,) = coverage(profile, ["width"], population={"width": {"up to 0.1": 0.5, "over 0.1": 0.5}})
    assert rows(narrow)["up to 0.1"] == (frame["width"] < 0.15).sum()


def test_combinations_are_counted_with_ranges_in_them() -> None:
    frame = people()
    shares = {"Female, up to 17": 0.1, "Male, 18 and more": 0.2, "Other, up to 17": 0.3, "Male, missing": 0.0}
    sex, age, both = coverage(profiled(frame), ["sex", "age"], population={"sex, age": shares})
    assert (sex.columns, age.columns, both.columns) == (("sex",), ("age",), ("sex", "age"))
    assert {g.population for one in (sex, age) for g in one.groups} == {None}
    groups = {group.value: group for group in both.groups}
    young = int(((frame["sex"] == "Female") & (frame["age"] <= 17)).sum())
    assert (groups["Female × up to 17"].rows, groups["Female × up to 17"].population) == (young, 0.1)
    assert groups["Male × 18 and more"].rows == ((frame["sex"] == "Male") & (frame["age"] >= 18)).sum()
    assert groups["Other × up to 17"].warnings == ("no row of 'Other × up to 17', 30.0% of the population",)
    assert sum(group.rows for group in both.groups) == frame.height


def test_values_with_commas_are_told_apart_by_a_cross() -> None:
    frame = people()
    shares = {"Female × Washington, D.C.": 0.4, "Male, Oslo": 0.1}
    *_, both = coverage(profiled(frame), ["sex", "city"], population={"sex × city": shares})
    there = int(((frame["sex"] == "Female") & (frame["city"] == "Washington, D.C.")).sum())
    assert rows(both)["Female × Washington, D.C."] == there
    renamed = frame.rename({"sex": "sex, at birth"})
    (one,) = coverage(profiled(renamed), ["sex, at birth"], population={"sex, at birth": {"Female": 0.5}})
    assert rows(one) == rows(coverage(profiled(frame), ["sex"])[0])
    assert columns_of("a, b × c", ["a, b", "c"]) == ("a, b", "c")


def test_groups_that_are_not_there_are_said_to_be_none() -> None:
    (found,) = coverage(profiled(people()), ["city"], population={"city": {"18 to 35": 0.4, "Oslo": 0.6}})
    absent = next(group for group in found.groups if group.value == "18 to 35")
    assert (absent.rows, absent.warnings) == (0, ("no row of '18 to 35', 40.0% of the population",))


def test_a_declared_value_is_a_group_however_many_are_more_frequent() -> None:
    frame = people()
    rarest = frame["street"].value_counts().sort("count")["street"][0]
    (found,) = coverage(profiled(frame), ["street"], population={"street": {rarest: 0.5, "nowhere": 0.1}})
    assert rows(found)[rarest] == (frame["street"] == rarest).sum()
    assert rows(found)["nowhere"] == 0
    assert sum(rows(found).values()) == frame.height


def test_what_is_estimated_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", 1000)
    frame = people().with_columns(height=pl.Series(np.random.default_rng(0).normal(170, 9, 3000)))
    shares = {"Female, Oslo": 0.9, "Other, Oslo": 0.1}
    population = {"sex, city": shares, "height": {"up to 170": 0.1}, "age": AGES}
    _, _, height, age, both = coverage(profiled(frame), ["sex", "city", "height", "age"], population=population)
    assert (height.sampled, age.sampled, both.sampled) == (True, False, True)
    low, high = next((3000 * group.low, 3000 * group.high) for group in height.groups if group.value == "up to 170")
    assert low < (frame["height"] <= 170).sum() < high
    groups = {group.value: group for group in both.groups}
    assert groups["Female × Oslo"].warnings[0].endswith("of the population (an estimate from 1,000 rows)")
    assert groups["Other × Oslo"].warnings == (
        "none of the 1,000 rows looked at is of 'Other × Oslo', 10.0% of the population",
    )


@pytest.mark.parametrize(
    ("population", "message"),
    [
        ({"age": {"young": 0.4}}, "names 'young', which is no range of the numbers of 'age'. Give '18 to 35'"),
        ({"age": {"18-35": 0.4}}, "names '18-35', which is no range"),
        ({"age": {"18 to 35": 0.4, "30 to 40": 0.1}}, "'18 to 35' and '30 to 40', which overlap"),
        ({"height": {"18 to 35": 0.4, "35 to 40": 0.1}}, "'18 to 35' and '35 to 40', which overlap"),
        ({"age": {"up to 17": 0.4, 17: 0.1}}, "overlap"),
        ({"age": {"35 to 18": 0.4}}, "'35 to 18', which holds no number"),
        ({"age": {"over 17 to under 18": 0.4}}, "holds no number of whole ones"),
        ({"sex": {"Female": 0.4, "Female ": 0.1}}, "names 'Female' twice"),
        ({"sex": {"Female": 0.9, "Male": 0.4}}, "adding up to 1 at most"),
        ({"sex, city": {"Female": 0.4}}, "'Female', which is not one value of each of sex, city"),
        ({"sex, city": {"Female, Washington, D.C.": 0.4}}, "with ' × ' between them where a value holds a comma"),
        ({"sex, cty": {"Female, Oslo": 0.4}}, "'cty' is not a column. Did you mean 'city'"),
        ({"sex, sex": {"Female, Male": 0.4}}, "names columns twice"),
        ({"sex, city": {"Male, Oslo": 0.4}, "city, sex": {"Oslo, Male": 0.4}}, "names columns twice"),
        ({"sex, y": {"Female, yes": 0.4}}, "declared for 'y', which is not among the groups"),
    ],
)
def test_a_population_that_cannot_be(population: dict[str, dict[Any, float]], message: str) -> None:
    with pytest.raises(DataError) as refused:
        coverage(profiled(people(100)), ["sex", "city", "age", "height"], population=population)
    assert message in str(refused.value)
