"""What a recipe makes of single rows without a frame is what the frame makes, to the last bit: every cleaner found, and
every operator and function of the expression language."""

import datetime as dt
import math
import random
import struct
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.core.expressions import FUNCTIONS
from rayline.prepare._remembered import Remembered
from rayline.prepare.clean._cleaner import CleanConfig
from rayline.prepare.recipe import Recipe
from rayline.spec.sections import Prepare

SCHEMA = pl.Schema(
    {
        "text": pl.String(),
        "number": pl.Float64(),
        "other": pl.Float64(),
        "whole": pl.Int64(),
        "truth": pl.Boolean(),
        "day": pl.Date(),
        "time": pl.Datetime("us"),
        "digits": pl.String(),
    }
)
TEXTS = ["", " ", "unknown", "NYC", "n.y.c.", "Zu\u0308rich", "a|b", "İ", "a", "2024-02-29", "2024-02-29T12:00:00Z"]
DIGITS = ["12", " 1.5 ", "1,5", "1e3", "-0", "12 kg", "300g", "70 F", "?", "", "inf", "nan", "1_000"]
NUMBERS = st.one_of(
    st.none(), st.floats(), st.floats(-50, 50), st.sampled_from([-999.0, 0.0, -0.0, 1 / 3, 0.4, 2.0, 5e-324, 1e308])
)
ROWS = st.fixed_dictionaries(
    {
        "text": st.one_of(st.none(), st.sampled_from(TEXTS), st.text(max_size=12)),
        "number": NUMBERS,
        "other": NUMBERS,
        "whole": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-50, 50)),
        "truth": st.one_of(st.none(), st.booleans()),
        "day": st.one_of(st.none(), st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))),
        "time": st.one_of(st.none(), st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))),
        "digits": st.one_of(st.none(), st.sampled_from(DIGITS), st.floats(-1e6, 1e6).map(repr)),
    }
)

PLAIN = [
    "number + other", "number - other * 2", "number / other", "1 / number", "number / 10", "number // 3", "number % 3",
    "-number", "number + whole * truth", "abs(number)", "sqrt(number)", "floor(number)", "ceil(number / 3)",
    "min(number, other, 2)", "max(number, whole)", "clip(number, -1, 5)", "clip(number, null, 5)",
    "fill(number, other)", "fill(whole, 0)", "is_missing(number)", "is_missing(whole)", "is_missing(truth)",
    "if(number > 0, other, 0)",
    "if(truth, 1, 0)", "1 if whole > 3 else 2.5", "number < other", "number <= 0.4", "number == other",
    "number != whole", "whole in (1, 2, 3)", "number not in (0, 2.5)", "whole >= 3 and number > 0.4 or truth",
    "not truth", "0 < number <= whole < 30", "truth == (number > 1)", 'text == "NYC"', 'text in ("a", "NYC")',
    'if(text == "a", "b", text)', 'fill(text, "none")', "(number - other) / (number + other) > 0.1",
]  # fmt: skip
"""Expressions that need nothing of Polars."""
ASKED = [
    "number ** 2", "log(number)", "log1p(number)", "exp(number)", "round(number, 2)", "lower(text)", "upper(text)",
    "strip(text)", "length(text)", "words(text)", 'contains(text, "N")', 'matches(text, "[a-z]+")',
    'replace(text, "a", "b")', "concat(text, whole)", "cross(text, truth, whole)", "bin(number, 0, 10)",
    "text(number)", "text(day)", "number(digits)", "is_missing(text)", 'fill(date(text, "%Y-%m-%d"), day)',
    "year(day)", "month(time)", "day(day)", "weekday(day)", "dayofyear(time)", "hour(time)", "minute(time)",
    "days_between(day, time)", 'day > "2000-01-01"',
]  # fmt: skip
ZEROS = [
    "0 - number",
    "number + 0",
    "0 + number",
    "number - 0",
    "number - floor(0.5)",
    "sqrt(4) - number",
    "-0 + number",
]
"""Polars makes of these x or -x over many rows, and computes them of one: zeros of another sign, were they left it."""
EXPRESSIONS = [*PLAIN, *ZEROS, *ASKED]


def bits(values: list[Any]) -> list[Any]:
    return [struct.pack("<d", value) if isinstance(value, float) else value for value in values]


def derived(text: str) -> Recipe:
    return Recipe(Prepare.model_validate({"derive": {"made": text}}), SCHEMA)


def cleaned(name: str) -> Recipe:
    config = catalog.config_class("clean", name)
    assert issubclass(config, CleanConfig)
    return Recipe(Prepare.model_validate({"clean": {"name": name, **config.example}}), SCHEMA)


def assert_alike(recipe: Recipe, rows: list[dict[str, Any]]) -> None:
    requests = [rows, *([row] for row in rows)]
    for request in requests:
        columns = {name: [row[name] for row in request] for name in SCHEMA}
        plain = recipe.plain(columns)
        try:
            frame = recipe.frame(columns)
        except DataError:
            assert plain is None
            continue
        assert plain is not None
        assert list(plain) == list(recipe.makes)
        for name, values in plain.items():
            assert bits(values) == bits(frame[name].to_list()), name
            assert {type(value) for value in values} == {type(value) for value in frame[name].to_list()}


def asked(recipe: Recipe) -> list[str]:
    """The columns that Polars is asked for."""
    assert recipe.plain({name: [None] for name in SCHEMA}) is not None
    (program,) = recipe._row_form._programs.values()
    assert program is not None
    functions = [function for function, _ in program._operations if isinstance(function, Remembered)]
    return [made.meta.output_name() for function in functions for made in function._made]


@pytest.mark.parametrize("name", catalog.names("clean"))
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROWS, min_size=1, max_size=4))
def test_a_cleaner_makes_the_same_of_a_row_without_a_frame(name: str, rows: list[dict[str, Any]]) -> None:
    assert_alike(cleaned(name), rows)


@settings(max_examples=150, deadline=None)
@given(text=st.sampled_from(EXPRESSIONS), rows=st.lists(ROWS, min_size=1, max_size=4))
def test_an_expression_makes_the_same_of_a_row_without_a_frame(text: str, rows: list[dict[str, Any]]) -> None:
    assert_alike(derived(text), rows)


@pytest.mark.parametrize(("texts", "n"), [([*PLAIN, *ZEROS], 1000), (ASKED, 100)], ids=["plain", "asked"])
def test_many_rows_one_by_one_are_those_of_a_frame(texts: list[str], n: int) -> None:
    draw = random.Random(1)
    some = [None, 0.0, -0.0, math.nan, math.inf, -math.inf, 1 / 3, 0.4, 5e-324, 1e308, -1e308, 2.0**53 + 2]
    numbers = [lambda: draw.choice(some), lambda: draw.gauss(0, 10), lambda: float(draw.randrange(-5, 6))]
    wholes = [None, 0, 1, 3, -3, 2**53 + 1, 2**63 - 1, -(2**63)]
    rows = [
        {
            "text": draw.choice([*TEXTS, None]),
            "number": draw.choice(numbers)(),
            "other": draw.choice(numbers)(),
            "whole": draw.choice([draw.choice(wholes), draw.randrange(-50, 50)]),
            "truth": draw.choice([True, False, None]),
            "day": draw.choice([None, dt.date(2024, 1, 1) + dt.timedelta(draw.randrange(-20000, 20000))]),
            "time": draw.choice([None, dt.datetime(2024, 1, 1) + dt.timedelta(minutes=draw.randrange(10**6))]),
            "digits": draw.choice([*DIGITS, None]),
        }
        for _ in range(n)
    ]
    derive = {f"made {place}": text for place, text in enumerate(texts)}
    recipe = Recipe(Prepare.model_validate({"derive": derive}), SCHEMA)
    together = recipe.apply(pl.DataFrame(rows, schema=SCHEMA))
    alone = [recipe.plain({name: [value] for name, value in row.items()}) for row in rows]
    for name, text in derive.items():
        assert bits([one[name][0] for one in alone if one]) == bits(together[name].to_list()), text


TEXT_STEPS: list[dict[str, Any]] = [
    {"name": "text"},
    {"name": "text", "accents": True, "punctuation": True, "digits": True},
    {"name": "text", "lower": False, "spaces": False},
    {"name": "spelling", "others": "plain"},
    {"name": "spelling", "merge": {"New York": ["nyc"], "Zürich": ["zurich"]}, "others": "missing"},
    {"name": "missing", "values": ["?", "n/a", "none", -999]},
    {"name": "flags"},
    {"name": "text_features"},
    *[
        {"name": "cast", "unparsable": "missing", **options}
        for options in (
            {"to": "number"},
            {"to": "number", "decimal": ",", "thousands": "."},
            {"to": "number", "thousands": "'"},
            {"to": "integer", "thousands": ","},
            {"to": "boolean"},
            {"to": "date"},
            {"to": "time"},
            {"to": "date", "format": "%d.%m.%Y"},
            {"to": "date", "format": "%Y%m%d"},
            {"to": "time", "format": "%d/%m/%Y %H:%M"},
            {"to": "time", "format": "%Y-%m-%d %H:%M %z"},
        )
    ],
    {"name": "dates", "unparsable": "missing", "parts": ["year", "month", "day", "weekday", "dayofyear", "hour"]},
    {"name": "dates", "unparsable": "missing", "parts": ["minute"], "cyclic": True, "utc_offset": 2},
]
SEEDS = [
    "New York", " nyc ", "n.y.c.", "Zu\u0308rich", "Crème brûlée", "?", "n/a", "-999", "", " ", "a\tb", "a\x1fb", "yes",
    "NO",
    "12", "-1.5", " +7 ", ".5", "2.", "1e3", "1e999", "1.234,5", "12'345.5", "1,234,567", "0x1f", "1_000", "nan", "-0",
    "123456789012345678901234567890", "2024-02-29", "2023-02-29", " 2024-01-31 ", "2024-1-5", "20240131", "31.01.2024",
    "31.1.2024", "2024-01-31 18:05", "2024-01-31T18:05:59.25Z", "2024-01-31 18:05:60", "2024-01-31 24:00",
    "2024-01-31T18:05+02:00", "2024-01-31 18:05 +0200", "31/01/2024 9:05", "31/01/2024 09:05", "0000-01-01",
    "9999-12-31 23:59:59.999999", "1600-03-01 00:00", "12024-01-01", "2024-01-31  18:05", "2024-01-31 18:05:01.1234567",
]  # fmt: skip


@pytest.mark.parametrize("step", TEXT_STEPS, ids=str)
def test_texts_of_all_forms_one_by_one_are_those_of_a_frame(step: dict[str, Any]) -> None:
    draw = random.Random(2)
    texts: list[str | None] = [*SEEDS, None]
    while len(texts) < 400:  # slips of the pen
        text = draw.choice(SEEDS)
        at = draw.randrange(len(text) + 1)
        texts.append(text[:at] + draw.choice(["", *"019.,:-TZ +/%eE'é\t\u3000"]) + text[at + draw.randrange(2) :])
    recipe = Recipe(Prepare.model_validate({"clean": {**step, "columns": ["text"]}}), pl.Schema({"text": pl.String()}))
    texts = [text for text in texts if not is_beyond_calendar(recipe, text)]
    assert len(texts) > 380
    together = recipe.apply(pl.DataFrame({"text": texts}, schema={"text": pl.String()}))
    alone = [recipe.plain({"text": [text]}) for text in texts]
    for name in recipe.makes:
        found = bits([one[name][0] if one else "nothing" for one in alone])
        wanted = bits(together[name].to_list())
        pairs = zip(texts, found, wanted, strict=True)
        assert [(text, one, other) for text, one, other in pairs if one != other] == []


def is_beyond_calendar(recipe: Recipe, text: str | None) -> bool:
    """Whether a frame refuses the text, as the year 0; then nothing is said of it without one either."""
    try:
        recipe.frame({"text": [text]})
    except DataError:
        assert recipe.plain({"text": [text]}) is None
        return True
    return False


@pytest.mark.parametrize(
    ("step", "texts", "refused"),
    [
        ({"name": "cast", "to": "number", "decimal": ","}, ["1,5", " 12", "-0,25"], ["1.5", "dear", "1,5 kg"]),
        ({"name": "cast", "to": "date"}, ["2024-01-31", "1999-12-01"], ["2024-02-30", "soon"]),
        ({"name": "cast", "to": "time", "format": "%d.%m.%Y %H:%M"}, ["31.01.2024 18:05"], ["31.02.2024 18:05"]),
        ({"name": "dates", "parts": ["year", "weekday"]}, ["2024-01-31", "2024-01-31 18:05:01.5"], ["31.01.2024"]),
        ({"name": "spelling", "others": "plain"}, ["N.Y.C.", "a - b"], []),
        ({"name": "text", "digits": True}, ["Room 12", "!"], []),
    ],
    ids=str,
)
def test_plain_texts_are_read_without_polars(
    step: dict[str, Any], texts: list[str], refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(Prepare.model_validate({"clean": {**step, "columns": ["text"]}}), pl.Schema({"text": pl.String()}))
    wanted = {name: recipe.frame({"text": texts})[name].to_list() for name in recipe.makes}
    with monkeypatch.context() as patch:
        patch.setattr(Remembered, "_ask", lambda *_: pytest.fail("Polars was asked"))
        assert recipe.plain({"text": texts}) == wanted
    for text in refused:
        assert recipe.plain({"text": [text]}) is None
        with pytest.raises(DataError):
            recipe.frame({"text": [text]})


def test_all_of_the_language_is_tried() -> None:
    tried = " ".join(EXPRESSIONS)
    assert [name for name in FUNCTIONS if f"{name}(" not in tried] == []


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_computed_of_numbers_is_not_asked_of_polars(text: str) -> None:
    assert asked(derived(text)) == []


@pytest.mark.parametrize("name", ["missing", "limits", "bins", "flags"])
def test_cleaners_of_numbers_ask_polars_of_texts_and_dates_alone(name: str) -> None:
    assert [made for made in asked(cleaned(name)) if not made.startswith(("text", "day"))] == []
