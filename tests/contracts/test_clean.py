"""What every cleaner must do, run on every cleaner found, by the example its `Config` gives."""

import datetime as dt
import math
import struct

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.errors import SpecError
from rayline.prepare._raw_values import DTYPES
from rayline.prepare.clean._cleaner import CleanConfig
from rayline.prepare.recipe import Recipe
from rayline.spec.sections import Prepare

CLEANERS = catalog.names("clean")
pytestmark = pytest.mark.parametrize("name", CLEANERS)

SCHEMA = pl.Schema(
    {
        "text": pl.String(),
        "number": pl.Float64(),
        "whole": pl.Int64(),
        "truth": pl.Boolean(),
        "day": pl.Date(),
        "time": pl.Datetime("us"),
        "digits": pl.String(),
    }
)
SOME_TEXTS = ["", " ", "unknown", "NYC", "n.y.c.", " New-York", "Zu\u0308rich", "ﬁne  Day", "a|b", "!?", "Ünï 12", "İ"]
SOME_DIGITS = ["12", " 1.5 ", "1,5", "1e3", "-0", "12 kg", "300g", "70 F", "3 t", "?", "", "inf", "nan", "0x1", "1_000"]
ROWS = st.fixed_dictionaries(
    {
        "text": st.one_of(st.none(), st.sampled_from(SOME_TEXTS), st.text(max_size=12)),
        "number": st.one_of(st.none(), st.floats(), st.floats(-50, 50), st.sampled_from([-999.0, -0.0, 1 / 3])),
        "whole": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-50, 50)),
        "truth": st.one_of(st.none(), st.booleans()),
        "day": st.one_of(st.none(), st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))),
        "time": st.one_of(st.none(), st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))),
        "digits": st.one_of(st.none(), st.sampled_from(SOME_DIGITS), st.floats(-1e6, 1e6).map(repr)),
    }
)


def options(name: str) -> dict[str, object]:
    config = catalog.config_class("clean", name)
    assert issubclass(config, CleanConfig)
    return {"name": name, **config.example}


def recipe(name: str) -> Recipe:
    return Recipe(Prepare.model_validate({"clean": options(name)}), SCHEMA)


def frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def bits(column: pl.Series) -> list[object]:
    return [struct.pack("<d", value) if isinstance(value, float) else value for value in column.to_list()]


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=7))
def test_a_row_is_the_same_alone_and_among_others_to_the_last_bit(name: str, rows: list[dict[str, object]]) -> None:
    steps = recipe(name)
    together = steps.apply(frame(rows))
    assert together.height == len(rows)
    for n, row in enumerate(rows):
        alone = steps.apply(frame([row]))
        for column in together.columns:
            assert bits(alone[column]) == bits(together[column][n : n + 1]), column


def test_an_endpoint_s_rows_are_those_of_a_frame(name: str) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {
            "text": str(rng.choice(SOME_TEXTS)),
            "number": float(rng.normal()),
            "whole": int(rng.integers(-5, 5)),
            "truth": bool(rng.integers(2)),
            "day": dt.date(2020, 1, 1) + dt.timedelta(days=int(rng.integers(1000))),
            "time": dt.datetime(2020, 1, 1) + dt.timedelta(seconds=int(rng.integers(10**8))),
            "digits": str(rng.choice(SOME_DIGITS)),
        }
        for _ in range(200)
    ] + [dict.fromkeys(SCHEMA.names())]
    steps = recipe(name)
    together = steps.apply(frame(rows))
    for n in range(0, len(rows), 7):
        found = steps.frame({column: [rows[n][column]] for column in SCHEMA.names()})
        for column in steps.makes:
            assert bits(found[column]) == bits(together[column][n : n + 1])


def test_what_it_makes_is_of_the_types_sources_have_and_the_rest_is_untouched(name: str) -> None:
    steps = recipe(name)
    rows = frame([dict.fromkeys(SCHEMA.names())] * 3)
    made = steps.apply(rows)
    assert steps.makes
    assert made.schema == steps.schema
    for column, kind in made.schema.items():
        assert kind in DTYPES.values(), column
        if column not in steps.makes:
            assert made[column].equals(rows[column])


def test_it_reads_the_columns_it_says_and_no_others(name: str) -> None:
    config = catalog.resolve("clean", options(name))
    assert isinstance(config, CleanConfig)
    rows = frame([{"text": "NYC", "number": 3.5, "whole": -4, "truth": True, "digits": "12 kg",
                   "day": dt.date(2024, 2, 29), "time": dt.datetime(1999, 12, 31, 23, 59)}])  # fmt: skip
    made = recipe(name).apply(rows)
    alone = rows.select(config.reads)
    found = alone.with_columns(**config.build().expressions(SCHEMA))
    for column in recipe(name).makes:
        assert found[column].equals(made[column])


def test_no_rows_and_rows_without_any_value_are_no_trouble(name: str) -> None:
    steps = recipe(name)
    assert steps.apply(frame([])).schema == steps.schema
    empty = steps.apply(frame([dict.fromkeys(SCHEMA.names())] * 4))
    for column in steps.makes:
        values = set(empty[column].to_list())
        assert len(values) == 1
        assert values <= {None, True}  # a flag says that it is missing


def test_numbers_it_makes_are_finite_where_the_numbers_it_reads_are(name: str) -> None:
    rows = [{"number": value, "digits": repr(value)} for value in (0.0, -0.0, 1e300, -1e300, 5e-324, 1 / 3)]
    made = recipe(name).apply(frame([{**dict.fromkeys(SCHEMA.names()), **row} for row in rows]))
    for column in recipe(name).makes:
        assert all(math.isfinite(x) for x in made[column].to_list() if isinstance(x, float))


def test_options_survive_being_written_and_the_recipe_being_stored(name: str) -> None:
    config = catalog.resolve("clean", options(name))
    assert catalog.resolve("clean", catalog.describe(config)) == config
    rows = frame([{"text": "a", "number": 1.0, "whole": 2, "truth": False, "digits": "7 kg",
                   "day": dt.date(2020, 5, 5), "time": dt.datetime(2020, 5, 5, 5, 5)}])  # fmt: skip
    again = Recipe.from_json(recipe(name).to_json())
    assert again.apply(rows).equals(recipe(name).apply(rows))


def test_a_column_that_is_not_there_is_refused_by_name(name: str) -> None:
    given = {**options(name), "columns": ["textt", "whole"]}
    config = catalog.resolve("clean", given)
    assert isinstance(config, CleanConfig)
    with pytest.raises(SpecError, match="no column 'textt'. Did you mean 'text'"):
        config.build().expressions(SCHEMA)
    with pytest.raises(SpecError, match=r"prepare.clean\[0\] .*'textt' is not a column"):
        Recipe(Prepare.model_validate({"clean": given}), SCHEMA)


def test_a_column_of_a_type_it_cannot_work_on_is_refused_or_worked_on(name: str) -> None:
    schema = pl.Schema({"sound": pl.Binary(), "steps": pl.List(pl.Float64())})
    config = catalog.resolve("clean", {**options(name), "columns": ["sound", "steps"]})
    assert isinstance(config, CleanConfig)
    refused = ""
    made = {}
    try:
        made = config.build().expressions(schema)
    except SpecError as error:
        refused = str(error)
    assert bool(made) or "column 'sound' holds bytes; this step needs" in refused
    found = pl.DataFrame({"sound": [b"x", None], "steps": [[1.0], None]}, schema=schema).with_columns(**made)
    assert found.height == 2
