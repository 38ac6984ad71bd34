"""The signature made of features and expectations, and the same expectations at training and at the endpoint."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Condition, Feature, FeatureType, InputColumn, Signature, Target, Task
from rayline.core.errors import SignatureError, SpecError
from rayline.prepare.expectations import Checker
from rayline.registry import signature
from rayline.registry.validate import Validator
from rayline.spec.sections import Expectation

NUMBER, CATEGORY, TEXT = FeatureType.NUMBER, FeatureType.CATEGORY, FeatureType.TEXT
BINARY = Target("y", Task.BINARY, ("n", "p"), "p")


def made(features: dict[str, FeatureType], expect: dict[str, Expectation], **options: Any) -> Signature:
    return signature.build([Feature(n, t) for n, t in features.items()], BINARY, expect=expect, **options)


def test_signature_is_made_of_features_and_expectations() -> None:
    expect = {"age": Expectation(min=0), "sex": Expectation(allowed=("a",), nullable=False)}
    features = {"age": NUMBER, "sex": CATEGORY, "id": FeatureType.ID, "note": TEXT, "day": FeatureType.DATE}
    got = made(features, expect, private=["sex"], required=["age"], threshold=0.3)
    assert got.inputs == (
        InputColumn(name="age", type=NUMBER, minimum=0, nullable=False),
        InputColumn(name="sex", type=CATEGORY, allowed=("a",), nullable=False, private=True),
        InputColumn(name="note", type=TEXT),
    )
    assert (got.threshold, got.as_target().classes) == (0.3, ("n", "p"))
    assert Signature.model_validate_json(got.model_dump_json()) == got


def test_what_is_expected_of_other_columns_is_for_training_alone() -> None:
    expect = {
        "y": Expectation(allowed=("n", "p")),
        "day": Expectation(type="date", increasing=True, max_age="2d"),
        "age": Expectation(unique=True, missing_share=0.1, on="warn"),
        "*": Expectation(expressions=("age > 0", "age > 0 or y == 'p'", "day > '2020-01-01'", "low <= age")),
    }
    got = made({"age": NUMBER, "low": NUMBER, "day": FeatureType.DATE}, expect)
    assert got.inputs == (InputColumn(name="age", type=NUMBER), InputColumn(name="low", type=NUMBER))
    assert got.conditions == (
        Condition(text="age > 0", kinds={"age": "number"}),
        Condition(text="low <= age", kinds={"low": "number", "age": "number"}),
    )


def test_conditions_know_what_columns_held() -> None:
    expect = {"*": Expectation(expressions=("not flag or zip > 500",))}
    features = {"flag": CATEGORY, "zip": CATEGORY}
    got = made(features, expect, kinds={"flag": "boolean", "zip": "number"})
    validator = Validator(got)
    for flag, zip_code in ((True, 501), ("true", "501"), (False, 1), (None, 1), (True, None), ("maybe", 1)):
        assert validator.check({"flag": [flag], "zip": [zip_code]}) == 1
    with pytest.raises(
        SignatureError, match=r"row 2: 'not flag or zip > 500' was declared, and it does not hold: flag"
    ):
        validator.check({"flag": [False, "true"], "zip": [1, "499"]})
    with pytest.raises(SpecError, match="as a request gives the columns"):
        made(features, expect)


def test_what_is_expected_of_derived_columns_is_asked_of_them() -> None:
    expect = {
        "ratio": Expectation(max=2),
        "town": Expectation(allowed=("ulm",)),
        "low": Expectation(min=0),
        "*": Expectation(expressions=("ratio < high", "low <= high", "town != 'x'")),
    }
    features = {"low": NUMBER, "high": NUMBER, "town": CATEGORY}
    got = made(features, expect, cleaned={"ratio": NUMBER, "town": CATEGORY}, private=["ratio"])
    assert [c.allowed for c in got.inputs] == [None, None, None]
    assert [(c.name, c.maximum) for c in got.cleaned] == [("ratio", 2.0), ("town", None)]
    assert [(c.text, c.cleaned) for c in got.conditions] == [
        ("ratio < high", True), ("low <= high", False), ("town != 'x'", True),
    ]  # fmt: skip
    validator = Validator(got)
    assert validator.check({"low": [1], "high": [3], "town": [" ULM"]}) == 1
    with pytest.raises(SignatureError, match="low <= high"):
        validator.check({"low": [4], "high": [3], "town": [" ULM"]})
    good = pl.DataFrame({"low": [1.0], "high": [3.0], "town": ["ulm"], "ratio": [1.25]})
    assert validator.checks_cleaned
    validator.check_cleaned(good)
    for changed, told in (
        ({"ratio": 2.5}, "'ratio', row 1: the value is not allowed; give at most 2"),
        ({"town": "bonn"}, "'bonn' is not allowed; give one of ulm"),
        ({"high": 1.0}, "'ratio < high' was declared, and it does not hold.$"),
    ):
        with pytest.raises(SignatureError, match=told):
            validator.check_cleaned(good.with_columns(pl.lit(value).alias(name) for name, value in changed.items()))
    assert not Validator(made(features, expect)).checks_cleaned


def test_packages_of_before_still_load() -> None:
    column = {"name": "age", "type": "number", "minimum": 0.0, "maximum": None, "allowed": None, "nullable": True, "private": False}  # fmt: skip # noqa: E501
    old = {
        "inputs": [column],
        "target": "y",
        "task": "binary",
        "classes": ["n", "p"],
        "positive": "p",
        "threshold": 0.5,
    }
    loaded = Signature.model_validate_json(json.dumps(old))
    assert loaded.inputs == (InputColumn(name="age", type=NUMBER, minimum=0.0),)
    assert Validator(loaded).check({"age": [1]}) == 1


COLUMNS: dict[str, tuple[FeatureType, dict[str, Any], list[Any], list[tuple[Any, str]]]] = {
    "whole": (
        NUMBER,
        {"type": "integer", "min": 0},
        [1, 2.0, None],
        [(2.5, "give a whole number or null"), (-1, "give at least 0")],
    ),
    "zip": (
        NUMBER,
        {"pattern": r"\d{5}"},
        [12345, 12345.0, None],
        [(123, r"123 is not allowed; give text of the form \\d\{5\} or null")],
    ),
    "code": (
        CATEGORY,
        {"type": "text", "pattern": r"[A-Z]\d+"},
        ["A1", " B22 ", None, ""],
        [("a1", r"give text of the form \[A-Z\]"), ("A1\nB2", "give text of"), (5, "5 is not allowed; give text")],
    ),
    "flag": (CATEGORY, {"type": "boolean"}, [True, "False", None], [("yes", "give true or false"), (1, "give true")]),
    "day": (
        CATEGORY,
        {"type": "date"},
        ["2024-02-29", "2024-01-01T10:00:00Z", None],
        [("2023-02-29", "give a date"), ("1.2.2023", "give a date"), (20240101, "give a date")],
    ),
    "born": (
        CATEGORY,
        {"min": "2000-01-01", "max": "2010-12-31"},
        ["2000-01-01", " 2010-12-31T23:59:59.5Z", "2000-01-01T01:00:00+01:00", None],
        [("1999-12-31", "'1999-12-31' is not allowed; give a date from 2000-01-01 to 2010-12-31 or null"),
         ("2011-01-01 00:00", "give a date from"), ("1.2.2005", "give a date from"), ("2005-02-30", "give a date")],
    ),
    "grade": (
        CATEGORY,
        {"type": "integer", "min": 1, "max": 6},
        [1, "6", 2.0],
        [(7, "7 is not allowed; give a number from 1 to 6"), ("x", "give a whole number"), (True, "whole number"),
         ("2.5", "give a whole number")],
    ),
    "size": (CATEGORY, {"min": 1}, ["3", 4], [("0.5", "give a number of at least 1"), ("tall", "of at least 1")]),
    "kind": (CATEGORY, {"allowed": ["red", 1], "pattern": "[a-z]+|1"}, ["red", 1, "1"], [("blue", "one of 1, red")]),
    "note": (TEXT, {"pattern": ".*[.!?]", "nullable": False}, ["Yes.", "No!"], [("Yes", "text of"), (None, "required"),
                                                                               (3, "give text, not int 3")]),
}  # fmt: skip
ALL = made({n: c[0] for n, c in COLUMNS.items()}, {n: Expectation(**c[1]) for n, c in COLUMNS.items()})
GOOD = {name: column[2][0] for name, column in COLUMNS.items()}


@pytest.mark.parametrize("name", COLUMNS)
def test_forms_of_values(name: str) -> None:
    validator = Validator(ALL)
    for value in COLUMNS[name][2]:
        assert validator.check({n: [value if n == name else good] for n, good in GOOD.items()}) == 1
    for value, told in COLUMNS[name][3]:
        for rows in (1, 9):
            columns = {n: [good] * rows for n, good in GOOD.items()}
            columns[name][-1] = value
            with pytest.raises(SignatureError, match=f"'{name}', row {rows}: .*{told}"):
                validator.check(columns)


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "note"])
def test_training_and_the_endpoint_refuse_the_same(name: str) -> None:
    """Each value as a column of its own type, as a file would have it."""
    kind, said, good, bad = COLUMNS[name]
    expect = {name: Expectation(**said)}
    validator = Validator(made({name: kind}, expect))
    for value, wrong in [*((value, False) for value in good), *((value, True) for value, _ in bad)]:
        if name == "grade" and value is True:
            continue  # a column of truths has no range, which is told before anything is read
        frame = pl.DataFrame({name: [value], ROW: [7]}, schema_overrides={ROW: pl.Int64})
        broken = Checker(expect).decide(Checker(expect).check(frame)).broken
        assert bool(broken) is wrong, value
        if wrong:
            with pytest.raises(SignatureError):
                validator.check({name: [value]})
            if not (kind is CATEGORY and said.get("type") == "text" and not isinstance(value, str)):
                with pytest.raises(SignatureError, match="row 8"):
                    validator.check_frame(frame)
        else:
            assert validator.check({name: [value]}) == 1
            validator.check_frame(frame)


def test_limits_of_dates_hold_for_frames_of_dates_and_are_told_in_words() -> None:
    expect = {"day": Expectation(min=dt.date(2024, 1, 2)), "at": Expectation(max=dt.datetime(2024, 1, 2, 12))}
    got = made({"day": CATEGORY, "at": CATEGORY}, expect)
    assert [column.dates for column in got.inputs] == [
        "a date not before 2024-01-02",
        "a date not after 2024-01-02 12:00:00",
    ]
    assert Signature.model_validate_json(got.model_dump_json()) == got
    validator = Validator(got)
    good = {"day": [dt.date(2024, 1, 2)], "at": [dt.datetime(2024, 1, 2, 12)]}
    zoned = pl.Series("at", [dt.datetime(2024, 1, 2, 12)], pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Tokyo")
    validator.check_frame(pl.DataFrame(good))
    validator.check_frame(pl.DataFrame(good).with_columns(zoned))
    for changed, told in (
        ({"day": dt.date(2024, 1, 1)}, "'day', row 1: .*give a date not before 2024-01-02"),
        ({"at": dt.datetime(2024, 1, 2, 12, 0, 1)}, "'at', row 1: .*give a date not after 2024-01-02 12:00:00"),
    ):
        with pytest.raises(SignatureError, match=told):
            validator.check_frame(pl.DataFrame(good).with_columns(pl.lit(v).alias(n) for n, v in changed.items()))
    with pytest.raises(SignatureError, match="5 is not allowed; give a date not before"):
        validator.check({"day": [5], "at": [None]})


def test_conditions_at_the_endpoint_are_those_of_training() -> None:
    rng = np.random.default_rng(3)
    n = 400
    frame = pl.DataFrame(
        {
            "low": pl.Series(rng.normal(size=n)).set(pl.Series(rng.random(n) < 0.1), None),
            "high": rng.normal(1, 1, n),
            "k": rng.integers(-3, 4, n),
            "town": rng.choice(["Ulm", "Bonn", ""], n),
            ROW: np.arange(n),
        }
    )
    texts = (
        "low <= high",
        "high / k < 3 or is_missing(low)",
        "not (town == 'Ulm' and k > 2)",
        "length(town) != 4 or k >= -2",
    )
    features = {"low": NUMBER, "high": NUMBER, "k": NUMBER, "town": CATEGORY}
    for text in texts:
        expect = {"*": Expectation(expressions=(text,), on="quarantine")}
        aside = Checker(expect).decide(Checker(expect).check(frame)).aside.tolist()
        assert 0 < len(aside) < n
        validator = Validator(made(features, expect))
        refused = []
        for row in frame.iter_rows(named=True):
            try:
                validator.check({name: [row[name]] for name in features})
            except SignatureError:
                refused.append(row[ROW])
        assert refused == aside
        validator.check_frame(frame.filter(~pl.col(ROW).is_in(aside)))
        validator.check({name: frame.filter(~pl.col(ROW).is_in(aside))[name].to_numpy() for name in features})
        with pytest.raises(SignatureError, match=f"row {aside[0] + 1}: "):
            validator.check_frame(frame)


def test_private_values_are_not_repeated() -> None:
    expect = {"a": Expectation(pattern="x", type="text"), "*": Expectation(expressions=("b < 5",))}
    validator = Validator(made({"a": CATEGORY, "b": NUMBER}, expect, private=["a", "b"]))
    for row in ({"a": ["s3cret"], "b": [1]}, {"a": ["x"], "b": [98765]}):
        for check in (lambda r=row: validator.check(r), lambda r=row: validator.check_frame(pl.DataFrame(r))):
            with pytest.raises(SignatureError) as told:
                check()
            assert "s3cret" not in str(told.value)
            assert "98765" not in str(told.value)


MEDIA = made(
    {"image": FeatureType.IMAGE, "sound": FeatureType.AUDIO, "steps": FeatureType.SEQUENCE},
    {"steps": Expectation(nullable=False)},
)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("image", 5, "'image', row 1: give the encoded file as base64 text or null, not int 5"),
        ("sound", [1], "'sound', row 1: give the encoded file as base64 text or null, not a list"),
        ("steps", "1,2", "'steps', row 1: give a list of numbers, not text"),
        ("steps", [1, "2"], "'steps', row 1: give a list of numbers, not a list"),
        ("steps", [True], "give a list of numbers"),
        ("steps", None, "'steps', row 1: a value is required"),
    ],
)
def test_images_sounds_and_sequences(column: str, value: Any, told: str) -> None:
    good: dict[str, list[Any]] = {"image": ["aGk="], "sound": [None], "steps": [[1.0, 2.5, None]]}
    validator = Validator(MEDIA)
    assert validator.check(good) == 1
    assert validator.check({**good, "image": [b"hi"], "steps": [np.array([1.0, math.nan])]}) == 1
    validator.check_frame(pl.DataFrame({**good, "image": [b"hi"], "sound": [None]}))
    with pytest.raises(SignatureError, match=told):
        validator.check({**good, column: [value]})
    with pytest.raises(SignatureError, match="column 'steps' must hold lists of numbers, not String"):
        validator.check_frame(pl.DataFrame({**good, "steps": ["x"]}))
