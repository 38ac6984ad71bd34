"""The compiled form of a preparation equals the form for frames bit for bit."""

import math
import timeit

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import DataError
from rayline.core.prepared import Prepared
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

FEATURES = [
    Feature("n1", FeatureType.NUMBER),
    Feature("c1", FeatureType.CATEGORY),
    Feature("n2", FeatureType.NUMBER),
    Feature("c2", FeatureType.CATEGORY),
]
NUMBERS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.floats(-1e3, 1e3),
    st.booleans(),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, "39", " 2.5 ", "1e5", "", "inf", "nan", "-0"]),
)
CATEGORIES = st.one_of(
    st.none(),
    st.sampled_from(["a", "b", " a ", "c", "", "True", "false", "1", "1.0", "2.5", "never"]),
    st.sampled_from([0, 1, 2, 1.0, 2.5, -0.0, 1e20, math.nan, math.inf, True, False]),
    st.text(max_size=3),
    st.integers(-5, 5),
    st.floats(),
)
NUMBER_STEPS = st.fixed_dictionaries(
    {
        "impute": st.sampled_from([n for n in catalog.names("impute") if n != "drop"]),
        "outliers": st.sampled_from(["none", *catalog.names("outliers")]),
        "scale": st.sampled_from(["none", *catalog.names("scale")]),
    }
)
SPECS = st.fixed_dictionaries(
    {
        "numbers": NUMBER_STEPS,
        "categories": st.fixed_dictionaries(
            {
                "impute": st.sampled_from(
                    ["none", "mode", "constant", {"name": "constant", "value": 1, "indicator": True}]
                ),
                "encode": st.sampled_from([*catalog.names("encode"), {"name": "ids", "max_size": 2}]),
            }
        ),
        "columns": st.fixed_dictionaries(
            {"n2": st.just({"impute": {"name": "median", "indicator": True}}), "c2": st.just({"encode": "onehot"})}
        ),
    }
)
TRAINING = pl.DataFrame(
    {
        ROW: range(6),
        "n1": [1.5, None, -3.0, 250.0, 0.0, 1e-3],
        "n2": [3, 1, None, 1, 0, 0],
        "c1": ["a", "b", None, "a", "True", "1"],
        "c2": [1, 2, None, 1, 3, 2],
        "y": [0.5, 1.5, -1.0, 3.0, 2.0, 0.0],
    }
)


def fitted(spec: dict[str, object]) -> Preparation:
    return fit(Prepare.model_validate(spec), FEATURES, profile_frame(TRAINING, seed=0), Target("y", Task.REGRESSION))


def assert_equal(one: Prepared, other: Prepared) -> None:
    assert len(one.tensors) == len(other.tensors)
    for a, b in zip((*one[:2], *one.tensors), (*other[:2], *other.tensors), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


@settings(max_examples=150, deadline=None)
@given(spec=SPECS, rows=st.lists(st.tuples(NUMBERS, CATEGORIES, NUMBERS, CATEGORIES), max_size=6))
def test_any_request_equals_its_frames(spec: dict[str, object], rows: list[tuple[object, ...]]) -> None:
    """Values of a request may be of any type; a frame has one type a column, hence one frame a row."""
    preparation = fitted(spec)
    compiled = preparation.compile()
    names = [feature.name for feature in FEATURES]
    together = compiled.columns({name: [row[n] for row in rows] for n, name in enumerate(names)})
    frames = [pl.DataFrame({name: [value] for name, value in zip(names, row, strict=True)}) for row in rows]
    singles = [preparation.apply(frame) for frame in frames]
    assert np.isfinite(together.numbers).all()
    assert together.numbers.dtype == np.float32
    assert together.categories.dtype == np.int32
    for n, (single, row) in enumerate(zip(singles, rows, strict=True)):
        assert_equal(single, Prepared(together.numbers[n : n + 1], together.categories[n : n + 1]))
        assert_equal(single, compiled.columns({name: [value] for name, value in zip(names, row, strict=True)}))


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 20_000])
def test_numbers_of_rows(rows: int) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "n1": rng.normal(size=rows),
            "n2": rng.integers(0, 5, rows),
            "c1": rng.choice(["a", "b", "new"], rows),
            "c2": rng.integers(0, 5, rows),
        }
    )
    preparation = fitted({"numbers": {"outliers": "quantile"}, "columns": {"c2": {"encode": "onehot"}}})
    expected = preparation.apply(frame)
    assert_equal(preparation.compile().columns(frame.to_dict(as_series=False)), expected)
    arrays = {name: frame[name].to_numpy() for name in frame.columns}
    assert_equal(preparation.compile().columns(arrays), expected)
    assert_equal(preparation.apply(frame), preparation.apply(frame.rechunk()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64, np.uint64, np.bool_, object])
def test_arrays_of_any_type(dtype: type) -> None:
    values = np.array([0, 1, 1, 0]).astype(dtype)
    preparation = fitted({})
    columns = {"n1": values, "n2": values, "c1": values, "c2": values}
    series = {name: pl.Series(values.tolist() if dtype is object else values) for name in columns}
    assert_equal(preparation.compile().columns(columns), preparation.apply(pl.DataFrame(series)))


def test_float32_arrays_meet_the_texts_of_float64_training() -> None:
    frame = pl.DataFrame({ROW: range(3), "x": [0.1, 0.3, 0.1]})
    preparation = fit(Prepare(), [Feature("x", FeatureType.CATEGORY)], profile_frame(frame, seed=0))
    found = preparation.compile().columns({"x": np.array([0.1, 0.3, 0.2], dtype=np.float32)})
    assert found.categories[:, 0].tolist() == [2, 3, 1]


def test_only_categories_and_only_numbers() -> None:
    for features in (FEATURES[:1], FEATURES[1:2]):
        preparation = fit(Prepare(), features, profile_frame(TRAINING, seed=0))
        columns = TRAINING.to_dict(as_series=False)
        assert_equal(preparation.compile().columns(columns), preparation.apply(TRAINING))


def test_integers_beyond_any_float_are_missing() -> None:
    compiled = fitted({}).compile()
    rest = {"n2": [1, 1], "c1": ["a", "a"], "c2": [1, 1]}
    found = compiled.columns({"n1": [10**400, -(10**400)], **rest})
    assert_equal(found, compiled.columns({"n1": [None, None], **rest}))


def test_one_row_of_fourteen_columns_takes_less_than_60_microseconds() -> None:
    training = pl.DataFrame(
        {ROW: range(50), **{f"n{i}": range(50) for i in range(6)}, **{f"c{i}": ["a", "b"] * 25 for i in range(8)}}
    )
    features = [Feature(n, FeatureType.NUMBER if n[0] == "n" else FeatureType.CATEGORY) for n in training.columns[1:]]
    compiled = fit(Prepare(), features, profile_frame(training, seed=0)).compile()
    row = {feature.name: training[feature.name][:1].to_list() for feature in features}
    fastest = min(timeit.repeat(lambda: compiled.columns(row), number=200, repeat=20)) / 200
    assert fastest < 60e-6


@pytest.mark.parametrize("short", ["n2", "c2"])
def test_columns_of_different_lengths_are_refused(short: str) -> None:
    columns = {"n1": [1, 2], "n2": [1, 2], "c1": ["a", "b"], "c2": [1, 2], short: [1]}
    with pytest.raises(DataError, match=f"'{short}' has 1 value "):
        fitted({}).compile().columns(columns)


@pytest.mark.parametrize(("column", "value"), [("n1", "many"), ("n1", [1]), ("n1", {}), ("c1", [1]), ("c1", {"a": 1})])
def test_values_of_a_wrong_kind_are_refused_by_column(column: str, value: object) -> None:
    columns = {"n1": [1], "n2": [1], "c1": ["a"], "c2": [1], column: [value]}
    with pytest.raises(DataError, match=f"column '{column}'"):
        fitted({}).compile().columns(columns)
