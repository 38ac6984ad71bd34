"""Requests against a signature: strict on types and what was declared, clear on what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Condition, FeatureType, InputColumn, Signature, Task
from rayline.core.errors import SignatureError
from rayline.registry.validate import Validator

NUMBER, CATEGORY = FeatureType.NUMBER, FeatureType.CATEGORY
SIGNATURE = Signature(
    inputs=(
        InputColumn(name="age", type=NUMBER, minimum=0, maximum=120),
        InputColumn(name="size", type=NUMBER, nullable=False),
        InputColumn(name="work", type=CATEGORY),
        InputColumn(name="sex", type=CATEGORY, allowed=("Female", "Male"), nullable=False),
        InputColumn(name="code", type=NUMBER, allowed=("1", "2.5")),
    ),
    target="y",
    task=Task.BINARY,
    classes=("no", "yes"),
    positive="yes",
)
GOOD: dict[str, list[Any]] = {
    "age": [39, None],
    "size": [1.5, 2.0],
    "work": ["x", None],
    "sex": ["Male", "Female"],
    "code": [1.0, 2.5],
}


def one(**changes: Any) -> dict[str, list[Any]]:
    return {name: [changes.get(name, values[0])] for name, values in GOOD.items()}


def test_good_rows_pass_and_are_counted() -> None:
    assert Validator(SIGNATURE).check(GOOD) == 2
    assert Validator(SIGNATURE).check({**GOOD, "more": ["ignored"]}) == 2
    assert Validator(SIGNATURE).check({name: [] for name in GOOD}) == 0
    arrays = {"age": np.array([1, math.nan]), "size": np.array([1, 2]), "code": np.array([1.0, 2.5], np.float32)}
    assert (
        Validator(SIGNATURE).check({**GOOD, **arrays, "work": np.array(["a", "b"]), "sex": np.array(["Male"] * 2)}) == 2
    )


@pytest.mark.parametrize("work", ["x", "", 3, 3.5, True, None, np.float32(1), np.int64(2), math.nan])
def test_categories_may_be_any_scalar(work: Any) -> None:
    assert Validator(SIGNATURE).check(one(work=work)) == 1


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("age", "39", "'age', row 1: give a number or null, not text '39'"),
        ("age", True, "'age', row 1: give a number or null, not true or false True"),
        ("age", [39], "'age', row 1: give a number or null, not a list"),
        ("age", {"a": 1}, "'age', row 1: give a number or null, not an object"),
        ("age", -1, r"'age', row 1: -1 is not allowed; give from 0 to 120"),
        ("age", 120.5, r"'age', row 1: 120.5 is not allowed; give from 0 to 120"),
        ("age", math.inf, "'age', row 1: give a finite number or null"),
        ("age", 10**400, "'age', row 1: give a finite number or null"),
        ("size", None, "'size', row 1: a value is required"),
        ("size", math.nan, "'size', row 1: a value is required"),
        ("size", "x" * 200, "'size', row 1: give a number, not text 'xxx"),
        ("code", 3, "'code', row 1: 3 is not allowed; give one of 1, 2.5"),
        ("work", ["x"], "'work', row 1: give text, a number, true or false or null, not a list"),
        ("work", b"x", "'work', row 1: give text, a number, true or false or null, not bytes"),
        ("sex", "male", "'sex', row 1: 'male' is not allowed; give one of Female, Male"),
        ("sex", None, "'sex', row 1: a value is required"),
        ("sex", " ", "'sex', row 1: a value is required"),
    ],
)
def test_what_is_wrong_is_told(column: str, value: Any, told: str) -> None:
    with pytest.raises(SignatureError, match=told):
        Validator(SIGNATURE).check(one(**{column: value}))
    many = {name: values[:1] * 300 for name, values in GOOD.items()}
    many[column] = [*many[column][:-1], value]
    with pytest.raises(SignatureError, match=told.replace("row 1", "row 300")):
        Validator(SIGNATURE).check(many)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("age", np.array([1.0, 121.0]), "'age', row 2: 121 is not allowed"),
        ("age", np.array([1.0, math.inf]), "'age', row 2: give a finite number"),
        ("age", np.array([True, False]), "'age', row 1: give a number or null, not true or false"),
        ("age", np.array(["1", "2"]), "'age', row 1: give a number or null, not text '1'"),
        ("size", np.array([1.0, math.nan]), "'size', row 2: a value is required"),
        ("sex", np.array(["Male", "x"]), "'sex', row 2: 'x' is not allowed"),
    ],
)
def test_arrays_are_checked_alike(column: str, values: Any, told: str) -> None:
    with pytest.raises(SignatureError, match=told):
        Validator(SIGNATURE).check({**GOOD, column: values})


def test_all_missing_features_are_named_and_lengths_must_agree() -> None:
    with pytest.raises(SignatureError, match=r"missing features: age, sex\. Given: "):
        Validator(SIGNATURE).check({name: values for name, values in GOOD.items() if name not in ("age", "sex")})
    with pytest.raises(SignatureError, match=r"missing feature: size\. Did you mean 'sizes'\?"):
        Validator(SIGNATURE).check({**{n: v for n, v in GOOD.items() if n != "size"}, "sizes": [1, 2]})
    with pytest.raises(SignatureError, match="'work' has 3 values where columns before it have 2"):
        Validator(SIGNATURE).check({**GOOD, "work": ["a", "b", "c"]})


def test_private_values_are_not_repeated() -> None:
    hidden = SIGNATURE.model_copy(
        update={"inputs": tuple(c.model_copy(update={"private": True}) for c in SIGNATURE.inputs)}
    )
    for column, value in (
        ("age", "s3cret"),
        ("age", 987654),
        ("sex", "s3cret"),
        ("work", ["s3cret"]),
        ("code", 987654),
    ):
        with pytest.raises(SignatureError) as told:
            Validator(hidden).check(one(**{column: value}))
        assert "s3cret" not in str(told.value)
        assert "987654" not in str(told.value)
    with pytest.raises(SignatureError) as told:
        Validator(hidden).check_frame(pl.DataFrame({**GOOD, "sex": ["s3cret", "Male"]}))
    assert "s3cret" not in str(told.value)


def test_frames_are_checked_by_value_and_name_rows_of_the_file() -> None:
    frame = pl.DataFrame({**GOOD, ROW: [(1 << 40) + 7, (1 << 40) + 8]})
    validator = Validator(SIGNATURE)
    validator.check_frame(frame)
    validator.check_frame(frame.with_columns(age=pl.Series(["39", None]), code=pl.Series([None, None])))
    for column, values, told in (
        ("age", [1, 121], "'age', row 9: 121 is not allowed"),
        ("age", ["1", "old"], "'age' must hold numbers, not 'old'"),
        ("size", [None, 1.0], "'size', row 8: a value is required"),
        ("sex", ["Male", "x"], "'sex', row 9: 'x' is not allowed; give one of Female, Male"),
        ("sex", ["Male", None], "'sex', row 9: a value is required"),
        ("code", [1, 7], "'code', row 9: 7 is not allowed"),
        ("work", [["a"], ["b"]], "'work'"),
    ):
        with pytest.raises(SignatureError, match=told):
            validator.check_frame(frame.with_columns(pl.Series(column, values)))
    with pytest.raises(SignatureError, match="missing features: size, work"):
        validator.check_frame(frame.drop("size", "work"))


def test_a_condition_of_dates_does_not_hold_for_a_text_that_is_none() -> None:
    signature = Signature(
        inputs=(InputColumn(name="seen", type=CATEGORY),),
        target="y",
        task=Task.REGRESSION,
        conditions=(Condition(text="seen >= '2024-01-01'", kinds={"seen": "text"}),),
    )
    validator = Validator(signature)
    assert validator.check({"seen": ["2024-02-01", None, " "]}) == 3
    with pytest.raises(SignatureError, match=r"row 2: \"seen >= '2024-01-01'\" was declared, and it does not hold"):
        validator.check({"seen": ["2024-02-01", "9/3/2024"]})
