"""scikit-learn's bundled sets by name."""

from __future__ import annotations

import polars as pl
import pytest

from rayline.core.errors import SpecError
from rayline.sources.sklearn import SETS, Config
from rayline.spec.sections import as_source

EXPECTED = {
    "breast_cancer": (569, 31, {"benign", "malignant"}),
    "digits": (1797, 65, {str(n) for n in range(10)}),
    "iris": (150, 5, {"setosa", "versicolor", "virginica"}),
    "wine": (178, 14, {"class_0", "class_1", "class_2"}),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_classification_sets_have_class_names(name: str) -> None:
    source = as_source(f"sklearn:{name}").build()  # type: ignore[attr-defined]
    frame = pl.from_arrow(source.read(source.fragments()[0]))
    assert isinstance(frame, pl.DataFrame)
    rows, columns, classes = EXPECTED[name]
    assert frame.shape == (rows, columns + 1)
    assert set(frame["target"].to_list()) == classes


def test_the_regression_set_has_numbers() -> None:
    source = as_source("sklearn:diabetes").build()  # type: ignore[attr-defined]
    table = source.read(source.fragments()[0], ["target"])
    assert table.num_rows == 442
    assert table.column("target").to_pylist()[:2] == [151, 75]


def test_every_set_is_covered_here() -> None:
    assert set(SETS) == {*EXPECTED, "diabetes"}


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no set 'irris'\. Did you mean 'iris'\?"):
        Config.from_text("sklearn:irris")
