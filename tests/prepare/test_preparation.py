"""The fitted preparation as a whole: steps, layout, files, explanations, misuse."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from rayline.core import files
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError, PackageError, SpecError, UnknownNameError
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import merge, profile_frame
from rayline.spec.sections import Prepare

FRAME = pl.DataFrame(
    {
        ROW: range(8),
        "age": [20, 30, None, 50, 20, 30, 40, 50],
        "income": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1000.0],
        "job": ["cook", "judge", None, "cook", "cook", "judge", "poet", None],
        "zip": [1, 2, 1, 1, 2, 3, 1, 2],
    }
)
FEATURES = [
    Feature("job", FeatureType.CATEGORY),
    Feature("age", FeatureType.NUMBER),
    Feature("zip", FeatureType.CATEGORY),
    Feature("income", FeatureType.NUMBER),
]
RICH = {
    "numbers": {"impute": {"name": "median", "indicator": True}, "outliers": "quantile", "scale": "minmax"},
    "columns": {
        "income": {"impute": "none", "outliers": {"name": "quantile", "high": 0.9}},
        "zip": {"encode": "onehot"},
    },
}


def fitted(spec: dict[str, object] | None = None, frame: pl.DataFrame = FRAME) -> Preparation:
    return fit(Prepare.model_validate(spec or {}), FEATURES, profile_frame(frame, seed=0))


def steps(preparation: Preparation, column: str) -> dict[str, str]:
    [account] = [entry for entry in preparation.explain() if entry["column"] == column]
    return {step["step"]: step["name"] for step in account["steps"]}


def test_standard_scaling_agrees_with_scikit_learn() -> None:
    wine = load_wine()
    frame = pl.DataFrame(wine.data, schema=wine.feature_names).with_columns(pl.Series(ROW, range(178)))
    features = [Feature(name, FeatureType.NUMBER) for name in wine.feature_names]
    preparation = fit(Prepare(), features, profile_frame(frame, seed=0))
    expected = StandardScaler().fit_transform(wine.data)
    np.testing.assert_allclose(preparation.apply(frame).numbers, expected, rtol=1e-5, atol=1e-6)


def test_layout_follows_the_features_then_indicators_then_one_hot_columns() -> None:
    layout = fitted(RICH).layout
    assert layout.numbers == ("age", "income", "age=(missing)", "zip=1", "zip=2", "zip=3")
    assert layout.categories == ("job",)
    assert layout.sizes == (5,)


def test_ids_are_missing_unknown_then_by_falling_count() -> None:
    found = fitted().apply(
        FRAME.head(1)
        .select("age", "zip", "income")
        .join(pl.DataFrame({"job": ["cook", "judge", "poet", None, "?"]}), how="cross")
    )
    assert found.categories[:, 0].tolist() == [2, 3, 4, 0, 1]
    assert found.categories.dtype == np.int32


def test_steps_learn_from_what_the_steps_before_leave() -> None:
    spec = {
        "numbers": {
            "impute": {"name": "constant", "value": 200},
            "outliers": {"name": "quantile", "low": 0, "high": 0.5},
            "scale": "minmax",
        }
    }
    observed = [20, 30, 50, 20, 30, 40, 50]
    [account] = [entry for entry in fitted(spec).explain() if entry["column"] == "age"]
    learnt = {step["step"]: step["learnt"] for step in account["steps"]}
    assert learnt["impute"] == {"fill": 200.0}
    assert learnt["outliers"] == {"low": 20.0, "high": float(np.median(observed))}
    assert [step["step"] for step in account["steps"]] == ["outliers", "impute", "scale"]
    assert learnt["scale"] == {"offset": -20.0, "factor": 1 / (200.0 - 20)}
    income = fitted(spec).layout.numbers.index("income")
    rows = pl.DataFrame({"age": [None, 1000.0], "income": [1.0, 1.0], "job": ["cook"] * 2, "zip": [1, 1]})
    found = np.delete(fitted(spec).apply(rows).numbers, income, axis=1)[:, 0]
    assert found.tolist() == [1.0, np.float32((float(np.median(observed)) - 20) / 180)], "what is filled is not cut"


def test_a_column_s_own_steps_replace_its_type_s_and_the_others_stay() -> None:
    preparation = fitted(RICH)
    assert steps(preparation, "age") == {"impute": "median", "outliers": "quantile", "scale": "minmax"}
    assert steps(preparation, "income") == {"outliers": "quantile", "scale": "minmax"}
    assert steps(preparation, "zip") == {"encode": "onehot"}
    assert steps(preparation, "job") == {"encode": "ids"}
    assert preparation.required == ("income",)


def test_files_keep_every_bit_and_equal_preparations_are_equal_files(tmp_path: object) -> None:
    one, other = fitted(RICH), fitted(RICH)
    one.save(f"{tmp_path}/one")
    other.save(f"{tmp_path}/other")
    read = Preparation.load(f"{tmp_path}/one")
    assert read == one
    assert read.layout == one.layout
    assert read.features == tuple(FEATURES)
    assert read.explain() == one.explain()
    assert read.apply(FRAME).numbers.tobytes() == one.apply(FRAME).numbers.tobytes()
    for name in ("prepare.json", "prepare.safetensors"):
        with open(f"{tmp_path}/one/{name}", "rb") as a, open(f"{tmp_path}/other/{name}", "rb") as b:
            assert a.read() == b.read()


def test_files_of_the_format_before_cut_what_they_filled(tmp_path: Path) -> None:
    """There filled values went through the limits like observed ones, but for the action `missing`."""
    steps = {"name": "quantile", "low": 0, "high": 0.5}
    for action, cut in (("clip", 30.0), ("missing", 200.0)):
        age = {"impute": {"name": "constant", "value": 200}, "outliers": {**steps, "action": action}, "scale": "none"}
        fitted({"columns": {"age": age}}).save(tmp_path)
        row = pl.DataFrame(
            {"age": [None], "income": [1.0], "job": ["cook"], "zip": [1]}, schema_overrides={"age": float}
        )
        assert Preparation.load(tmp_path).apply(row).numbers[0, 0] == 200.0
        document = files.read_json(f"{tmp_path}/prepare.json")
        files.write_json(f"{tmp_path}/prepare.json", {**document, "format": 2})
        assert Preparation.load(tmp_path).apply(row).numbers[0, 0] == cut


@pytest.mark.parametrize(
    ("name", "content"), [("prepare.json", b"{}"), ("prepare.json", b"{"), ("prepare.safetensors", b"x")]
)
def test_files_that_do_not_belong_together_are_refused(tmp_path: object, name: str, content: bytes) -> None:
    fitted(RICH).save(f"{tmp_path}")
    with open(f"{tmp_path}/{name}", "wb") as handle:
        handle.write(content)
    with pytest.raises(PackageError, match="Train the model again"):
        Preparation.load(f"{tmp_path}")


def test_fitted_from_merged_profiles_is_nearly_fitted_from_the_whole() -> None:
    halves = merge([profile_frame(FRAME[:3], seed=0), profile_frame(FRAME[3:], seed=0)])
    found = fit(Prepare.model_validate(RICH), FEATURES, halves).apply(FRAME)
    np.testing.assert_allclose(found.numbers, fitted(RICH).apply(FRAME).numbers, rtol=1e-6)


def test_explanations_of_private_columns_hold_no_values() -> None:
    [job, age, *_] = fitted(RICH).explain(private=["job", "age"])
    assert job["steps"] == [{"step": "encode", "name": "ids", "learnt": {}}]
    assert all(step["learnt"] == {} for step in age["steps"])
    assert fitted(RICH).explain()[1]["steps"][1]["learnt"] == {"fill": 30.0}


def test_features_that_are_not_learnt_from_are_left_out() -> None:
    features = [*FEATURES, Feature("note", FeatureType.TEXT), Feature("key", FeatureType.ID)]
    found = fit(Prepare(), features, profile_frame(FRAME, seed=0))
    assert found.features == tuple(FEATURES)


def test_booleans_can_be_numbers() -> None:
    frame = pl.DataFrame({ROW: range(4), "x": [True, None, False, True]})
    preparation = fit(
        Prepare.model_validate({"numbers": {"impute": "mode"}}),
        [Feature("x", FeatureType.NUMBER)],
        profile_frame(frame, seed=0),
    )
    assert preparation.apply(frame).numbers[:, 0] == pytest.approx(
        StandardScaler().fit_transform([[1], [1], [0], [1]])[:, 0]
    )


def test_a_vocabulary_beyond_what_the_profile_counts_comes_from_its_sample() -> None:
    values = [f"value-{n}" for n in range(20_000)] + ["often"] * 100 + [None] * 5
    frame = pl.DataFrame({ROW: range(len(values)), "x": values})
    profile = profile_frame(frame, seed=0)
    assert profile.columns["x"].truncated
    preparation = fit(
        Prepare.model_validate({"categories": {"encode": {"name": "ids", "min_count": 2}}}),
        [Feature("x", FeatureType.CATEGORY)],
        profile,
    )
    assert preparation.apply(pl.DataFrame({"x": ["often", "value-1", None]})).categories[:, 0].tolist() == [2, 1, 0]


def test_a_value_so_rare_that_it_is_not_in_the_sample_is_still_learnt() -> None:
    rows = 100_000
    sampled = set(profile_frame(pl.DataFrame({ROW: range(rows)}), seed=0).sample[ROW].to_list())
    outside = min(set(range(rows)) - sampled)
    frame = pl.DataFrame({ROW: range(rows)}).with_columns(x=pl.when(pl.col(ROW) == outside).then(7.0))
    spec = Prepare.model_validate({"numbers": {"impute": "median", "outliers": "quantile"}})
    preparation = fit(spec, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))
    assert preparation.apply(frame).numbers.tolist() == [[0.0]] * rows


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (
            {"incme": {"scale": "none"}},
            UnknownNameError,
            "prepare.columns.incme.*Did you mean 'income'.*Features: job, age",
        ),
        (
            {"job": {"scale": "minmax"}},
            SpecError,
            r"prepare.columns.job.scale: a category column has no step 'scale'.*impute, encode",
        ),
        ({"age": {"encode": "onehot"}}, SpecError, "prepare.columns.age.encode: a number column has no step"),
        (
            {"job": {"encode": "none"}},
            SpecError,
            "prepare.columns.job.encode: a category column needs one of .*ids, onehot",
        ),
        (
            {"job": {"impute": "mean"}},
            SpecError,
            "prepare.columns.job.impute: mean fills number columns, and 'job' is a category",
        ),
        (
            {"age": {"impute": {"name": "constant", "value": "many"}}},
            SpecError,
            "number column 'age' must be a number, not 'many'",
        ),
        (
            {"job": {"impute": {"name": "constant", "value": ""}}},
            SpecError,
            "category column 'job' must be a text, not ''",
        ),
    ],
)
def test_steps_that_do_not_fit_are_refused(columns: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fitted({"columns": columns})


def test_a_type_s_step_that_cannot_fill_it_names_its_section() -> None:
    with pytest.raises(SpecError, match="prepare.categories.impute: median fills number columns"):
        fitted({"categories": {"impute": "median"}})


def test_text_declared_a_number_is_refused_with_advice() -> None:
    with pytest.raises(DataError, match="'job' is declared a number and holds text.*data.features.job: category"):
        fit(Prepare(), [Feature("job", FeatureType.NUMBER)], profile_frame(FRAME, seed=0))


def test_numbers_too_large_to_compute_with_are_refused() -> None:
    frame = pl.DataFrame({ROW: range(2), "x": [1e300, -1e300]})
    with pytest.raises(DataError, match="'x' holds numbers too large"):
        fit(Prepare(), [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))


def test_missing_values_without_an_imputer_are_refused_in_training_and_after() -> None:
    spec = {"numbers": {"impute": "none"}}
    with pytest.raises(DataError, match="'age' has 1 missing value in the training rows and no imputer"):
        fitted(spec)
    preparation = fitted(spec, FRAME.drop_nulls())
    assert preparation.required == ("age", "income")
    for use in (
        lambda: preparation.apply(FRAME),
        lambda: preparation.compile().columns(FRAME.to_dict(as_series=False)),
    ):
        with pytest.raises(DataError, match="'age' has missing values and no imputer"):
            use()


def test_an_absent_column_is_refused_by_both_forms() -> None:
    rest = FRAME.drop("income").rename({"age": "incomes"}).with_columns(age=1)
    preparation = fitted()
    for use in (lambda: preparation.apply(rest), lambda: preparation.compile().columns(rest.to_dict(as_series=False))):
        with pytest.raises(DataError, match="lacks the column 'income'.*Did you mean 'incomes'"):
            use()


@pytest.mark.parametrize(("kind", "step"), [("text", {"texts": "hashing"}), ("text", {"texts": "tokens"})])
def test_a_column_of_another_type_than_its_step_reads_is_named(kind: str, step: dict[str, str]) -> None:
    frame = pl.DataFrame({ROW: range(3), "t": [1, 2, 3]})
    with pytest.raises(DataError, match=r"column 't', which is to be text, holds int, .* set data.features.t"):
        fit(Prepare.model_validate(step), [Feature("t", FeatureType(kind))], profile_frame(frame, seed=0))


def test_two_inputs_of_one_name_are_refused() -> None:
    hot = Prepare.model_validate({"categories": {"encode": "onehot"}})
    frame = pl.DataFrame({ROW: range(4), "c=a": [1, 2, 3, 4], "c": ["a", "b", "(missing)", None]})
    features = [Feature("c=a", FeatureType.NUMBER), Feature("c", FeatureType.CATEGORY)]
    profile = profile_frame(frame, seed=0)
    with pytest.raises(DataError, match=r"would be called 'c=\(missing\)', one of them made of column 'c'"):
        fit(hot, features[1:], profile)
    without = profile_frame(frame.filter(pl.col("c").is_in(["a", "b"])), seed=0)
    with pytest.raises(DataError, match="would be called 'c=a', one of them made of column 'c'"):
        fit(hot, features, without)
    assert fit(hot, features[1:], without).layout.numbers == ("c=a", "c=b")


def test_a_private_column_of_numbers_too_large_tells_none_of_them() -> None:
    frame = pl.DataFrame({ROW: range(3), "x": [-1e200, 1e200, 3.0]})
    for private in ((), ("x",)):
        with pytest.raises(DataError, match="too large to compute with") as caught:
            fit(Prepare(), [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0, private=private))
        assert ("e+200" in str(caught.value)) == (not private)


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
@pytest.mark.filterwarnings("ignore:overflow")
def test_sequences_of_numbers_whose_squares_are_none(scale: str) -> None:
    """Scaled by the reciprocal of an infinite deviation, every value would be 0."""
    frame = pl.DataFrame({ROW: range(2), "s": [[1e308, -1e308], [1.0, 2.0]]})
    settings = Prepare.model_validate({"sequences": {"name": "window", "scale": scale}})
    features, profile = [Feature("s", FeatureType.SEQUENCE)], profile_frame(frame, seed=0)
    if scale == "none":
        assert fit(settings, features, profile).apply(frame).tensors[0][1].tolist() == [1.0, 2.0]
        return
    with pytest.raises(DataError, match="column 's', which is to be sequence, holds numbers too large to compute with"):
        fit(settings, features, profile)
