"""Targets as numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import Target, Task
from rayline.core.errors import DataError
from rayline.pipeline.collect import collect
from rayline.prepare.target import encode
from rayline.sources.scan import scan
from rayline.spec import load

BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
MULTI = Target("y", Task.MULTICLASS, ("1", "2", "3"))
REGRESSION = Target("y", Task.REGRESSION)


def test_binary_is_one_for_the_positive_class() -> None:
    found = encode(pl.Series("y", ["yes", "no", "yes"]), BINARY)
    assert found.dtype == np.float32
    assert found.tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("classes", [("false", "true"), ("False", "True")])
def test_binary_of_booleans(classes: tuple[str, str]) -> None:
    target = Target("y", Task.BINARY, classes, classes[1])
    assert encode(pl.Series("y", [True, False]), target).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("values", [[3, 1, 2], [3.0, 1.0, 2.0], ["3", "1", "2"]])
def test_multiclass_is_the_place_among_the_classes(values: list[object]) -> None:
    found = encode(pl.Series("y", values), MULTI)
    assert found.dtype == np.int64
    assert found.tolist() == [2, 0, 1]


def test_regression_is_the_value() -> None:
    found = encode(pl.Series("y", [1, 2, 3]), REGRESSION)
    assert found.dtype == np.float32
    assert found.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("target", [MULTI, REGRESSION])
def test_missing_targets_are_refused_with_their_count(target: Target) -> None:
    with pytest.raises(DataError, match="'y' is missing in 2 rows"):
        encode(pl.Series("y", [1.0, None, float("nan"), 2.0]), target)


def test_an_unknown_class_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="'yess'.*Did you mean 'yes'.*Classes: no, yes"):
        encode(pl.Series("y", ["yes", "yess"]), BINARY)


def test_of_a_private_target_neither_value_nor_class_is_told() -> None:
    with pytest.raises(DataError, match="'y' has in 3 rows a value that is no class") as told:
        encode(pl.Series("y", ["yes", "yess", "nope", "yess"]), replace(BINARY, private=True))
    assert not any(text in str(told.value) for text in ("yes", "nope", "no,"))
    with pytest.raises(DataError, match="'y' must hold numbers") as told:
        encode(pl.Series("y", ["1", "many"]), replace(REGRESSION, private=True))
    assert "many" not in str(told.value)


def test_a_private_target_is_known_as_one_where_data_is_collected(tmp_path: Path) -> None:
    pl.DataFrame({"x": range(60), "y": ["a", "b"] * 30}).write_csv(tmp_path / "data.csv")
    data = {"source": str(tmp_path / "data.csv"), "target": "y", "features": {"x": "number"}}
    for private in ([], ["y"]):
        assert collect(load({"name": "t", "data": data | {"private": private}}), scan).target.private == bool(private)
