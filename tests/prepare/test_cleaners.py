"""What each cleaner makes of real-looking values, and what it refuses with which words."""

import datetime as dt
import math

import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError
from rayline.prepare.clean._cleaner import RefusedError
from rayline.prepare.recipe import Recipe
from rayline.spec.sections import Prepare


def clean(name: str, given: dict[str, list[object]] | pl.DataFrame, **options: object) -> pl.DataFrame:
    frame = given if isinstance(given, pl.DataFrame) else pl.DataFrame(given, strict=False)
    columns = options.pop("columns", frame.columns)
    config = catalog.resolve("clean", {"name": name, "columns": columns, **options})
    return frame.with_columns(**config.build().expressions(frame.schema))  # type: ignore[attr-defined]


def one(name: str, rows: list[object], /, **options: object) -> list[object]:
    return clean(name, {"x": rows}, **options)["x"].to_list()


@pytest.mark.parametrize(
    ("options", "texts", "expected"),
    [
        ({}, ["12", " -1.5 ", ".5", "2.", "1e3", "+7", "", " ", None], [12, -1.5, 0.5, 2, 1000, 7, None, None, None]),
        ({"decimal": ",", "thousands": "."}, ["1.234,5", "12,25", "1.234.567"], [1234.5, 12.25, 1234567]),
        ({"thousands": ","}, ["1,234,567.5", "999", "1234"], [1234567.5, 999, 1234]),
        ({"thousands": "'"}, ["12'345.5"], [12345.5]),
        ({"thousands": " "}, ["12 345"], [12345]),
    ],
)
def test_texts_as_numbers(options: dict[str, object], texts: list[object], expected: list[object]) -> None:
    assert one("cast", texts, to="number", **options) == expected


@pytest.mark.parametrize(
    "text", ["1,5", "1,23,456", "inf", "nan", "1_000", "0x10", "1.5.2", "--1", "12 kg", "e5", "1 2"]
)
def test_what_is_no_number_is_refused_by_place_and_never_shown(text: str) -> None:
    with pytest.raises(DataError) as caught:
        one("cast", ["1", "secret-free", text], to="number")
    assert (
        str(caught.value)
        == "column 'x' holds what is no number in 2 of 3 rows read together, first in that at place 1."
    )
    assert one("cast", ["1", text], to="number", unparsable="missing") == [1.0, None]


def test_whole_numbers_truths_and_texts() -> None:
    assert one("cast", ["3", "4.0", None], to="integer") == [3, 4, None]
    assert one("cast", ["3.5"], to="integer", unparsable="missing") == [None]
    assert one("cast", [3.0, 2.5, math.nan, math.inf], to="integer", unparsable="missing") == [3, None, None, None]
    assert one("cast", ["Yes", " n ", "0", "maybe"], to="boolean", unparsable="missing") == [True, False, False, None]
    assert one("cast", [1, 0, 2], to="boolean", unparsable="missing") == [True, False, None]
    assert one("cast", ["J", "N"], to="boolean", true=["j"], false=["n"]) == [True, False]
    assert one("cast", [True, None], to="number") == [1.0, None]
    assert one("cast", [1.0, 2.5, None], to="text") == ["1", "2.5", None]
    assert one("cast", [7, None], to="text") == ["7", None]
    assert one("cast", [" a "], to="text") == [" a "]
    with pytest.raises(RefusedError, match="no true or false by the words declared in 1 of 1"):
        one("cast", ["maybe"], to="boolean")


def test_dates_in_their_own_form() -> None:
    day = dt.date(2024, 1, 31)
    assert one("cast", ["31.01.2024", " 31.01.2024 ", None], to="date", format="%d.%m.%Y") == [day, day, None]
    assert one("cast", ["2024-01-31", "2024-01-31 10:00"], to="date") == [day, day]
    assert one("cast", [20240131, 20240132], to="date", format="%Y%m%d", unparsable="missing") == [day, None]
    assert one("cast", ["31/1/2024 9:05"], to="time", format="%d/%m/%Y %H:%M") == [dt.datetime(2024, 1, 31, 9, 5)]
    assert one("cast", ["2024-01-31 09:05 +0200"], to="time", format="%Y-%m-%d %H:%M %z") == [
        dt.datetime(2024, 1, 31, 7, 5)
    ]
    assert one("cast", [dt.datetime(2024, 1, 31, 9)], to="date") == [day]
    with pytest.raises(RefusedError, match=r"no date in the form '%d.%m.%Y' in 1 of 2 rows"):
        one("cast", ["31.01.2024", "31.02.2024"], to="date", format="%d.%m.%Y")
    with pytest.raises(SpecError, match="'x' holds numbers; say how they are dates by format"):
        one("cast", [1], to="date")
    with pytest.raises(SpecError, match="'x' holds dates, which are no number. Take their parts by `dates`"):
        one("cast", [day], to="number")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "number", "decimal": ".", "thousands": "."}, "decimal and thousands must differ"),
        ({"to": "boolean", "true": ["A"], "false": ["a"]}, "'a' cannot mean both"),
        ({"to": "date", "format": "d.m.Y"}, "is no form of a date"),
        ({"to": "tensor"}, "to: "),
    ],
)
def test_casts_that_say_nothing_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        one("cast", ["1"], **options)


def test_units_are_read_and_brought_to_one() -> None:
    units = {"kg": 1, "g": 0.001, "lb": 0.45359237}
    found = one("units", ["12 kg", "300g", " 2.5 lb ", "1e3 g", "", None], units=units)
    assert found == [12.0, 300 * 0.001, 2.5 * 0.45359237, 1000 * 0.001, None, None]
    assert one("units", ["7"], units=units, bare="kg") == [7.0]
    assert one("units", ["1,5 kg"], units=units, decimal=",") == [1.5]
    fahrenheit = {"C": 1, "F": {"multiply": 5 / 9, "offset": -160 / 9}}
    assert one("units", ["212 F", "20 C"], units=fahrenheit) == pytest.approx([100.0, 20.0])
    assert one("units", [1.0, 2.0, None], multiply=2.54) == [2.54, 5.08, None]
    assert one("units", [0], offset=273.15) == [273.15]
    for text in ("7", "7 KG", "kg", "7 stone", "1.5.2 kg"):
        with pytest.raises(RefusedError, match="no number with a unit of kg, g, lb in 1 of 1 rows"):
            one("units", [text], units=units)
        assert one("units", [text], units=units, unparsable="missing") == [None]
    with pytest.raises(SpecError, match="give the units that are written in it"):
        one("units", ["7 kg"], multiply=2.0)
    with pytest.raises(SpecError, match="bare: 'mg' is none of units: kg"):
        one("units", ["7"], units={"kg": 1}, bare="mg")


def test_dates_are_taken_apart() -> None:
    times = [dt.datetime(2024, 2, 29, 23, 30), None]
    parts = ["year", "month", "day", "weekday", "dayofyear", "hour", "minute"]
    found = clean("dates", {"t": times}, parts=parts, since="2024-02-28")
    assert found.row(0)[1:] == (2024, 2, 29, 4, 60, 23, 30, 47.5 / 24)
    assert found.row(1)[1:] == (None,) * 8
    texts = clean("dates", {"t": ["2024-02-29", "29.2.2024"]}, parts=["weekday"], unparsable="missing")
    assert texts["t_weekday"].to_list() == [4, None]
    moved = clean("dates", {"t": times}, parts=["day", "hour"], utc_offset=1.0)
    assert moved.row(0)[1:] == (1, 0)


@pytest.mark.parametrize("options", [{}, {"parts": [], "since": "2024-01-01"}, {"utc_offset": 1.0}])
def test_a_stray_form_among_dates_is_refused_by_place_and_never_shown(options: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as caught:
        clean("dates", {"t": ["2024-02-29", None, " ", "secret", "29.2.2024"]}, **options)
    told = "column 't' holds what is no date in ISO form in 2 of 5 rows read together, first in that at place 3."
    assert str(caught.value) == told
    assert str(caught.value.in_file("a.csv", 10)) == (
        "a.csv: column 't' holds what is no date in ISO form in 2 of 5 rows, first in row 14. "
        "Correct it there, or have the step make such values missing."
    )
    assert str(caught.value.in_request()) == "column 't' holds what is no date in ISO form, row 4."
    assert clean("dates", {"t": ["2024-02-29", None, " "]}, **options).width > 1


def test_what_goes_round_lies_on_a_circle() -> None:
    days = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 7, 1)]
    found = clean("dates", {"d": days}, parts=["month", "year"], cyclic=True)
    assert found.columns == ["d", "d_month", "d_month_sin", "d_month_cos", "d_year"]
    december, january, july = found.select("d_month_sin", "d_month_cos").rows()
    assert january == (0.0, 1.0)
    assert july == (0.0, -1.0)
    assert math.dist(december, january) < math.dist(july, january)
    assert december == (pytest.approx(-0.5), pytest.approx(math.sqrt(3) / 2))
    hours = clean("dates", {"t": [dt.datetime(2024, 1, 1, h) for h in range(24)]}, parts=["hour"], cyclic=True)
    assert len(set(hours.select("t_hour_sin", "t_hour_cos").rows())) == 24
    leap = clean("dates", {"d": [dt.date(2024, 12, 31)]}, parts=["dayofyear"], cyclic=True)
    assert leap["d_dayofyear_sin"].null_count() == 0


def test_texts_in_one_way_of_writing() -> None:
    given = ["  Ｆull   Width ", "ﬁne", "E\u0301T\u00c9", None, "  "]
    assert one("text", given) == ["full width", "fine", "été", None, None]
    assert one("text", ["Crème brûlée, 12 €!"], accents=True, punctuation=True, digits=True) == ["creme brulee"]
    assert one("text", [" Keep  Me "], lower=False, spaces=False) == ["Keep  Me"]
    assert one("text", ["!?"], punctuation=True) == [None]


def test_spellings_are_merged() -> None:
    merge = {"New York": ["NYC", "new york city"], "Zürich": []}
    given = ["nyc", "N.Y.C.", "New-York", " new  york ", "New York City", "zurich", "Paris", " paris", None, "?"]
    merged = ["nyc", "N.Y.C.", *["New York"] * 3, "Zürich"]
    merged[0] = "New York"
    assert one("spelling", given, merge=merge) == [*merged, "Paris", " paris", None, "?"]
    assert one("spelling", given[6:], merge=merge, others="plain") == ["paris", "paris", None, None]
    assert one("spelling", given[5:7], merge=merge, others="missing") == ["Zürich", None]
    assert one("spelling", ["A.B.", "a b"], others="plain") == ["a b", "a b"]
    with pytest.raises(SpecError, match="'usa' is a spelling of both 'USA' and 'America'"):
        one("spelling", ["a"], merge={"USA": [], "America": ["usa"]})
    with pytest.raises(SpecError, match="neither letter nor digit"):
        one("spelling", ["a"], merge={"?": []})
    with pytest.raises(SpecError, match="give merge"):
        one("spelling", ["a"])


def test_stand_ins_become_missing() -> None:
    assert one("missing", ["a", " Unknown", "?", "-999", None], values=["unknown", "?", -999]) == [
        "a",
        None,
        None,
        None,
        None,
    ]
    assert one("missing", [1.5, -999.0, None, -99.0], values=[-999, "-99"]) == [1.5, None, None, None]
    found = clean("missing", {"x": [1, -999]}, values=[-999.0])["x"]
    assert found.dtype == pl.Int64
    assert found.to_list() == [1, None]
    with pytest.raises(SpecError, match="'x' holds numbers, and none of the values is one"):
        one("missing", [1], values=["unknown"])
    with pytest.raises(SpecError, match="values"):
        one("missing", [1], values=[])


def test_limits_that_hold() -> None:
    ages = [-1.0, 0.0, 120.0, 121.0, None, math.inf]
    assert one("limits", ages, min=0, max=120) == [None, 0.0, 120.0, None, None, None]
    assert one("limits", ages, min=0, max=120, beyond="clip") == [0.0, 0.0, 120.0, 120.0, None, 120.0]
    assert one("limits", [-5, 5], min=0.5) == [None, 5]
    assert clean("limits", {"x": [-5, 5]}, min=0, beyond="clip")["x"].dtype == pl.Int64
    with pytest.raises(RefusedError, match=r"'x' holds what is not from 0.0 to 120.0 in 3 of 6 rows .* at place 0"):
        one("limits", ages, min=0, max=120, beyond="refuse")
    assert one("limits", [0.0, 1.0, None], min=0, max=1, beyond="refuse") == [0.0, 1.0, None]
    with pytest.raises(SpecError, match="must be whole"):
        one("limits", [1], min=0.5, beyond="clip")
    for options, message in (
        ({}, "give min, max or both"),
        ({"min": 2, "max": 1}, "min must not be above max"),
        ({"min": 2, "max": "2024-01-01"}, "both be numbers or both be days"),
        ({"min": math.inf}, "finite"),
    ):
        with pytest.raises(SpecError, match=message):
            one("limits", [1.0], **options)


def test_limits_of_days_hold_to_the_end_of_the_day() -> None:
    days = [dt.date(2019, 12, 31), dt.date(2020, 1, 1), dt.date(2020, 12, 31), dt.date(2021, 1, 1)]
    assert one("limits", days, min="2020-01-01", max="2020-12-31") == [None, *days[1:3], None]
    times = [dt.datetime(2020, 12, 31, 23, 59, 59), dt.datetime(2021, 1, 1)]
    assert one("limits", times, max=dt.date(2020, 12, 31)) == [times[0], None]
    zoned = pl.DataFrame({"x": pl.Series(times).dt.replace_time_zone("UTC")})
    assert clean("limits", zoned, max="2020-12-31")["x"].null_count() == 1
    with pytest.raises(SpecError, match="'x' holds dates; this step needs numbers"):
        one("limits", days, min=0)


def test_crosses_bins_and_flags() -> None:
    found = clean("cross", {"a": ["x", "x|y", None], "b": [1, 2, 3]})
    assert found["a_x_b"].to_list() == ["x | 1", "x||y | 2", None]
    assert clean("cross", {"a": ["x"], "b": [1]}, into="both").columns == ["a", "b", "both"]
    with pytest.raises(SpecError, match="'b' is a column already"):
        clean("cross", {"a": ["x"], "b": [1]}, into="b")
    ages = [17.9, 18.0, 64.0, 65.0, None, math.nan]
    assert one("bins", ages, edges=[18, 65]) == ["<18", "[18, 65)", "[18, 65)", ">=65", None, None]
    assert one("bins", ages[:4], edges=[18, 65], labels=["child", "adult", "old"]) == ["child", "adult", "adult", "old"]
    assert clean("bins", {"x": [1]}, edges=[0], suffix=" range").columns == ["x", "x range"]
    for options, message in (({"edges": [2, 1]}, "edges must rise"), ({"edges": [1], "labels": ["a"]}, "2 ranges")):
        with pytest.raises(SpecError, match=message):
            one("bins", [1.0], **options)
    flags = clean("flags", {"x": [1.0, math.nan, None], "t": ["a", " ", None], "s": [[1.0], None, []]})
    assert flags["x_missing"].to_list() == [False, True, True]
    assert flags["t_missing"].to_list() == [False, True, True]
    assert flags["s_missing"].to_list() == [False, True, False]


def test_measures_of_texts() -> None:
    found = clean(
        "text_features",
        {"t": ["Hi THERE 42!", "", None, "  "]},
        features=["characters", "words", "word_length", "capitals", "digits", "punctuation", "spaces", "lines"],
    )
    assert found.row(0)[1:] == (12, 3, 10 / 3, 6 / 12, 2 / 12, 1 / 12, 2 / 12, 1)
    assert found.row(1)[1:] == (0, 0, None, None, None, None, None, 1)
    assert found.row(2)[1:] == (None,) * 8
    assert found.row(3)[1:] == (2, 0, None, 0.0, 0.0, 0.0, 1.0, 1)


def test_steps_follow_one_another_in_a_recipe_and_refuse_an_endpoint_s_row_too() -> None:
    spec = {
        "clean": [
            {"name": "missing", "columns": ["price"], "values": ["n/a"]},
            {"name": "cast", "columns": ["price"], "to": "number", "decimal": ","},
            {"name": "limits", "columns": ["price"], "min": 0},
            {"name": "flags", "columns": ["price"]},
        ]
    }
    recipe = Recipe(Prepare.model_validate(spec), pl.Schema({"price": pl.String()}))
    found = recipe.apply(pl.DataFrame({"price": ["1,5", "N/A", "-2", None]}))
    assert found["price"].to_list() == [1.5, None, None, None]
    assert found["price_missing"].to_list() == [False, True, True, True]
    assert recipe.frame({"price": ["1,5"]}).to_dicts() == [{"price": 1.5, "price_missing": False}]
    with pytest.raises(DataError, match=r"column 'price' holds what is no number, row 1\."):
        recipe.frame({"price": ["cheap"]})


def test_what_is_missing_is_neither_cut_nor_refused() -> None:
    """To Polars NaN lies above every number; here it is a missing value."""
    rows = [math.nan, 5.0, 20.0, None]
    cut = one("limits", rows, min=0, max=10, beyond="clip")
    assert math.isnan(cut[0])  # type: ignore[arg-type]
    assert cut[1:] == [5.0, 10.0, None]
    assert one("limits", rows, min=0, max=10) == [None, 5.0, None, None]
    assert len(one("limits", [math.nan, 5.0], min=0, max=10, beyond="refuse")) == 2
    assert math.isnan(one("limits", [math.nan], min=0, beyond="clip")[0])  # type: ignore[arg-type]


def test_whole_numbers_beyond_those_of_floats_are_read_to_the_last_digit() -> None:
    texts = ["9007199254740993", "-9223372036854775808", "9,007,199,254,740,993", "12.0", "1e3"]
    assert one("cast", texts, to="integer", thousands=",") == [2**53 + 1, -(2**63), 2**53 + 1, 12, 1000]
    assert one("cast", ["9223372036854775808"], to="integer", unparsable="missing") == [None]


def test_each_range_has_a_name_of_its_own() -> None:
    edges = [1_000_000, 1_000_001, 1_000_001.5, 1e300]
    found = one("bins", [0.0, 1_000_000.0, 1_000_001.0, 1_000_002.0, 1e301], edges=edges)
    assert found == ["<1e+06", "[1e+06, 1000001)", "[1000001, 1000001.5)", "[1000001.5, 1e+300)", ">=1e+300"]
    spec = {"derive": {"range": "bin(x, 1000000, 1000001, 1000001.5)"}}
    recipe = Recipe(Prepare.model_validate(spec), pl.Schema({"x": pl.Float64}))
    assert recipe.apply(pl.DataFrame({"x": [1_000_000.5, 1_000_001.0]}))["range"].to_list() == found[1:3]


def test_a_number_that_stands_for_missing_is_met_in_texts_by_its_value() -> None:
    assert one("missing", ["-999", "-999.0", "1", "7"], values=[-999.0, 1]) == [None, None, None, "7"]
