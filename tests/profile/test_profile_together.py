"""What rows and columns have to do with each other: missing together, repeated, going with the target, by group."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import contingency
from sklearn.metrics import mutual_info_score

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile import missing, repeats
from rayline.profile.association import associations
from rayline.profile.coverage import coverage
from rayline.profile.outliers import outliers
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.types import is_classes


def profiled(frame: pl.DataFrame, **options: Any) -> Profile:
    return profile_frame(frame.with_columns(pl.Series(ROW, np.arange(frame.height))), seed=0, **options)


def holes(n: int, width: int, share: float = 0.3) -> pl.DataFrame:
    rng = np.random.default_rng(width)
    lacking = rng.random((n, width)) < share
    lacking[:, 1] = lacking[:, 0]
    return pl.DataFrame(
        {f"c{k}": pl.Series(np.where(lacking[:, k], np.nan, 1.0), nan_to_null=True) for k in range(width)}
    )


def patterns_of(frame: pl.DataFrame) -> Counter[tuple[str, ...]]:
    return Counter(tuple(name for name, value in row.items() if value is None) for row in frame.iter_rows(named=True))


# missing together


@pytest.mark.parametrize("width", [3, 8, 9, 16, 17, 70])
def test_patterns_are_those_of_a_plain_count(width: int) -> None:
    frame = holes(3001, width, {70: 0.003}.get(width, 0.3 if width < 10 else 0.02))
    found = missing.measure(frame, frame.columns)
    truth = patterns_of(frame)
    assert found.complete == truth.pop(())
    assert dict(found.top(10_000)) == dict(truth)
    assert not found.truncated
    assert found.complete + found.incomplete == frame.height


@settings(max_examples=30, deadline=None)
@given(
    width=st.sampled_from([4, 20, 66]),
    cap=st.sampled_from([3, 20, 1024]),
    cuts=st.lists(st.integers(0, 200), max_size=4).map(sorted),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_keeps_the_same_patterns(width: int, cap: int, cuts: list[int], random: Any) -> None:
    kept = missing.CAP
    missing.CAP = cap
    try:
        frame = holes(200, width)
        whole = missing.measure(frame, frame.columns)
        ends = [0, *cuts, 200]
        heap = [missing.measure(frame.slice(a, b - a), frame.columns) for a, b in itertools.pairwise(ends)]
        while len(heap) > 1:
            random.shuffle(heap)
            heap.append(missing.merge([heap.pop(), heap.pop()]))
        (merged,) = heap
        assert merged.top(9999) == whole.top(9999)
        assert (merged.complete, merged.truncated) == (whole.complete, whole.truncated)
        truth = patterns_of(frame)
        assert all(truth[names] == rows for names, rows in whole.top(9999))
        assert len(whole.rows) == min(cap, len(truth.keys() - {()}))
    finally:
        missing.CAP = kept


def test_more_patterns_than_are_kept_are_told_from_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "CAP", 4)
    frame = holes(2000, 12, 0.2)
    found = profiled(frame).missing_together(5)
    truth = patterns_of(frame)
    del truth[()]
    assert found[0][1] == truth.most_common(1)[0][1]
    assert all(truth[names] == rows for names, rows in found)


def test_private_columns_are_in_no_pattern_and_patterns_outlive_saving(tmp_path: Path) -> None:
    profile = profiled(holes(500, 5), private=["c2"])
    assert profile.patterns is not None
    assert "c2" not in profile.patterns.columns
    profile.save(tmp_path)
    loaded = Profile.load(tmp_path)
    assert loaded.missing_together() == profile.missing_together()
    assert loaded.to_json() == profile.to_json()
    empty = profiled(pl.DataFrame({"a": [1, 2]}))
    empty.save(tmp_path / "empty")
    assert Profile.load(tmp_path / "empty").missing_together() == []


# repeated rows


def repeated(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": np.arange(n) * 1.5, "w": [f"w{i}" for i in range(n)], "y": rng.integers(0, 2, n)})
    twins = frame[[3, 3, 50, 7]]
    clash = frame[[10, 20]].with_columns((1 - pl.col("y")).alias("y"))
    return pl.concat([frame, twins, clash])


def test_duplicates_and_label_conflicts_are_found_with_their_rows() -> None:
    profile = profiled(repeated(), repeats=True, target="y")
    assert profile.repeats is not None
    found = profile.repeats.found(profile.rows)
    assert (found.duplicates, found.exact, found.duplicated) == (4, True, [3, 7, 50])
    assert (found.conflicts, found.wrong) == (4, 2)
    assert found.conflicting == [[10, 404], [20, 405]]
    without = profiled(repeated(), repeats=True)
    assert without.repeats is not None
    assert without.repeats.found(without.rows).conflicts == 0
    assert without.to_json()["repeats"]["duplicates"] == 4


def test_a_target_that_is_missing_is_at_odds_with_none() -> None:
    frame = pl.DataFrame({"x": [1, 1, 2, 2, 3, 3], "y": ["a", None, "a", "b", None, None]})
    profile = profiled(frame, repeats=True, target="y")
    assert profile.repeats is not None
    found = profile.repeats.found(profile.rows)
    assert (found.conflicts, found.wrong, found.conflicting) == (2, 1, [[2, 3]])
    assert (found.duplicates, found.duplicated) == (1, [4])


def test_zeros_and_missing_values_are_equal_to_themselves() -> None:
    frame = pl.DataFrame({"x": [0.0, -0.0, None, float("nan"), 1.0], "w": ["a", "a", None, None, "a"]})
    profile = profiled(frame, repeats=True)
    assert profile.repeats is not None
    assert profile.repeats.found(5).duplicates == 2


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1)), min_size=1, max_size=120),
    cap=st.sampled_from([2, 7, 1000]),
    cuts=st.lists(st.integers(0, 120), max_size=4).map(sorted),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_keeps_the_same_groups(rows: list[Any], cap: int, cuts: list[int], random: Any) -> None:
    kept = repeats.CAP
    repeats.CAP = cap
    try:
        frame = pl.DataFrame(rows, schema=["x", "y"], orient="row").with_columns(pl.Series(ROW, np.arange(len(rows))))
        whole = repeats.measure(frame, "y")
        ends = [0, *(min(cut, len(rows)) for cut in cuts), len(rows)]
        heap = [repeats.measure(frame.slice(a, b - a), "y") for a, b in itertools.pairwise(ends)]
        while len(heap) > 1:
            random.shuffle(heap)
            heap.append(repeats.merge([heap.pop(), heap.pop()]))
        (merged,) = heap
        assert merged.groups.equals(whole.groups)
        assert (merged.truncated, merged.found(len(rows))) == (whole.truncated, whole.found(len(rows)))
        if not whole.truncated:
            assert whole.found(len(rows)).duplicates == len(rows) - len(set(rows))
    finally:
        repeats.CAP = kept


def test_repeats_of_many_rows_are_estimated_from_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "CAP", 2000)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.permutation(np.concatenate([np.arange(60_000), rng.integers(0, 60_000, 20_000)]))})
    found = profiled(frame, repeats=True).repeats
    assert found is not None
    told = found.found(80_000)
    assert not told.exact
    assert told.duplicates == pytest.approx(20_000, rel=4 / math.sqrt(told.groups))
    none = profiled(pl.DataFrame({"x": np.arange(80_000)}), repeats=True).repeats
    assert none is not None
    assert none.found(80_000).duplicates == 0


# with the target


def labelled(n: int = 4000) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    side = rng.choice(["a", "b", "c"], n)
    return pl.DataFrame(
        {
            "tells": np.where(y == 1, "p", np.where(rng.random(n) < 0.2, "p", "q")),
            "near": rng.normal(size=n) + y,
            "noise": rng.normal(size=n),
            "side": side,
            "many": [f"k{i}" for i in rng.integers(0, 40, n)],
            "flat": np.ones(n),
            "y": np.where(y == 1, "yes", "no"),
            "value": 3.0 * y + rng.normal(size=n),
        }
    )


def test_associations_are_those_of_scipy_and_scikit_learn() -> None:
    frame = labelled()
    profile = profiled(frame)
    found = {one.column: one for one in associations(profile, "y")}
    table = frame.select("tells", "y").to_dummies().corr().to_numpy()
    assert found["tells"].measure == "Cramér's V"
    crossed = pl.DataFrame(frame.select("tells", "y")).pivot("y", index="tells", values="y", aggregate_function="len")
    counts = crossed.drop("tells").fill_null(0).to_numpy()
    assert found["tells"].value == pytest.approx(contingency.association(counts, method="cramer"), abs=0.002)
    assert found["tells"].value == pytest.approx(abs(table[0, 2]), abs=0.002)
    shares = mutual_info_score(frame["tells"].to_list(), frame["y"].to_list())
    entropy = mutual_info_score(frame["y"].to_list(), frame["y"].to_list())
    assert found["tells"].information == pytest.approx(shares / entropy, abs=0.002)
    x, g = frame["near"].to_numpy(), (frame["y"] == "yes").to_numpy()
    between = g.mean() * (x[g].mean() - x.mean()) ** 2 + (~g).mean() * (x[~g].mean() - x.mean()) ** 2
    assert found["near"].measure == "correlation ratio"
    corrected = 1 - (1 - between / x.var()) * (len(x) - 1) / (len(x) - 2)
    assert found["near"].value == pytest.approx(math.sqrt(corrected), rel=1e-9)
    assert found["noise"].strength < 0.06
    assert found["side"].value < 0.03
    assert found["many"].value < 0.05  # forty values by chance go with anything: corrected
    assert "flat" not in found
    assert [one.strength for one in found.values()] == sorted((o.strength for o in found.values()), reverse=True)


def test_a_number_is_correlated_exactly_however_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", 100)
    frame = labelled()
    found = {one.column: one for one in associations(profiled(frame), "value")}
    assert found["near"].measure == "Pearson's r"
    assert found["near"].value == pytest.approx(np.corrcoef(frame["near"], frame["value"])[0, 1], rel=1e-9)
    assert found["y"].measure == "correlation ratio"


def test_what_depends_on_the_target_in_no_line_is_found_by_information() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    (one,) = associations(profiled(pl.DataFrame({"x": x, "y": x * x})), "y")
    assert abs(one.value) < 0.2
    assert one.strength == one.information > 0.6


@pytest.mark.parametrize("seed", range(4))
def test_many_values_of_few_rows_go_with_no_number_by_chance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({"town": [f"t{i}" for i in rng.integers(0, 40, 200)], "y": rng.normal(size=200)})
    (one,) = associations(profiled(frame), "y")
    assert one.measure == "correlation ratio"
    assert one.value < 0.3  # by chance alone 0.44 of them would lie between the towns
    alone = pl.DataFrame({"town": [f"t{i}" for i in range(15)], "y": rng.normal(size=15)})
    assert [one.value for one in associations(profiled(alone), "y")] == [0.0]


@pytest.mark.parametrize("name", ["count", "value", "class", "group", "answer"])
def test_columns_may_be_named_as_the_counts_of_values_are(name: str) -> None:
    frame = labelled(200).rename({"value": "pay", "side": "known"}).rename({"y": name})
    profile = profiled(frame)
    assert {one.column for one in associations(profile, name)} >= {"tells", "near"} - {name}
    assert associations(profile, "near")
    (found,) = coverage(profile, ["known"], target=name)
    assert found.rate_of in ("share of yes", "share of no")
    (found,) = coverage(profile, [name])
    assert {group.value for group in found.groups} == {"yes", "no"}


def test_private_and_absent_targets_are_refused() -> None:
    profile = profiled(labelled(100), private=["side"])
    with pytest.raises(DataError, match="is private"):
        associations(profile, "side")
    with pytest.raises(DataError, match="Did you mean 'value'"):
        associations(profile, "valu")
    assert "side" not in {one.column for one in associations(profile, "y")}
    assert is_classes(profile.columns["y"])
    assert not is_classes(profile.columns["value"])


# outliers


def test_outliers_are_counted_by_fences_and_by_deviations() -> None:
    x = np.concatenate([np.random.default_rng(0).normal(size=997), [50.0, 60.0, -70.0]])
    found = outliers(
        profiled(pl.DataFrame({"x": x, "s": np.zeros(1000), "n": pl.Series([None] * 1000, dtype=pl.Int64)})), "x"
    )
    assert found is not None
    first, third = np.quantile(x, [0.25, 0.75])
    low, high = first - 1.5 * (third - first), third + 1.5 * (third - first)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.rows == int(((x < low) | (x > high)).sum())
    assert found.far == pytest.approx(float((abs(x - x.mean()) > 3 * x.std()).mean()))
    assert found.exact
    profile = profiled(pl.DataFrame({"s": np.zeros(10), "n": pl.Series([None] * 10, dtype=pl.Int64)}))
    same = outliers(profile, "s")
    assert same is not None
    assert (same.beyond, same.far) == (0.0, 0.0)
    assert outliers(profile, "n") is None


# groups


def people(n: int = 2000) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m", "x"], n, p=[0.295, 0.7, 0.005])
    return pl.DataFrame(
        {
            "sex": pl.Series([None, *sex[1:]]),
            "age": rng.integers(18, 80, n),
            "height": rng.normal(170, 9, n),
            "y": np.where(rng.random(n) < np.where(sex == "m", 0.4, 0.1), "yes", "no"),
            "pay": rng.normal(100, 5, n) + 20 * (sex == "m"),
        }
    )


def test_groups_are_counted_with_the_rate_of_the_target() -> None:
    frame = people()
    (found,) = coverage(profiled(frame), ["sex"], target="y", population={"sex": {"f": 0.5, "m": 0.5, "z": 0.0}})
    assert (found.rate_of, found.sampled) == ("share of yes", False)
    groups = {group.value: group for group in found.groups}
    assert [*groups] == ["m", "f", "x", "z", "missing"]
    for value in ("m", "f", "x"):
        rows = frame.filter(pl.col("sex") == value)
        group = groups[value]
        assert group.rows == rows.height
        assert group.rate == pytest.approx((rows["y"] == "yes").mean())
        assert group.rate_low <= group.rate <= group.rate_high  # type: ignore[operator]
        assert group.low <= group.share <= group.high
    assert "fewer than its 50.0% of the population" in groups["f"].warnings[0]
    assert "too few to say anything of 'x'" in groups["x"].warnings[0]
    assert groups["missing"].rows == 1


def test_groups_of_numbers_and_of_several_columns_are_ranges_and_pairs() -> None:
    frame = people()
    age, height, both = coverage(profiled(frame), ["age", "height"], target="pay")
    assert age.rate_of == "mean of pay"
    assert sum(group.rows for group in age.groups) == frame.height
    names = {group.value for group in age.groups}
    assert any(name.startswith("up to ") for name in names)
    assert any(name.endswith(" and more") for name in names)
    assert any(group.value.startswith("over ") for group in height.groups)
    assert both.name == "age × height"
    assert len(both.groups) == 16
    assert age.whole == pytest.approx(frame["pay"].mean())
    low, high = (
        next(g for g in age.groups if g.value == sorted(names)[0]).__getattribute__(k)
        for k in ("rate_low", "rate_high")
    )
    assert low < high


def test_ranges_of_large_numbers_are_told_apart() -> None:
    n = 4000
    frame = pl.DataFrame({"id": np.arange(n) + 12_345_000, "x": 1.0 + np.arange(n) * 1e-9})
    whole, fraction, _ = coverage(profiled(frame), ["id", "x"])
    assert [group.rows for group in whole.groups] == [n // 4] * 4
    assert {group.value for group in whole.groups} >= {"up to 12345999", "12348000 and more"} - {"up to 12345999"}
    assert len({group.value for group in fraction.groups}) == 4
    assert [group.rows for group in fraction.groups] == [n // 4] * 4


def test_groups_of_numbers_come_in_their_order() -> None:
    frame = pl.DataFrame({"grade": [10] * 400 + [9] * 300 + [*range(1, 9)] * 20 + [*range(11, 17)] * 40})
    (grade,) = coverage(profiled(frame), ["grade"])
    assert [group.value for group in grade.groups] == ["up to 9", "10", "11 and more"]
    (few,) = coverage(profiled(pl.DataFrame({"n": [3, 1, 1, 10, None] * 40})), ["n"])
    assert [group.value for group in few.groups] == ["1", "3", "10", "missing"]
    said = {"over 12": 0.2, "up to 12": 0.8}
    (declared,) = coverage(profiled(frame), ["grade"], population={"grade": said})
    assert [group.value for group in declared.groups] == ["up to 12", "over 12"]


def test_the_rate_of_a_target_of_many_rare_classes_is_that_of_the_commonest() -> None:
    frame = pl.DataFrame({"sex": ["f", "m"] * 200, "y": [f"c{max(0, i - 2)}" for i in range(400)]})
    (found,) = coverage(profiled(frame), ["sex"], target="y")
    assert found.rate_of == "share of c0"


def test_a_difference_that_nobody_would_mind_is_no_warning() -> None:
    frame = pl.DataFrame({"sex": ["f"] * 100_800 + ["m"] * 99_200})
    (found,) = coverage(profiled(frame), ["sex"], population={"sex": {"f": 0.5, "m": 0.5}})
    assert found.groups[0].low > 0.5
    assert not any(group.warnings for group in found.groups)


def test_groups_of_sampled_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", 500)
    frame = people()
    profile = profiled(frame)
    sex, age, _ = coverage(profile, ["sex", "age"], target="y", positive="no")
    height, _, both = coverage(profile, ["height", "sex"], target="y", positive="no")
    assert not sex.sampled
    assert {g.value: g.rows for g in sex.groups}["m"] == int((frame["sex"] == "m").sum())
    # every age is counted, so that its ranges are; of heights only some are
    assert (age.sampled, sum(group.rows for group in age.groups)) == (False, 2000)
    for estimated in (height, both):
        assert estimated.sampled
        assert sum(group.rows for group in estimated.groups) == pytest.approx(2000, abs=20)
    assert sex.rate_of == "share of no"


@pytest.mark.parametrize(
    ("by", "options", "message"),
    [
        (["sexx"], {}, "Did you mean 'sex'"),
        (["pay"], {}, "is private"),
        (["sex"], {"population": {"sex": {"f": 2.0}}}, "between 0 and 1"),
        (["sex"], {"population": {"age": {"f": 0.5}}}, "not among the groups"),
        (["sex"], {"target": "y", "positive": "maybe"}, "not a class of 'y'"),
    ],
)
def test_what_cannot_be_a_group(by: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        coverage(profiled(people(200), private=["pay"]), by, **options)
