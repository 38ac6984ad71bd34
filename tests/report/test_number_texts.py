"""Of numbers written as text either the cast or the id is advised, never both."""

from __future__ import annotations

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.profile.profile import profile_frame
from rayline.report.alerts import Alert, alerts
from rayline.report.number_texts import is_key, number_texts, said


def told(name: str, texts: list[str]) -> list[Alert]:
    return alerts(profile_frame(pl.DataFrame({ROW: np.arange(len(texts)), name: texts}), seed=0))


def test_of_numbers_with_a_stray_word_the_cast_is_told_and_no_id() -> None:
    texts = [f"{value:.5f}" for value in np.random.default_rng(0).normal(size=500)]
    texts[300] = "oops"
    [alert] = told("a", texts)
    assert alert.tag == "numbers as text"
    assert alert.line == "prepare.clean: {name: cast, columns: [a], to: number, unparsable: missing}"
    assert alert.text == said("a", 499 / 500)


def test_digits_that_name_the_rows_are_told_as_an_id_alone() -> None:
    digits = [str(number) for number in np.random.default_rng(0).permutation(9000)[:500]]
    assert [alert.tag for alert in told("customer_id", digits)] == ["id-like"]
    assert [alert.tag for alert in told("account", [text.zfill(8) for text in digits])] == ["id-like"]
    assert [alert.tag for alert in told("length", digits)] == ["numbers as text"]


def test_digits_that_name_rows_are_no_quantities() -> None:
    digits = pl.Series([f"{number}" for number in range(1000, 1200)])
    assert is_key("customer_id", digits)
    assert is_key("account", digits.str.zfill(8))
    assert not is_key("account", digits)
    assert number_texts("a", digits, np.ones(200, np.int64)) is not None
    assert number_texts("a", digits + "x", np.ones(200, np.int64)) is None
    assert number_texts("a", digits.head(0), np.ones(0, np.int64)) is None
