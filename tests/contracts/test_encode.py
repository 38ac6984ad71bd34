"""What every encoder must do, run on every encoder found."""

import itertools
import json

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import DataError, SpecError
from rayline.prepare.encode._encoder import VocabularyConfig
from rayline.prepare.fitted import digest
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

ENCODERS = catalog.names("encode")
every = pytest.mark.parametrize("name", ENCODERS)
KNOWING = [n for n in ENCODERS if issubclass(catalog.config_class("encode", n), VocabularyConfig)]
knowing = pytest.mark.parametrize("name", KNOWING)
ALIKE_BY_NATURE = {"frequency", "target", "hash"}
"""Values of one frequency, of one mean target or of one bucket are alike to a model: that is their point."""
telling_apart = pytest.mark.parametrize("name", [n for n in ENCODERS if n not in ALIKE_BY_NATURE])
TEXTS: list[str | None] = ["b", None, "a", "b", "c", "b", "a", None]


def prepared(name: str, values: list[object], target: list[float] | None = None, **options: object) -> Preparation:
    y = target or [float(value == values[0]) for value in values]
    frame = pl.DataFrame({ROW: np.arange(len(values)), "x": values, "y": y})
    spec = Prepare.model_validate({"categories": {"encode": {"name": name, **options}}})
    goal = Target("y", Task.REGRESSION)
    return fit(spec, [Feature("x", FeatureType.CATEGORY)], profile_frame(frame, seed=0), goal)


def codes(preparation: Preparation, values: list[object]) -> list[bytes]:
    """What the model sees of each value: all its numbers and ids."""
    found = preparation.apply(pl.DataFrame({"x": pl.Series(values, strict=False)}))
    return [n.tobytes() + c.tobytes() for n, c in zip(found.numbers, found.categories, strict=True)]


@telling_apart
def test_every_known_value_missing_and_unknown_differ(name: str) -> None:
    found = codes(prepared(name, TEXTS), ["a", "b", "c", None, "never seen"])
    assert all(one != other for one, other in itertools.combinations(found, 2))


@every
def test_all_unknown_values_are_alike_and_all_missing_ones(name: str) -> None:
    found = codes(prepared(name, TEXTS), ["x", "y", None, "", " "])
    assert found[0] == found[1] or name not in KNOWING
    assert found[2] == found[3] == found[4]


@every
def test_the_layout_tells_the_width(name: str) -> None:
    preparation = prepared(name, TEXTS)
    found = preparation.apply(pl.DataFrame({"x": TEXTS}))
    layout = preparation.layout
    assert found.numbers.shape == (len(TEXTS), len(layout.numbers))
    assert found.categories.shape == (len(TEXTS), len(layout.categories))
    assert len(layout.sizes) == len(layout.categories)
    assert all(column.max() < size for column, size in zip(found.categories.T, layout.sizes, strict=True))


@knowing
def test_max_size_keeps_the_most_frequent(name: str) -> None:
    a, b, c, unknown = codes(prepared(name, TEXTS, max_size=1), ["a", "b", "c", "x"])
    assert b not in (a, c, unknown)
    assert a == c == unknown


@telling_apart
def test_of_equally_frequent_values_the_first_in_order_is_kept(name: str) -> None:
    for values in (["b", "a"], ["a", "b"]):
        a, b, unknown = codes(prepared(name, values, max_size=1), ["a", "b", "x"])
        assert a != unknown
        assert b == unknown


@telling_apart
def test_min_count_makes_rare_values_unknown(name: str) -> None:
    a, b, c, unknown = codes(prepared(name, TEXTS, min_count=2), ["a", "b", "c", "x"])
    assert len({a, b, unknown}) == 3
    assert c == unknown


@every
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


@every
def test_a_column_without_any_value_gives_something_finite(name: str) -> None:
    preparation = prepared(name, [None, None])
    assert len(codes(preparation, [None, "x"])) == 2
    assert np.isfinite(preparation.apply(pl.DataFrame({"x": [None, "x"]})).numbers).all()


@every
def test_both_forms_are_equal_bit_for_bit(name: str) -> None:
    preparation = prepared(name, TEXTS)
    values = [*TEXTS, "never seen", "", " a", "A"]
    batch, compiled = preparation.apply(pl.DataFrame({"x": values})), preparation.compile().columns({"x": values})
    assert compiled.numbers.tobytes() == batch.numbers.tobytes()
    assert compiled.categories.tobytes() == batch.categories.tobytes()


@every
def test_the_same_rows_in_another_order_learn_the_same(name: str) -> None:
    values = TEXTS * 20
    rng = np.random.default_rng(0)
    y = rng.normal(size=len(values))
    frame = pl.DataFrame({ROW: np.arange(len(values)), "x": values, "y": y})
    spec = Prepare.model_validate({"categories": {"encode": name}})
    features, goal = [Feature("x", FeatureType.CATEGORY)], Target("y", Task.REGRESSION)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    one, other = (fit(spec, features, profile_frame(f, seed=0), goal).apply(frame) for f in (frame, shuffled))
    assert one.numbers.tobytes() == other.numbers.tobytes()
    assert one.categories.tobytes() == other.categories.tobytes()


@every
def test_files_keep_every_bit(name: str, tmp_path: object) -> None:
    preparation = prepared(name, TEXTS)
    preparation.save(f"{tmp_path}/one")
    asked: list[object] = ["a", "b", "c", None, "new"]
    assert codes(Preparation.load(f"{tmp_path}/one"), asked) == codes(preparation, asked)


@every
def test_numbers_are_finite_and_of_moderate_size(name: str) -> None:
    values = [f"v{n % 40}" for n in range(400)]
    found = prepared(name, values, target=(1e6 * np.random.default_rng(0).normal(size=400)).tolist())
    numbers = found.apply(pl.DataFrame({"x": [*values, None, "new"]})).numbers
    assert np.isfinite(numbers).all()
    assert numbers.size == 0 or np.abs(numbers).max() <= 20


def numbers_of(preparation: Preparation, values: list[object]) -> list[float]:
    return preparation.apply(pl.DataFrame({"x": pl.Series(values, strict=False)})).numbers[:, 0].tolist()


def test_ordinal_follows_the_declared_order() -> None:
    order = ["small", "medium", "large"]
    preparation = prepared("ordinal", ["large", "small", "tiny"], order=order)
    assert numbers_of(preparation, ["small", "medium", "large", None, "tiny"]) == [0.0, 0.5, 1.0, -1.0, -2.0]
    plain = prepared("ordinal", ["9", "10", "x9"], order=[9, 10], unit=False, missing=-5.0)
    assert numbers_of(plain, [9, "10", None, "x9"]) == [0.0, 1.0, -5.0, -2.0]
    assert numbers_of(prepared("ordinal", ["10", "9", "100"], unit=False), ["9", "10", "100"]) == [0.0, 1.0, 2.0]
    with pytest.raises(SpecError, match="must be there once"):
        catalog.resolve("encode", {"name": "ordinal", "order": ["a", "a"]})


def test_frequency_is_the_share_of_training_rows() -> None:
    preparation = prepared("frequency", TEXTS)
    assert numbers_of(preparation, ["b", "a", "c", None, "new"]) == [3 / 8, 2 / 8, 1 / 8, 2 / 8, 0.0]
    logs = numbers_of(prepared("frequency", TEXTS, measure="log"), ["b", "new"])
    assert logs == [np.float32(np.log(4.0)), 0.0]


def test_hash_needs_no_vocabulary_and_keeps_its_buckets() -> None:
    few, other = prepared("hash", TEXTS, buckets=8), prepared("hash", ["z"], buckets=8)
    asked: list[object] = [f"user-{n}" for n in range(500)]
    assert codes(few, asked) == codes(other, asked)
    ids = few.apply(pl.DataFrame({"x": asked})).categories[:, 0]
    assert set(ids.tolist()) == set(range(2, 10))
    assert np.bincount(ids, minlength=10)[2:].min() > 30
    assert codes(prepared("hash", TEXTS, buckets=8, seed=1), asked) != codes(few, asked)
    one_hot = prepared("hash", TEXTS, buckets=8, form="one_hot")
    numbers = one_hot.apply(pl.DataFrame({"x": [*asked, None]})).numbers
    assert numbers.shape == (501, 8)
    assert numbers.sum(axis=1).tolist() == [1.0] * 500 + [0.0]
    assert (np.argmax(numbers[:500], axis=1) == ids - 2).all()


def test_no_training_row_sees_its_own_target() -> None:
    """Every row has a value of its own: within its fold nothing is known of it, so all rows of a fold are alike."""
    rows = 500
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({ROW: np.arange(rows), "x": [f"v{n}" for n in range(rows)], "y": rng.normal(size=rows)})
    spec = Prepare.model_validate({"categories": {"encode": {"name": "target", "standardise": False}}})
    preparation = fit(
        spec, [Feature("x", FeatureType.CATEGORY)], profile_frame(frame, seed=0), Target("y", Task.REGRESSION)
    )
    seen = preparation.apply(frame, training=True).numbers[:, 0].astype(np.float64)
    answered = preparation.apply(frame).numbers[:, 0].astype(np.float64)
    y = frame["y"].to_numpy()
    np.testing.assert_allclose(answered, y, atol=1e-6)
    assert len(set(seen.tolist())) == 5
    means = {float(np.float32(y[seen != value].mean())) for value in set(seen.tolist())}
    np.testing.assert_allclose(sorted(set(seen.tolist())), sorted(means), atol=1e-6)


def test_target_encoding_without_a_target_is_refused() -> None:
    frame = pl.DataFrame({ROW: [0, 1], "x": ["a", "b"]})
    spec = Prepare.model_validate({"categories": {"encode": "target"}})
    with pytest.raises(DataError, match="column 'x': 'target' learns from the target, and none is given"):
        fit(spec, [Feature("x", FeatureType.CATEGORY)], profile_frame(frame, seed=0))


def test_ordinal_numbers_stay_in_order_beside_the_text_nan() -> None:
    names = ["2", "nan", "1", "10"]
    assert numbers_of(prepared("ordinal", names, unit=False), ["1", "2", "10", "nan"]) == [0.0, 1.0, 2.0, 3.0]


def test_half_a_character_is_a_text_like_any_other() -> None:
    """JSON can write it, and Python's texts can hold it."""
    half = json.loads('"\\ud83d"')
    row = prepared("hash", ["a", "b"], buckets=8).compile().columns({"x": [half]})
    assert row.categories.shape == (1, 1)
    assert len({digest(text, "key") for text in (half, "?", "")}) == 3
