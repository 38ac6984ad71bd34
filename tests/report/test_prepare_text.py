"""What `prepare --explain` prints: each column with what it learnt, whole, in lines that a terminal has room for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.prepare import preparation
from rayline.prepare.preparation import Preparation
from rayline.prepare.recipe import Recipe
from rayline.profile.profile import profile_frame
from rayline.report.prepare_text import explain
from rayline.report.prepare_words import learnt_words
from rayline.spec.document import validate

N = 400
LONG = "a column with a name that is longer than all the others"


def rows() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, N).astype(float)
    return pl.DataFrame(
        {
            ROW: np.arange(N),
            "age": np.where(np.arange(N) % 10 == 0, np.nan, age),
            LONG: rng.normal(10, 2, N),
            "own": rng.normal(size=N),
            "job": [f"job {n}" for n in rng.integers(0, 12, N)],
            "weight": [f"{n} kg" for n in rng.integers(40, 90, N)],
            "kind": np.where(age > 50, "old", "young"),
        }
    ).with_columns(pl.col("age").fill_nan(None))


def fitted(prepare: dict[str, Any]) -> Preparation:
    document = {"name": "x", "data": {"source": "x.csv", "target": "kind"}, "prepare": prepare}
    spec = validate(document)
    recipe = Recipe(spec.prepare, rows().drop(ROW).schema)
    clean = recipe.apply(rows())
    names = [name for name in clean.columns if name not in (ROW, "kind")]
    types = {pl.Float64: FeatureType.NUMBER, pl.String: FeatureType.CATEGORY}
    features = [Feature(name, types[type(clean.schema[name])]) for name in names]
    profile = profile_frame(clean, seed=0, target="kind", private=["own"])
    target = Target("kind", Task.BINARY, ("old", "young"), "young")
    return preparation.fit(spec.prepare, features, profile, target).with_recipe(recipe)


def explained(prepare: dict[str, Any], width: int = 100, aside: dict[str, str] | None = None) -> list[str]:
    made = fitted(prepare)
    assert made.recipe is not None
    parts = {"train": N, "validation": 50, "test": 1100, "outliers": 0, "duplicates": 1234}
    recipe, learnt = made.recipe.to_json(), made.explain(["own"])
    return explain(rows=parts, recipe=recipe, learnt=learnt, aside=aside or {}, width=width)


def body(lines: list[str], head: str) -> Iterator[str]:
    """The lines below a heading."""
    for line in lines[lines.index(head) + 1 :]:
        if not line:
            return
        yield line


def test_every_column_has_its_steps_in_line() -> None:
    lines = explained({"numbers": {"outliers": "iqr"}})
    table = list(body(lines, "Learnt from the training rows"))
    step, learnt = table[0].index("step"), table[0].index("what it learnt")
    assert table[1][:step].split() == ["age", "number", "40", "(10%)"]
    assert table[1][step:].startswith("outliers iqr")
    assert table[1][learnt:].startswith("outside ")
    assert table[2][:step].strip() == ""
    assert table[2][learnt:].startswith("missing becomes ")
    assert table[3][learnt:].startswith("(x − ")
    assert any(line[step:].startswith("encode ids") and line[learnt:] == "12 categories" for line in table)
    place = table.index(f"  {LONG}")  # on a line of its own, and its steps where all steps are
    assert table[place + 1][step:].startswith("outliers iqr")
    private = table[table.index(next(line for line in table if line.startswith("  own "))) :][:3]
    assert [line[learnt:] for line in private] == ["not told: the column is private"] * 3


def test_rows_have_their_thousands_parted() -> None:
    assert "  train 400   validation 50   test 1,100   ·   left out: duplicates 1,234" in explained({})


def test_corrections_tell_what_was_chosen_and_no_default() -> None:
    lines = explained(
        {
            "clean": [
                {"name": "missing", "columns": ["age"], "values": [-999]},
                {"name": "units", "columns": ["weight"], "units": {"kg": 1, "g": 0.001}},
                {"name": "cast", "columns": ["own"], "to": "number"},
            ],
            "derive": {"double": "age * 2"},
        }
    )
    assert list(body(lines, "Corrected before anything is learnt")) == [
        "  missing  age   values: [-999]",
        "  units    weight   units: {kg: 1, g: 0.001}",
        "  cast     own   to: number",
        "  derive   double = age * 2",
    ]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_longer_than_the_terminal_and_nothing_is_left_out(width: int) -> None:
    wide = {f"n{place}": f"age * {place}" for place in range(2, 40)}
    prepare = {
        "derive": wide,
        "select": [{"name": "pearson", "threshold": 0.05}],
        "columns": {"job": {"encode": "onehot"}},
    }
    lines = explained(prepare, width, {"k": "id: text that differs in every row, which nothing can be learnt from"})
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert " more" not in text
    chosen = " ".join(" ".join(body(lines, "Learnt of all number inputs together")).split())
    for name in [*wide, "job=job 3", "age"]:
        assert name in chosen, name
    assert "leaves out " in chosen
    assert next(body(lines, "No input")).startswith("  k  id: text that differs")


@pytest.mark.parametrize(
    ("step", "name", "learnt", "told"),
    [
        ("scale", "standard", {"offset": -38.5, "factor": 0.5}, "(x − 38.5) / 2"),
        ("scale", "minmax", {"offset": 2.0, "factor": 1.0}, "x + 2"),
        ("scale", "maxabs", {"offset": 0.0, "factor": 0.25}, "x / 4"),
        ("scale", "standard", {"offset": -3.0, "factor": 0.0}, "0 for all"),
        ("scale", "quantile", {"offset": 0.0, "factor": 1.0, "knots": 1000}, "y = its place among 1,000 quantiles"),
        ("scale", "power", {"offset": -1.0, "factor": 0.5, "exponent": 0.3}, "y = x bent by exponent 0.3; (y − 1) / 2"),
        ("outliers", "iqr", {"low": 1.0, "high": 2014.0}, "outside 1 to 2014 becomes the limit"),
        ("outliers", "iqr", {"low": 1.0, "high": 9.0, "action": "drop"}, "outside 1 to 9 leaves the training row out"),
        ("impute", "constant", {"fill": "not known"}, "missing becomes 'not known'"),
        ("impute", "constant", {"fill": None}, "missing becomes none"),
        ("encode", "ids", {"known": 1, "unknown_rows": 4000},
         "1 category; 4,000 training rows of rarer ones count as unknown"),
        ("encode", "hash", {"buckets": 4096}, "buckets 4,096"),
        ("image", "pixels", {"shape": [28, 28, 3], "from": "training"}, "array of 28 × 28 × 3; from training"),
        ("scale", "standard", {"since it is private, in place of": "quantile"},
         "not told: the column is private; since it is private, in place of quantile"),
    ],
)  # fmt: skip
def test_what_a_step_learnt_in_words(step: str, name: str, learnt: dict[str, Any], told: str) -> None:
    given = {"step": step, "name": name, "learnt": learnt}
    assert learnt_words(given) == told
    assert given["learnt"] == learnt


def test_a_scale_in_words_is_what_is_done_to_numbers() -> None:
    made = fitted({})
    (account,) = [account for account in made.learnt if account["column"] == LONG]
    words = learnt_words(account["steps"][1])
    mean, deviation = (float(part) for part in words.removeprefix("(x − ").split(") / "))
    numbers = made.from_raw(rows()).numbers[:, made.layout.numbers.index(LONG)]
    np.testing.assert_allclose(numbers, (rows()[LONG].to_numpy() - mean) / deviation, atol=5e-3)
