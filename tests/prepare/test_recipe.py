"""What is done to every row by itself: the same for fragments, batches and one request at a time."""

from __future__ import annotations

import datetime as dt
import pickle
import random
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import DataError, SpecError
from rayline.prepare.clean._cleaner import RefusedError
from rayline.prepare.preparation import Preparation, fit
from rayline.prepare.recipe import Recipe
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

RAW = pl.Schema(
    {"age": pl.String(), "day": pl.String(), "debt": pl.Float64(), "income": pl.Int64(), "city": pl.String()}
)
PREPARE: dict[str, Any] = {
    "clean": [
        {"name": "missing", "columns": ["age", "city"], "values": ["?"]},
        {"name": "cast", "columns": ["age"], "to": "number"},
        {"name": "text", "columns": ["city"]},
        {"name": "cast", "columns": ["day"], "to": "date"},
        {"name": "dates", "columns": ["day"], "parts": ["month", "weekday"]},
    ],
    "derive": {"ratio": "debt / income", "rich": "income > 50", "score": "ratio * 2 + age"},
}


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    random_ = random.Random(seed)
    pick = random_.choice
    return pl.DataFrame(
        {
            "age": [pick(["31", "7", " 44 ", "?", None, "62.5"]) for _ in range(n)],
            "day": [pick(["2024-02-29", "2023-12-31", None]) for _ in range(n)],
            "debt": [pick([None, 0.0, random_.gauss(10, 50), 1e9]) for _ in range(n)],
            "income": [pick([None, 0, 40, random_.randrange(100)]) for _ in range(n)],
            "city": [pick(["Oslo", " oslo", "ÉVORA", "?", "Rome", None, f"x{random_.randrange(9)}"]) for _ in range(n)],
            ROW: list(range(n)),
            "y": [random_.gauss(0, 1) for _ in range(n)],
        },
        schema={**RAW, ROW: pl.Int64(), "y": pl.Float64()},
    )


def recipe(**changes: Any) -> Recipe:
    return Recipe(Prepare.model_validate({**PREPARE, **changes}), RAW)


def test_columns_are_made_in_order_and_missing_stays_missing() -> None:
    frame = pl.DataFrame(
        {
            "age": ["30", "?"],
            "day": ["2024-02-29", None],
            "debt": [5.0, 1.0],
            "income": [10, 0],
            "city": [" OSLO ", "?"],
        }
    )
    clean = recipe().apply(frame)
    assert clean["age"].to_list() == [30.0, None]
    assert clean["city"].to_list() == ["oslo", None]
    assert clean["ratio"].to_list() == [0.5, None]
    assert clean["score"].to_list() == [31.0, None]
    assert clean["rich"].to_list() == [False, False]
    assert clean["day_month"].to_list() == [2, None]


def test_what_is_needed_is_traced_to_the_source() -> None:
    made = recipe()
    assert made.needs(["score"]) == ["age", "debt", "income"]
    assert made.needs(["city"]) == ["city"]
    assert set(made.makes) >= {"age", "city", "ratio", "rich", "score", "day_month"}


def test_what_is_made_of_a_private_column_is_private() -> None:
    assert set(recipe().spread(["income"])) == {"income", "ratio", "rich", "score"}


def test_pickled_and_stored_it_is_the_same() -> None:
    frame = rows(50)
    for again in (pickle.loads(pickle.dumps(recipe())), Recipe.from_json(recipe().to_json())):
        assert again.apply(frame).equals(recipe().apply(frame), null_equal=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"derive": {"ratio": "debt / incme"}}, "income"),
        ({"derive": {"city": "debt"}}, "is a column already"),
        ({"clean": [{"name": "cast", "columns": ["agee"], "to": "number"}]}, r"clean\[0\].*agee"),
    ],
)
def test_a_step_that_does_not_fit_is_refused_with_its_place(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        recipe(**changes)


def test_rows_with_a_missing_value_leave_the_data() -> None:
    made = Recipe(Prepare.model_validate(PREPARE), RAW, require=["ratio"])
    frame = rows(200)
    clean, stays = made.keep(frame)
    assert stays.to_list() == clean["ratio"].is_not_null().to_list()
    assert 0 < stays.sum() < 200


def prepared(numbers: dict[str, Any], categories: dict[str, Any], columns: dict[str, Any] | None = None) -> Preparation:
    made = recipe()
    frame = rows(400)
    clean = made.apply(frame)
    number, category = FeatureType.NUMBER, FeatureType.CATEGORY
    features = [Feature(n, number) for n in ("age", "debt", "income", "ratio", "score", "day_month")]
    features += [Feature("city", category), Feature("rich", category)]
    spec = Prepare.model_validate({**PREPARE, "numbers": numbers, "categories": categories, "columns": columns or {}})
    return fit(spec, features, profile_frame(clean, seed=0), Target("y", Task.REGRESSION)).with_recipe(made)


@pytest.mark.parametrize("scale", ["standard", "power", "quantile", "robust", "minmax", "maxabs"])
@pytest.mark.parametrize("impute", ["median", "knn", "iterative"])
def test_rows_one_by_one_are_those_of_the_batch(impute: str, scale: str) -> None:
    encode = {"standard": "target", "power": "onehot", "quantile": "hash", "robust": "frequency"}.get(scale, "ids")
    outliers = {"name": "iqr", "action": "missing" if impute == "iterative" else "clip"}
    preparation = prepared(
        {"impute": {"name": impute, "indicator": True}, "outliers": outliers, "scale": scale}, {"encode": encode}
    )
    assert_alike(preparation, rows(60, seed=1))


def test_a_thousand_rows_one_by_one_are_those_of_the_batch() -> None:
    columns = {
        "age": {"impute": "knn", "scale": "power"},
        "debt": {"impute": "median", "scale": "quantile", "outliers": {"name": "iqr", "action": "missing"}},
        "ratio": {"scale": "robust", "outliers": "zscore"},
        "rich": {"encode": "onehot"},
    }
    assert_alike(prepared({"impute": "iterative"}, {"impute": "mode", "encode": "target"}, columns), rows(1000, seed=1))


def assert_alike(preparation: Preparation, unseen: pl.DataFrame) -> None:
    compiled = preparation.compile()
    batch = preparation.from_raw(unseen)
    names = list(RAW)
    for place, row in enumerate(unseen.select(names).iter_rows()):
        one = compiled.columns({name: [value] for name, value in zip(names, row, strict=True)})
        assert one.numbers.tobytes() == batch.numbers[place].tobytes(), row
        assert one.categories.tobytes() == batch.categories[place].tobytes(), row
    whole = compiled.columns(unseen.select(names).to_dict(as_series=False))
    assert whole.numbers.tobytes() == np.ascontiguousarray(batch.numbers).tobytes()


def test_selected_and_reduced_columns_too_are_equal_bit_for_bit(tmp_path: Any) -> None:
    made = recipe()
    clean = made.apply(rows(400))
    spec = Prepare.model_validate(
        {
            **PREPARE,
            "numbers": {"impute": {"name": "median", "indicator": True}},
            "categories": {"encode": "onehot"},
            "select": [{"name": "variance"}, {"name": "mutual_info", "keep": 6}],
            "reduce": {"name": "pca", "components": 3},
        }
    )
    features = [Feature(n, FeatureType.NUMBER) for n in ("age", "debt", "income", "ratio", "score")]
    features.append(Feature("city", FeatureType.CATEGORY))
    preparation = fit(spec, features, profile_frame(clean, seed=0), Target("y", Task.REGRESSION)).with_recipe(made)
    assert len(preparation.layout.numbers) == 3
    preparation.save(tmp_path)
    compiled = Preparation.load(tmp_path).compile()
    unseen = rows(200, seed=2)
    batch = preparation.from_raw(unseen)
    for place, row in enumerate(unseen.select(list(RAW)).iter_rows()):
        one = compiled.columns({name: [value] for name, value in zip(RAW, row, strict=True)})
        assert one.numbers.tobytes() == batch.numbers[place].tobytes()


def test_a_request_of_another_type_is_refused() -> None:
    with pytest.raises(DataError, match="'debt' holds a value that is no number, in row 1"):
        recipe().frame({"age": ["3"], "debt": ["much"], "income": [1], "day": [None], "city": ["a"]})


def test_a_private_column_keeps_no_values_as_knots() -> None:
    frame = rows(300)
    profile = profile_frame(frame, seed=0, private=["debt"])
    spec = Prepare.model_validate({"numbers": {"scale": "quantile"}})
    features = [Feature("debt", FeatureType.NUMBER), Feature("income", FeatureType.NUMBER)]
    both = fit(spec, features, profile)
    assert [state.curve is None for state in both.state.numbers] == [True, False]
    assert both.explain(["debt"])[0]["steps"][-1] == {
        "step": "scale", "name": "standard", "learnt": {"since it is private, in place of": "quantile"},
    }  # fmt: skip
    standard = fit(Prepare(), features[:1], profile)
    assert both.state.numbers[0] == standard.state.numbers[0]
    with pytest.raises(SpecError, match="prepare.columns.debt.scale: quantile keeps values .* 'debt' is private"):
        fit(Prepare.model_validate({"columns": {"debt": {"scale": "quantile"}}}), features, profile)
    assert fit(spec, [Feature("income", FeatureType.NUMBER)], profile).state.numbers[0].curve is not None


def test_what_is_dropped_from_the_data_is_required_of_requests() -> None:
    made = Recipe(Prepare.model_validate({}), RAW, require=["city"])
    preparation = fit(
        Prepare.model_validate({"columns": {"city": {"impute": "drop"}}}),
        [Feature("city", FeatureType.CATEGORY), Feature("income", FeatureType.NUMBER)],
        profile_frame(rows(300), seed=0),
    )
    assert preparation.with_recipe(made).required == ("city",)


SERVED = pl.Schema(
    {"zip": pl.Int64(), "member": pl.Boolean(), "code": pl.String(), "rate": pl.Float64(), "day": pl.Date()}
)


def served(**derive: str) -> Recipe:
    return Recipe(Prepare.model_validate({"derive": derive}), SERVED)


def test_what_no_step_reads_may_come_as_any_scalar() -> None:
    row = {"zip": ["104"], "member": ["true"], "code": [5], "rate": [0.5], "day": ["10.01.2024"]}
    double = served(double="rate * 2")
    assert double.columns(row, double.frame(row)) == {**row, "double": [1.0]}
    frame = pl.DataFrame({"zip": [2.5], "rate": [0.5]})
    assert double.apply(frame).row(0, named=True) == {"zip": 2.5, "rate": 0.5, "double": 1.0}


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("zip", "104", 104), ("zip", 104.0, 104), ("zip", " ", None), ("zip", float("nan"), None),
        ("member", "true", True), ("member", "False", False),
        ("code", 5, "5"), ("code", 5.0, "5"), ("code", True, "true"), ("code", " a", " a"),
        ("rate", "0.5", 0.5), ("rate", 2, 2.0),
        ("day", "2024-02-29", dt.date(2024, 2, 29)), ("day", "2024-02-29T23:30:00-05:00", dt.date(2024, 3, 1)),
    ],
)  # fmt: skip
def test_what_steps_read_means_the_same_as_any_scalar_and_in_a_frame(name: str, given: Any, read: Any) -> None:
    made = served(missing=f"is_missing({name})")
    assert made.frame({name: [given]})[name].to_list() == [read]
    assert made.apply(pl.DataFrame({name: [given]}))[name].to_list() == [read]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("zip", "x"), ("zip", True), ("zip", "1_0"), ("member", 1), ("rate", "x"), ("day", 5),
        ("day", "05/10/2024"),
    ],
)  # fmt: skip
def test_what_says_nothing_of_a_steps_kind_is_refused_in_either_form(name: str, given: Any) -> None:
    made = served(missing=f"is_missing({name})")
    with pytest.raises(DataError, match=f"column '{name}'"):
        made.frame({name: [given]})
    with pytest.raises(DataError, match=f"column '{name}'"):
        made.apply(pl.DataFrame({name: [given]}))


@pytest.mark.parametrize("value", [2.5, " 2.5 ", 1e30, -0.5])
def test_a_fraction_where_training_held_whole_numbers_is_read_as_if_it_had_held_some(value: Any) -> None:
    steps = {
        "clean": [{"name": "limits", "columns": ["zip"], "max": 2, "beyond": "missing"}],
        "derive": {
            "half": "zip / 2",
            "known": "not is_missing(zip)",
            "said": "text(fill(zip, -1))",
            "raised": "rate + zip",
        },
    }
    floats = Recipe(Prepare.model_validate(steps), pl.Schema({**SERVED, "zip": pl.Float64()}))
    made = Recipe(Prepare.model_validate(steps), SERVED)
    rows = {"zip": [value, 1, None, 2, "nan"], "rate": [0.5] * 5}
    expected = floats.frame(rows)
    assert made.frame(rows).equals(expected)
    plain = pl.Series("zip", [float(value), 1.0, None, 2.0, float("nan")])
    assert made.apply(pl.DataFrame({"zip": plain, "rate": [0.5] * 5})).equals(expected)
    whole = {"zip": [1, 2, 3], "rate": [0.5] * 3}
    assert made.frame(whole)["zip"].dtype == pl.Int64
    assert floats.frame(whole).rows() == made.frame(whole).rows()


def test_steps_of_whole_numbers_alone_refuse_a_fraction() -> None:
    steps = {"clean": [{"name": "cast", "columns": ["zip"], "to": "date", "format": "%Y%m%d"}]}
    made = Recipe(Prepare.model_validate(steps), SERVED)
    assert made.frame({"zip": [20240131.0]})["zip"].to_list() == [dt.date(2024, 1, 31)]
    with pytest.raises(DataError, match="column 'zip' holds what is no date in the form '%Y%m%d'"):
        made.frame({"zip": [2.5]})


@pytest.mark.parametrize("served_as", [FeatureType.NUMBER, FeatureType.CATEGORY])
def test_a_request_with_a_fraction_is_answered_beside_a_recipe_as_without_one(served_as: FeatureType) -> None:
    frame = pl.DataFrame({ROW: range(60), "zip": [n % 7 for n in range(60)], "rate": [n / 7 for n in range(60)]})
    made = Recipe(Prepare.model_validate({"derive": {"double": "zip * 2"}}), frame.drop(ROW).schema)
    features = [Feature("zip", served_as), Feature("rate", FeatureType.NUMBER)]
    plain = fit(Prepare(), features, profile_frame(frame, seed=0))
    beside = fit(
        Prepare(), [*features, Feature("double", FeatureType.NUMBER)], profile_frame(made.apply(frame), seed=0)
    )
    beside = beside.with_recipe(made)
    rows = {"zip": [2.5, 3, "4", None, "1"], "rate": [0.5, 1.0, 2, 3, None]}
    bare, derived = plain.compile().columns(rows), beside.compile().columns(rows)
    own = [beside.layout.numbers.index(name) for name in plain.layout.numbers]
    assert derived.numbers[:, own].tobytes() == bare.numbers.tobytes()
    assert derived.categories.tobytes() == bare.categories.tobytes()
    zips = pl.Series("zip", [2.5, 3.0, 4.0, None, 1.0])
    batch = beside.from_raw(pl.DataFrame({"zip": zips, "rate": pl.Series([0.5, 1.0, 2.0, 3.0, None])}))
    assert batch.numbers.tobytes() == derived.numbers.tobytes()
    for n in range(5):
        one = beside.compile().columns({name: [values[n]] for name, values in rows.items()})
        assert one.numbers.tobytes() == batch.numbers[n : n + 1].tobytes()
        assert one.categories.tobytes() == batch.categories[n : n + 1].tobytes()


@pytest.mark.parametrize("name", [ROW, "", " ", "*", "^r.*$"])
def test_a_new_column_needs_a_name_of_its_own(name: str) -> None:
    with pytest.raises(SpecError, match="name"):
        served(**{name: "rate * 2"})


def test_columns_that_selection_leaves_out_are_asked_of_nobody() -> None:
    clean = recipe().apply(rows(400))
    features = [Feature(n, FeatureType.NUMBER) for n in ("age", "debt", "income")]
    features.append(Feature("city", FeatureType.CATEGORY))
    select = {"select": {"name": "variance", "keep": 1}}
    target = Target("y", Task.REGRESSION)
    chosen = fit(Prepare.model_validate(select), features, profile_frame(clean, seed=0), target)
    assert len(chosen.layout.numbers) == 1
    assert {f.name for f in chosen.features} == {*chosen.layout.numbers, "city"}
    jointly = Prepare.model_validate({**select, "numbers": {"impute": "iterative"}})
    assert {f.name for f in fit(jointly, features, profile_frame(clean, seed=0), target).features} == {
        f.name for f in features
    }


def test_a_fraction_of_one_row_changes_no_whole_number_of_another() -> None:
    made = Recipe(Prepare.model_validate({"derive": {"said": "text(zip)"}}), SERVED)
    for large in (2**53 + 1, str(2**53 + 1), -(2**62) - 1):
        assert made.frame({"zip": [large]})["said"].to_list() == [str(large)]
        with pytest.raises(DataError, match="'zip' holds whole numbers beyond 9,007,199,254,740,992 beside one"):
            made.frame({"zip": [large, 2.5]})
    assert made.frame({"zip": [2**53, 2.5, 10**30]}).height == 3


def test_a_derived_column_refuses_a_date_that_is_none() -> None:
    late = Prepare.model_validate({"derive": {"late": 'day >= "2024-01-01"'}})
    made = Recipe(late, RAW)
    days = ["2023-12-31", "2024-02-29", None, "9.3.2024"]
    with pytest.raises(RefusedError) as caught:
        made.keep(rows(4).with_columns(day=pl.Series(days)))
    told = str(caught.value.in_file("visits.csv", 100))
    assert told == (
        "visits.csv: prepare.derive.late: column 'day' holds what is no date in ISO form in 1 of 4 rows, first in row "
        "104. Correct it there, or have such values made missing before: prepare.clean: {name: cast, columns: [day], "
        "to: time, unparsable: missing}."
    )
    with pytest.raises(DataError, match=r"late: column 'day' holds what is no date in ISO form, row 4\.$"):
        made.frame({"day": days})
    assert made.apply(rows(3).with_columns(day=pl.Series(days[:3])))["late"].to_list() == [False, True, None]
    before = {"clean": {"name": "cast", "columns": ["day"], "to": "time", "unparsable": "missing"}}
    mended = Recipe(Prepare.model_validate({**before, **late.model_dump(include={"derive"})}), RAW)
    assert mended.frame({"day": days})["late"].to_list() == [False, True, None, None]
