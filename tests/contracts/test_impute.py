"""What every imputer must do, run on every imputer found."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError, SpecError
from rayline.core.prepared import MISSING_ID
from rayline.prepare.impute._joint import Filler, JointImputeConfig
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

IMPUTERS = catalog.names("impute")
FILLS = {name: catalog.config_class("impute", name).types for name in IMPUTERS}  # type: ignore[attr-defined]
DROPPING = [name for name in IMPUTERS if catalog.config_class("impute", name).drops_rows]  # type: ignore[attr-defined]
FILLING = [name for name in IMPUTERS if name not in DROPPING]
FOR_NUMBERS = [name for name in FILLING if FeatureType.NUMBER in FILLS[name]]
FOR_CATEGORIES = [name for name in FILLING if FeatureType.CATEGORY in FILLS[name]]
JOINT = [name for name in IMPUTERS if issubclass(catalog.config_class("impute", name), JointImputeConfig)]
NUMBERS: list[float | None] = [4.0, None, 1.0, 1.0, math.nan, 9.0, math.inf, 2.5]
TEXTS: list[str | None] = ["b", None, "a", "b", "c", None]


def prepared(column: pl.Series, impute: object, **other: object) -> Preparation:
    frame = pl.DataFrame({ROW: np.arange(len(column)), "x": column})
    number = column.dtype.is_numeric() or column.dtype == pl.Null
    kind, section = (FeatureType.NUMBER, "numbers") if number else (FeatureType.CATEGORY, "categories")
    defaults = {"scale": "none"} if number else {}
    spec = Prepare.model_validate({section: {"impute": impute, **defaults, **other}})
    return fit(spec, [Feature("x", kind)], profile_frame(frame, seed=0))


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_no_number_is_missing_afterwards_and_the_others_are_untouched(name: str) -> None:
    column = pl.Series("x", NUMBERS)
    found = prepared(column, name).apply(column.to_frame()).numbers[:, 0]
    present = np.isfinite(np.array(NUMBERS, dtype=np.float64))
    np.testing.assert_array_equal(found[present], np.array(NUMBERS, dtype=np.float32)[present])
    assert len(set(found[~present])) == 1
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", FOR_NUMBERS)
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1).filter(
        lambda v: any(x is not None for x in v)
    )
)
def test_scaling_after_filling_sees_the_filled_rows(name: str, values: list[float | None]) -> None:
    column = pl.Series("x", values, dtype=pl.Float64)
    found = prepared(column, name, scale="standard").apply(column.to_frame()).numbers[:, 0].astype(np.float64)
    spread = float(np.std(found))
    assert abs(float(np.mean(found))) < 1e-3
    assert spread == pytest.approx(1.0, abs=1e-3) or spread < 1e-6


@pytest.mark.parametrize("name", FOR_CATEGORIES)
def test_no_category_is_missing_afterwards_and_the_others_are_untouched(name: str) -> None:
    column = pl.Series("x", TEXTS)
    preparation = prepared(column, name)
    ids = preparation.apply(column.to_frame()).categories[:, 0]
    present = np.array([text is not None for text in TEXTS])
    assert not (ids == MISSING_ID).any()
    assert len(set(ids[present])) == 3
    assert len(set(ids[~present])) == 1


@pytest.mark.parametrize("name", FILLING)
def test_indicator_tells_where_a_value_was_missing(name: str) -> None:
    column = pl.Series("x", NUMBERS) if name in FOR_NUMBERS else pl.Series("x", TEXTS)
    preparation = prepared(column, {"name": name, "indicator": True})
    found = preparation.apply(column.to_frame())
    place = preparation.layout.numbers.index("x=(missing)")
    missing = [value is None or (isinstance(value, float) and not math.isfinite(value)) for value in column.to_list()]
    assert found.numbers[:, place].tolist() == [float(m) for m in missing]
    compiled = preparation.compile().columns({"x": column.to_list()})
    assert compiled.numbers.tobytes() == found.numbers.tobytes()


@pytest.mark.parametrize("name", FOR_NUMBERS)
def test_a_column_without_any_value_is_filled_or_refused_with_advice(name: str) -> None:
    column = pl.Series("x", [None, None], dtype=pl.Float64)
    refused = None
    try:
        found = prepared(column, name, scale="standard").apply(column.to_frame()).numbers
    except DataError as error:
        refused = str(error)
    if refused is None:
        assert np.isfinite(found).all()
    else:
        assert "'x' has no value in the training rows" in refused
        assert "data.features.x: drop" in refused


@pytest.mark.parametrize("name", FILLING)
def test_a_kind_of_column_it_cannot_fill_is_refused(name: str) -> None:
    for kind, column in ((FeatureType.NUMBER, pl.Series("x", NUMBERS)), (FeatureType.CATEGORY, pl.Series("x", TEXTS))):
        if kind in FILLS[name]:
            prepared(column, name)
        else:
            with pytest.raises(SpecError, match=f"{name} fills .* and 'x' is a {kind}"):
                prepared(column, name)


@pytest.mark.parametrize("name", DROPPING)
def test_one_that_drops_rows_fills_nothing_and_refuses_a_row_that_lacks_the_number(name: str) -> None:
    preparation = prepared(pl.Series("x", [1.0, 2.0, 4.0]), name)
    assert preparation.required == ("x",)
    assert preparation.apply(pl.DataFrame({"x": [2.0]})).numbers.tolist() == [[2.0]]
    for use in (
        lambda: preparation.apply(pl.DataFrame({"x": [None]})),
        lambda: preparation.compile().columns({"x": [None]}),
    ):
        with pytest.raises(DataError, match="'x' has missing values"):
            use()
    with pytest.raises(SpecError, match="nothing to indicate"):
        catalog.resolve("impute", {"name": name, "indicator": True})


SIZES = [1, 2, 3, 7, 64, 257]


def lacking(rows: int, seed: int = 0, columns: int = 5) -> np.ndarray:
    """Columns that go together, of different units, a fifth missing [F, n]; now and then a whole row."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(columns, 2)) @ rng.normal(size=(2, rows)) + 0.1 * rng.normal(size=(columns, rows))
    x = x * np.logspace(-3, 6, columns)[:, None] + np.linspace(-5, 1e4, columns)[:, None]
    x[rng.random(x.shape) < 0.2] = np.nan
    x[:, rng.random(rows) < 0.02] = np.nan
    return x


def joint(name: str, x: np.ndarray, seed: int = 0, **options: object) -> tuple[PluginConfig, Filler]:
    config = catalog.resolve("impute", {"name": name, **options})
    return config, config.learn(x, [f"c{n}" for n in range(len(x))], seed)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", JOINT)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), size=st.sampled_from(SIZES))
def test_a_row_is_filled_alike_alone_and_among_others_to_the_last_bit(name: str, seed: int, size: int) -> None:
    _, filler = joint(name, lacking(300))
    together = lacking(size, seed)
    known = np.isfinite(together)
    before = together.copy()
    alone = [np.ascontiguousarray(together[:, row : row + 1]) for row in range(size)]
    backwards = np.ascontiguousarray(together[:, ::-1])
    filler(together)
    filler(backwards)
    for row in alone:
        filler(row)
    assert np.isfinite(together).all()
    assert together[known].tobytes() == before[known].tobytes()
    assert np.concatenate(alone, axis=1).tobytes() == together.tobytes()
    assert np.ascontiguousarray(backwards[:, ::-1]).tobytes() == together.tobytes()


@pytest.mark.parametrize("name", JOINT)
def test_the_same_sample_and_seed_learn_the_same_and_arrays_keep_every_bit(name: str) -> None:
    config, one = joint(name, lacking(300))
    _, other = joint(name, lacking(300))
    restored = type(config).restore(one.arrays())  # type: ignore[attr-defined]
    rows = [lacking(100, seed=5) for _ in range(3)]
    for filler, x in zip((one, other, restored), rows, strict=True):
        filler(x)
    assert rows[0].tobytes() == rows[1].tobytes() == rows[2].tobytes()
    assert all(array.dtype == np.float64 for array in one.arrays().values())
    for key, array in one.arrays().items():
        assert restored.arrays()[key].tobytes() == array.tobytes() == other.arrays()[key].tobytes()


@pytest.mark.parametrize("name", JOINT)
def test_filled_from_the_other_columns_is_nearer_than_the_mean(name: str) -> None:
    whole = lacking(600)
    whole = whole[:, np.isfinite(whole).all(axis=0)]
    holed = whole.copy()
    holes = np.random.default_rng(1).random(whole.shape) < 0.1
    holed[holes] = np.nan
    _, filler = joint(name, holed)
    means = np.broadcast_to(np.nanmean(holed, axis=1)[:, None], holed.shape)
    filler(holed)
    scale = np.broadcast_to(whole.std(axis=1)[:, None], whole.shape)[holes]
    error, error_of_means = (np.square((x[holes] - whole[holes]) / scale).mean() for x in (holed, means))
    assert error < 0.4 * error_of_means


@pytest.mark.parametrize("name", JOINT)
@pytest.mark.parametrize(
    "x",
    [
        [[1.0, np.nan, 3.0]],
        [[2.0, 2.0, np.nan], [1.0, np.nan, 3.0]],
        [[1.0, np.nan], [np.nan, 2.0]],
        [[1.0], [2.0]],
        [[1e150, -1e150, np.nan], [1.0, np.nan, 1e-150]],
    ],
    ids=["one column", "constant", "no row with both", "one row", "far apart"],
)
def test_odd_samples_are_learnt_from_and_odd_rows_filled(name: str, x: list[list[float]]) -> None:
    _, filler = joint(name, np.array(x))
    rows = np.array([[np.nan, 1e308, -1e308, 0.0, np.nan]] * len(x))
    rows[:, 4] = np.nan
    rows[-1, 1:3] = np.nan if len(x) > 1 else rows[-1, 1:3]
    filler(rows)
    assert np.isfinite(rows).all()


@pytest.mark.parametrize("name", JOINT)
def test_a_column_without_any_value_is_refused_by_name(name: str) -> None:
    x = lacking(20)
    x[3] = np.nan
    with pytest.raises(DataError, match="'c3' has no value in the training rows"):
        joint(name, x)


@pytest.mark.parametrize("name", JOINT)
def test_both_forms_fill_a_table_alike_to_the_last_bit(name: str) -> None:
    x = lacking(400)
    columns = [f"c{n}" for n in range(len(x))]
    frame = pl.DataFrame(
        {ROW: np.arange(400), **{c: pl.Series(v).fill_nan(None) for c, v in zip(columns, x, strict=True)}}
    )
    spec = Prepare.model_validate({"numbers": {"impute": {"name": name, "indicator": True}}})
    preparation = fit(spec, [Feature(c, FeatureType.NUMBER) for c in columns], profile_frame(frame, seed=0))
    batch = preparation.apply(frame)
    assert np.isfinite(batch.numbers).all()
    compiled = preparation.compile()
    plain = frame.drop(ROW).to_dicts()
    for n in range(0, 400, 13):
        one = compiled.columns({c: [plain[n][c]] for c in columns})
        assert one.numbers.tobytes() == batch.numbers[n : n + 1].tobytes()


def test_equally_far_donors_share_the_places_there_are() -> None:
    _, filler = joint("knn", np.array([[0.0, 0.0, 0.0, 0.0, 9.0], [1.0, 2.0, 3.0, 4.0, 50.0]]), neighbours=2)
    row = np.array([[0.0], [np.nan]])
    filler(row)
    assert row[1, 0] == 2.5


def test_a_donor_that_is_the_row_itself_counts_alone_by_distance() -> None:
    x = np.array([[0.0, 1.0, 2.0], [10.0, 20.0, 60.0]])
    for weights, expected in (("distance", 20.0), ("uniform", 30.0)):
        _, filler = joint("knn", x, neighbours=3, weights=weights)
        row = np.array([[1.0], [np.nan]])
        filler(row)
        assert row[1, 0] == expected


def test_more_donors_than_a_package_should_hold_are_refused_with_advice() -> None:
    with pytest.raises(SpecError, match="Set donors: 8000 or less"):
        joint("knn", np.zeros((4000, 8192)))


def test_no_more_donors_than_declared_are_kept_and_iterative_stays_within_training() -> None:
    _, filler = joint("knn", lacking(500), donors=50)
    assert filler.arrays()["donors"].shape == (5, 50)
    x = lacking(500)
    low, high = np.nanmin(x, axis=1), np.nanmax(x, axis=1)
    _, filler = joint("iterative", x)
    far = np.full((5, 2), np.nan)
    far[0] = [1e9, -1e9]
    filler(far)
    assert (far[1:] >= low[1:, None]).all()
    assert (far[1:] <= high[1:, None]).all()


@pytest.mark.parametrize("name", JOINT)
def test_private_numbers_of_training_rows_are_in_no_package(name: str, tmp_path: object) -> None:
    x = lacking(200, columns=3)
    frame = pl.DataFrame(
        {ROW: np.arange(200), **{c: pl.Series(v).fill_nan(None) for c, v in zip("abc", x, strict=True)}}
    )
    spec = Prepare.model_validate({"numbers": {"impute": {"name": name, "indicator": True}}})
    features, profile = [Feature(c, FeatureType.NUMBER) for c in "abc"], profile_frame(frame, seed=0, private=("b",))
    preparation = fit(spec, features, profile)
    preparation.save(f"{tmp_path}")
    with open(f"{tmp_path}/prepare.safetensors", "rb") as handle:
        stored = handle.read()
    there = np.sort(x[1][np.isfinite(x[1])])
    inner = there[1:-1][there[1:-1] != np.median(there)]  # the ends may be limits, the middle a fill
    assert not any(np.float64(value).tobytes() in stored for value in inner)
    assert preparation.layout.numbers[3:] == ("a=(missing)", "b=(missing)", "c=(missing)")
    restored = Preparation.load(f"{tmp_path}")
    batch = preparation.apply(frame)
    assert np.isfinite(batch.numbers).all()
    assert restored.apply(frame).numbers.tobytes() == batch.numbers.tobytes()
    for n, row in enumerate(frame.drop(ROW).to_dicts()[:50]):
        one = restored.compile().columns({c: [value] for c, value in row.items()})
        assert one.numbers.tobytes() == batch.numbers[n : n + 1].tobytes()


KEEPING = [name for name in JOINT if catalog.config_class("impute", name).keeps_rows]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", KEEPING)
def test_what_keeps_rows_neither_reads_nor_fills_a_private_column_and_says_so(name: str) -> None:
    x = lacking(200, columns=3)
    frame = pl.DataFrame(
        {ROW: np.arange(200), **{c: pl.Series(v).fill_nan(None) for c, v in zip("abc", x, strict=True)}}
    )
    features, private = [Feature(c, FeatureType.NUMBER) for c in "abc"], profile_frame(frame, seed=0, private=("b",))
    spec = Prepare.model_validate({"numbers": {"impute": name, "scale": "none"}})
    found = fit(spec, features, private)
    without = fit(spec, [features[0], features[2]], profile_frame(frame, seed=0))
    median = fit(Prepare.model_validate({"numbers": {"scale": "none"}}), features, private)
    numbers = found.apply(frame).numbers
    assert numbers[:, [0, 2]].tobytes() == without.apply(frame).numbers.tobytes()
    assert numbers[:, 1].tobytes() == median.apply(frame).numbers[:, 1].tobytes()
    steps = {account["column"]: account["steps"] for account in found.explain(["b"])}
    assert steps["b"] == [
        {"step": "impute", "name": "median", "learnt": {"since it is private, in place of": name}},
    ]
    assert [steps[c][0]["name"] for c in "ac"] == [name, name]
    named = Prepare.model_validate({"columns": {"b": {"impute": name}}})
    with pytest.raises(SpecError, match=f"prepare.columns.b.impute: {name} keeps values .* median then takes its"):
        fit(named, features, private)
    named = Prepare.model_validate({"numbers": {"impute": name}, "columns": {"b": {"impute": "mean"}}})
    assert fit(named, features, private).explain()[1]["steps"][0]["name"] == "mean"


@pytest.mark.parametrize("name", JOINT)
def test_a_column_of_which_the_sample_has_no_value_is_refused_with_advice(name: str) -> None:
    rows = 100_000
    sampled = set(profile_frame(pl.DataFrame({ROW: range(rows)}), seed=0).sample[ROW].to_list())
    outside = min(set(range(rows)) - sampled)
    frame = pl.DataFrame({ROW: range(rows), "b": np.arange(rows) % 7}).with_columns(
        a=pl.when(pl.col(ROW) == outside).then(7.0)
    )
    spec = Prepare.model_validate({"numbers": {"impute": name}})
    with pytest.raises(DataError, match="'a' has no value in the training rows"):
        fit(spec, [Feature(c, FeatureType.NUMBER) for c in "ab"], profile_frame(frame, seed=0))
