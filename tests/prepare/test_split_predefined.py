"""Splits that a column gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.prepare.split._parts import OUT, TEST, VALIDATION
from rayline.prepare.split.predefined import Config, PredefinedAssignment


def fit(data: pl.DataFrame, count: int = 1, /, **options: object) -> PredefinedAssignment:
    splitter = Config(column="part", **options).build()  # type: ignore[arg-type]
    return splitter.fit([splitter.index(data, ROW, "y")], count)


def frame(parts: list[object], **columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame({ROW: np.arange(len(parts)), "part": parts, **columns})


def test_the_usual_names_in_any_case() -> None:
    data = frame(["train", "Training", "val", "VALID", "dev", "validation", "test", "Testing "])
    assert fit(data).parts(data).tolist() == [0, 0, *[VALIDATION] * 4, TEST, TEST]


def test_values_are_mapped() -> None:
    data = frame([2021, 2022, 2023, 2024])
    options = {"parts": {2021: "out", 2022: "train", 2023: "validation", 2024: "test"}}
    assert fit(data, **options).parts(data).tolist() == [OUT, 0, VALIDATION, TEST]
    yes = frame([True, False])
    assert fit(yes, parts={True: "test", False: "train"}).parts(yes).tolist() == [TEST, 0]


@pytest.mark.parametrize("odd", ["holdout", None, "", "2"])
def test_a_value_that_is_no_part_is_refused_by_its_row(odd: str | None) -> None:
    with pytest.raises(DataError, match=r"names no part in 2 of 4 rows, the first in row 2\. Known: "):
        fit(frame(["train", odd, odd, "test"]))


def test_folds_follow_their_column() -> None:
    data = frame(["train"] * 6 + ["test"] * 2, nr=[1, 2, 10, 1, 2, 10, 7, 7])
    found = fit(data, 3, folds="nr")
    assert found.parts(data).tolist() == [0, 1, 2, 0, 1, 2, TEST, TEST]
    assert fit(data, folds="nr").parts(data).tolist() == [0] * 6 + [TEST] * 2
    with pytest.raises(SpecError, match="'nr' has 3 values in the training rows, .* Set tune.folds to 3"):
        fit(data, 5, folds="nr")
    splitter = Config(column="part", folds="nr").build()
    with pytest.raises(SpecError, match="tune.repeats"):
        splitter.fit([splitter.index(data, ROW, "y")], 3, repeat=1)


def test_a_missing_fold_is_refused() -> None:
    data = frame(["train"] * 4, nr=[1, 2, None, 1])
    with pytest.raises(DataError, match=r"'nr' is missing in 1 training row\."):
        fit(data, 2, folds="nr")
