"""Types of columns and the target, inferred from profiles."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.category_text import category_text
from rayline.core.columns import ROW, FeatureType, Task
from rayline.core.errors import DataError, UnknownNameError
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.targets import infer_target
from rayline.profile.types import infer

N = 60
SHUFFLED = np.random.default_rng(0).permutation(N).tolist()
SENTENCES = [f"the parcel number {n} came late again" for n in range(N)]


def profile_of(**columns: Any) -> Profile:
    frame = pl.DataFrame(columns)
    return profile_frame(frame.with_columns(pl.Series(ROW, np.arange(frame.height))), seed=0)


def type_of(name: str, values: Any) -> FeatureType:
    decision = infer(profile_of(**{name: values}))[name]
    assert decision.reason
    return decision.type


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", [n % 40 for n in range(N)], "number"),
        ("stars", [n % 5 for n in range(N)], "number"),
        ("share", [n / 7 for n in SHUFFLED], "number"),
        ("income", [n * n * 37 + 11 for n in SHUFFLED], "number"),
        ("paid", [n * n * 37 + 11 for n in SHUFFLED], "number"),
        ("id", [n * n * 37 + 11 for n in SHUFFLED], "id"),
        ("customer_id", [n * n * 37 + 11 for n in SHUFFLED], "id"),
        ("customerId", [n * n * 37 + 11 for n in SHUFFLED], "id"),
        ("counter", SHUFFLED, "id"),
        ("stamp", [n * n + 5 for n in range(N)], "id"),
        ("sparse", [None, *[n * n + 5 for n in range(N - 1)]], "number"),
        ("kind", ["a", "b", "c"] * 20, "category"),
        ("kind", ["a"] * 59 + ["b"], "category"),
        ("kind", [f"k{n}" for n in range(10)], "category"),
        ("answer", ["yes", None] * 30, "category"),
        ("open", [True, False] * 30, "category"),
        ("code", [f"x{n}" for n in range(N)], "id"),
        ("note", SENTENCES, "text"),
        ("note", SENTENCES[:40] * 2, "category"),
        ("place", [f"city {n}" for n in range(500)] * 2, "category"),
        ("place", [f"city {n}" for n in range(500)] + [f"city {n}" for n in range(300)], "id"),
        ("day", [dt.date(2024, 1, 1) + dt.timedelta(n % 9) for n in range(N)], "date"),
        ("when", [dt.datetime(2024, 1, 1)] * 59 + [dt.datetime(2024, 1, 2)], "date"),
        ("day", ["2024-01-01", "2024-02-28"] * 30, "date"),
        ("when", ["2024-01-01T10:00:00Z", "2024-02-28 11:30"] * 30, "date"),
        ("gone", [None] * N, "drop"),
        ("nan", [float("nan"), float("inf")] * 30, "drop"),
        ("same", [4] * N, "drop"),
        ("same", [4, None] * 30, "drop"),
        ("same", ["x"] * N, "drop"),
        ("same", [True] * N, "drop"),
        ("answer", [True, None] * 30, "category"),
    ],
)
def test_types(name: str, values: list[Any], expected: str) -> None:
    assert type_of(name, values) == expected


def test_ids_beyond_the_cap_are_ids_still() -> None:
    assert type_of("code", [f"u-{n}" for n in range(40_000)]) == "id"
    assert type_of("note", [f"a note of words number {n}" for n in range(40_000)]) == "text"


def test_types_follow_all_rows_and_not_the_first_of_them() -> None:
    dates = [f"2024-01-{1 + n % 28:02}" for n in range(2000)]
    assert type_of("day", dates) == "date"
    assert type_of("day", [*dates, "not known"]) == "category"
    short, long = (
        [f"w{n} b" for n in range(1100)],
        [f"{n} a much longer text than the others were" for n in range(1100)],
    )
    assert type_of("note", short + long) == "text"


def test_values_that_no_row_of_the_sample_has_are_looked_at() -> None:
    profile = profile_of(kind=[None] * 500 + ["a", "b"] * 3, n=list(range(506)))
    profile = replace(profile, kept=profile.sample.filter(pl.col("kind").is_null()))
    assert infer(profile)["kind"].type is FeatureType.CATEGORY


def test_few_numbers_in_no_order_are_no_ids() -> None:
    assert type_of("age", [31, 30, 33, 32]) == "number"
    assert type_of("counter", [30, 31, 32, 33]) == "id"


def test_private_columns_of_a_saved_profile_are_known_by_their_kind(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": [f"n{n}" for n in range(N)], "age": range(N), "ok": [True] * N, ROW: range(N)})
    profile_frame(frame, seed=0, private=["name", "age"]).save(tmp_path)
    found = infer(Profile.load(tmp_path))
    assert [found[name].type for name in ("name", "age", "ok")] == ["category", "number", "drop"]


def test_the_source_says_what_columns_are() -> None:
    profile = profile_of(path=["a", "b"] * 30, frame=[n % 5 for n in range(N)], gone=[None] * N)
    said = dict.fromkeys(("path", "frame"), FeatureType.ID) | {"gone": FeatureType.NUMBER}
    assert [one.type for one in infer(profile, said).values()] == ["id", "id", "drop"]


def test_reasons_tell_no_values() -> None:
    profile = profile_of(name=["secret"] * N, other=["hidden", "covered"] * 30)
    assert not any(word in d.reason for d in infer(profile).values() for word in ("secret", "hidden", "covered"))


# the target


@pytest.mark.parametrize(
    ("values", "task", "classes", "positive"),
    [
        (["no", "yes", "yes"], Task.BINARY, ("no", "yes"), "yes"),
        (["<=50K", "<=50K", ">50K"], Task.BINARY, ("<=50K", ">50K"), ">50K"),
        (["a", "a", "b", "c"], Task.MULTICLASS, ("a", "b", "c"), None),
        ([0, 1, 0, 0], Task.BINARY, ("0", "1"), "1"),
        ([1, 2, 1, 1], Task.BINARY, ("1", "2"), "2"),
        ([1, -1, 1, 1], Task.BINARY, ("-1", "1"), "1"),
        ([3.0, 7.0, 3.0], Task.BINARY, ("3", "7"), "7"),
        ([True, False, True], Task.BINARY, ("false", "true"), "true"),
        (["x", "y", "x", "y"], Task.BINARY, ("x", "y"), "y"),
        ([2, 10, 1, 1], Task.MULTICLASS, ("1", "2", "10"), None),
        ([2.0, 10.0, 1.0], Task.MULTICLASS, ("1", "2", "10"), None),
        ([0.5, 1.5, 2.5], Task.REGRESSION, (), None),
        (list(range(21)), Task.REGRESSION, (), None),
        (list(range(20)), Task.MULTICLASS, tuple(str(n) for n in range(20)), None),
    ],
)
def test_the_task_follows_the_target(values: list[Any], task: Task, classes: tuple[str, ...], positive: str) -> None:
    target, reason = infer_target(profile_of(t=values), "t")
    assert (target.task, target.classes, target.positive) == (task, classes, positive)
    assert reason.startswith(f"{task}: ")


def test_a_declared_task_is_obeyed() -> None:
    profile = profile_of(stars=[1, 2, 3, 4, 5] * 4, flag=[0, 1] * 10)
    assert infer_target(profile, "stars", task=Task.REGRESSION)[0].task is Task.REGRESSION
    assert infer_target(profile, "flag", task=Task.REGRESSION)[0].classes == ()
    assert infer_target(profile, "stars", task="multiclass")[0].classes == ("1", "2", "3", "4", "5")  # type: ignore[arg-type]
    assert infer_target(profile, "flag", task=Task.MULTICLASS)[0].positive is None


def test_a_declared_positive_class_is_obeyed() -> None:
    target, reason = infer_target(profile_of(t=["yes", "no", "no"]), "t", positive="no")
    assert (target.classes, target.positive) == (("yes", "no"), "no")
    assert "declared" in reason
    assert infer_target(profile_of(t=[True, False, True]), "t", positive="False")[0].positive == "false"


def test_classes_that_differ_by_space_are_one() -> None:
    target, _ = infer_target(profile_of(t=["a", " a", "b"]), "t")
    assert (target.task, target.classes, target.positive) == (Task.BINARY, ("a", "b"), "b")


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["a", None, "b", None], {}, "no value in 2 of 4 rows. Fill them"),
        ([1.5, float("nan"), 2.5], {}, "no value in 1 of 3 rows"),
        ([1.5, float("inf"), 2.5], {}, "no value in 1 of 3 rows, 1 of them infinite"),
        ([None, None], {}, "no value in any of the 2 rows"),
        (["a", "a"], {}, "one value, 'a', in all 2 rows"),
        ([1, 1], {}, "one value, '1', in all 2 rows"),
        (["a", " a"], {}, "one class, 'a', in every row"),
        (["a", " "], {}, "blank in 1 rows"),
        ([f"c{n}" for n in range(1001)], {}, "1001 different values, more than the 1000 classes"),
        ([f"c{n}" for n in range(20_000)], {}, "different values, more than the 1000 classes"),
        ([n / 3 for n in range(1100)], {"task": "multiclass"}, "Set data.task: regression"),
        (["a", "b", "c"], {"task": "binary"}, "3 classes .* Set data.task: multiclass"),
        (["a", "b", "c"], {"task": "regression"}, "holds text, and regression predicts numbers"),
        (["a", "b"], {"positive": "aa"}, "'aa' is not a class of 't'. Did you mean 'a'"),
        (["a", "b", "c"], {"positive": "a"}, "only a binary task has a positive class"),
        ([0.5, 1.5, 2.5], {"positive": "a"}, "the task is regression"),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], {}, "holds dates"),
    ],
)
def test_unusable_targets(values: list[Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        infer_target(profile_of(t=values), "t", **options)


def test_an_unknown_target_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"data\.target 'incme' is not a column\. Did you mean 'income'\?"):
        infer_target(profile_of(income=[1, 2], age=[1, 2]), "incme")


def test_classes_are_the_texts_that_preparation_knows_values_by() -> None:
    for values in ([" a ", "b"] * 9, ["TRUE", "false"] * 9, [True, False] * 9, [3.0, 0.5] * 9, ["01", "1"] * 9):
        target, _ = infer_target(profile_of(t=values), "t")
        assert set(target.classes) == {category_text(value) for value in values}
