"""What every encoder must do, run on every encoder found."""

import itertools

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

pytestmark = pytest.mark.parametrize("name", catalog.names("encode"))
TEXTS: list[str | None] = ["b", None, "a", "b", "c", "b", "a", None]


def prepared(name: str, values: list[object], **options: object) -> Preparation:
    frame = pl.DataFrame({ROW: np.arange(len(values)), "x": values})
    spec = Prepare.model_validate({"categories": {"encode": {"name": name, **options}}})
    return fit(spec, [Feature("x", FeatureType.CATEGORY)], profile_frame(frame, seed=0))


def codes(preparation: Preparation, values: list[object]) -> list[bytes]:
    """What the model sees of each value: all its numbers and ids."""
    found = preparation.apply(pl.DataFrame({"x": pl.Series(values, strict=False)}))
    return [n.tobytes() + c.tobytes() for n, c in zip(found.numbers, found.categories, strict=True)]


def test_every_known_value_missing_and_unknown_differ(name: str) -> None:
    found = codes(prepared(name, TEXTS), ["a", "b", "c", None, "never seen"])
    assert all(one != other for one, other in itertools.combinations(found, 2))


def test_all_unknown_values_are_alike_and_all_missing_ones(name: str) -> None:
    found = codes(prepared(name, TEXTS), ["x", "y", None, "", " "])
    assert found[0] == found[1]
    assert found[2] == found[3] == found[4]


def test_the_layout_tells_the_width(name: str) -> None:
    preparation = prepared(name, TEXTS)
    found = preparation.apply(pl.DataFrame({"x": TEXTS}))
    layout = preparation.layout
    assert found.numbers.shape == (len(TEXTS), len(layout.numbers))
    assert found.categories.shape == (len(TEXTS), len(layout.categories))
    assert len(layout.sizes) == len(layout.categories)
    assert all(column.max() < size for column, size in zip(found.categories.T, layout.sizes, strict=True))


def test_max_size_keeps_the_most_frequent(name: str) -> None:
    a, b, c, unknown = codes(prepared(name, TEXTS, max_size=1), ["a", "b", "c", "x"])
    assert b not in (a, c, unknown)
    assert a == c == unknown


def test_of_equally_frequent_values_the_first_in_order_is_kept(name: str) -> None:
    for values in (["b", "a"], ["a", "b"]):
        a, b, unknown = codes(prepared(name, values, max_size=1), ["a", "b", "x"])
        assert a != unknown
        assert b == unknown


def test_min_count_makes_rare_values_unknown(name: str) -> None:
    a, b, c, unknown = codes(prepared(name, TEXTS, min_count=2), ["a", "b", "c", "x"])
    assert len({a, b, unknown}) == 3
    assert c == unknown


@pytest.mark.parametrize(
    ("trained", "asked"),
    [
        ([1, 2, 1], [1, 1.0, "1"]),
        ([1.0, 2.5], [2.5, "2.5"]),
        ([True, False], [True, "true", "True"]),
        (["7", "8"], [7, 7.0, "7"]),
    ],
    ids=["int", "float", "bool", "text"],
)
def test_a_value_is_known_by_its_text_whatever_its_type(name: str, trained: list[object], asked: list[object]) -> None:
    preparation = prepared(name, trained)
    compiled = preparation.compile()
    found = [codes(preparation, [value])[0] for value in asked]
    [unknown] = codes(preparation, ["never seen"])
    assert len(set(found)) == 1
    assert found[0] != unknown
    for value, code in zip(asked, found, strict=True):
        one = compiled.columns({"x": [value]})
        assert one.numbers.tobytes() + one.categories.tobytes() == code


def test_a_column_without_any_value_gives_something_finite(name: str) -> None:
    preparation = prepared(name, [None, None])
    assert len(codes(preparation, [None, "x"])) == 2


def test_both_forms_are_equal_bit_for_bit(name: str) -> None:
    preparation = prepared(name, TEXTS)
    values = [*TEXTS, "never seen", "", " a", "A"]
    batch, compiled = preparation.apply(pl.DataFrame({"x": values})), preparation.compile().columns({"x": values})
    assert compiled.numbers.tobytes() == batch.numbers.tobytes()
    assert compiled.categories.tobytes() == batch.categories.tobytes()
