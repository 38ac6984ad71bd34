"""The expression language: what it computes, what it refuses, and that rows never see one another."""

import datetime as dt
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.errors import SpecError
from rayline.core.expressions import FUNCTIONS, columns_of, compile_expression, compiled

FRAME = pl.DataFrame(
    {
        "a": [1.5, None, -2.0, 0.0],
        "n": [1, 2, None, 4],
        "t": ["Ab c", " ", None, "x"],
        "d": ["2024-01-06", None, "2024-02-01 10:30:00", "bad"],
        "b": [True, None, False, True],
        "odd name": [1, 2, 3, 4],
        "class": [1, 2, 3, 4],
        "when": [dt.date(2024, 1, 6), None, dt.date(2024, 2, 1), dt.date(2023, 12, 31)],
        "big": [2**53, 2**53 + 1, 0, -1],
        "list": [[1.0], [], None, [2.0]],
    }
)


def compute(text: str, frame: pl.DataFrame = FRAME) -> pl.Series:
    return frame.select(compile_expression(text, frame.schema).alias("made"))["made"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a / n", [1.5, None, None, 0.0]),
        ("n / a", [1 / 1.5, None, None, None]),
        ("a + n * 2 - b", [2.5, None, None, 7.0]),
        ("a % 0.75", [0.0, None, 0.25, 0.0]),
        ("7 // a", [4.0, None, -4.0, None]),
        ("2 ** n", [2.0, 4.0, None, 16.0]),
        ("-2 ** n", [-2.0, -4.0, None, -16.0]),
        ("(-n) ** 0.5", [None, None, None, None]),
        ("log(a)", [math.log(1.5), None, None, None]),
        ("log1p(a)", [math.log1p(1.5), None, None, 0.0]),
        ("sqrt(a)", [math.sqrt(1.5), None, None, 0.0]),
        ("exp(a * 1000)", [None, None, 0.0, 1.0]),
        ("1 / exp(a * 1000)", [None, None, None, 1.0]),  # an overflow never comes back as 0
        ("a * 1e308 * 10 > 0", [None, None, None, False]),
        ("abs(a)", [1.5, None, 2.0, 0.0]),
        ("floor(a / 2)", [0.0, None, -1.0, 0.0]),
        ("ceil(a / 2)", [1.0, None, -1.0, 0.0]),
        ("round(a / 3, 2)", [0.5, None, -0.67, 0.0]),
        ("min(a, n, 2)", [1.0, None, None, 0.0]),
        ("max(a, n)", [1.5, None, None, 4.0]),
        ("clip(a, null, 1)", [1.0, None, -2.0, 0.0]),
        ("if(a > 0, 1, 0)", [1, None, 0, 0]),
        ("1 if a > 0 else n", [1, None, None, 4]),
        ("if(is_missing(a), n, 2)", [2, 2, 2, 2]),
        ("if(a > 0, null, a)", [None, None, -2.0, 0.0]),
        ("fill(a, 0)", [1.5, 0.0, -2.0, 0.0]),
        ("fill(1 / a, 9)", [1 / 1.5, 9.0, -0.5, 9.0]),
        ("is_missing(t)", [False, True, True, False]),
        ("lower(t)", ["ab c", " ", None, "x"]),
        ("upper(strip(t))", ["AB C", "", None, "X"]),
        ("length(t)", [4, 1, None, 1]),
        ("words(t)", [2, 0, None, 1]),
        ("contains(t, 'b')", [True, False, None, False]),
        (r"matches(t, '\w+\s\w')", [True, False, None, False]),
        ("matches(t, 'A')", [False, False, None, False]),  # of the whole text
        ("replace(t, ' ', '-')", ["Ab-c", "-", None, "x"]),
        ("concat(t, n, '!')", ["Ab c1!", " 2!", None, "x4!"]),
        ("cross(t, b)", ["Ab c | true", None, None, "x | true"]),
        ("text(a)", ["1.5", None, "-2", "0"]),
        ("bin(a, -1, 0, 1)", [">=1", None, "<-1", "[0, 1)"]),
        ("number(t)", [None, None, None, None]),
        ("number(text(n)) + 1", [2.0, 3.0, None, 5.0]),
        ("weekday(d)", [6, None, 4, None]),
        ("weekday(when) >= 6", [True, None, False, True]),
        ("hour(d) * 60 + minute(d)", [0.0, None, 630.0, None]),
        ("[year(when), 1]", None),
        ("year(when) * 10000 + month(when) * 100 + day(when)", [20240106.0, None, 20240201.0, 20231231.0]),
        ("dayofyear(when)", [6, None, 32, 365]),
        ("days_between(when, '2024-03-01 12:00')", [55.5, None, 29.5, 61.5]),
        ("year(date(concat(n, '.5.2020'), '%d.%m.%Y'))", [2020, 2020, None, 2020]),
        ("when > '2024-01-06'", [False, None, True, False]),
        ("'2024-01-06' == when", [True, None, False, False]),
        ("`odd name` + class", [2.0, 4.0, 6.0, 8.0]),
        ('col("odd name") == col("class")', [True] * 4),
        ("n in (1, 4.0)", [True, False, None, True]),
        ("n not in [1, 4]", [False, True, None, False]),
        ("t in ('x', 'y')", [False, False, None, True]),
        ("0 < a <= 1.5 and not b", [False, None, False, False]),
        ("b or a < 0", [True, None, True, True]),
        ("b and a < 0", [False, None, False, False]),
        ("big == 9007199254740993", [False, True, False, False]),  # whole numbers compare as such
        ("b == true", [True, None, False, True]),
        ("not not b", [True, None, False, True]),
        ("if(true, 1, n)", [1, 1, 1, 1]),
        ("  a\n+ n ", [2.5, None, None, 4.0]),
    ],
)
def test_it_computes(text: str, wanted: list[object] | None) -> None:
    if wanted is None:
        with pytest.raises(SpecError, match="no part of the language"):
            compute(text)
        return
    assert compute(text).to_list() == wanted


def test_every_function_is_computed_in_some_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FUNCTIONS if f"{name}(" not in source] == []


def test_crossed_values_never_meet() -> None:
    frame = pl.DataFrame({"x": ["a |", "a", "a|", "a | b"], "y": ["b", "| b", "|b", "c"]})
    assert compute("cross(x, y)", frame).n_unique() == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a +", "no expression"),
        ("clas / 2", r"position 1: 'clas' is not a column. Did you mean 'class'\? Columns: a, n"),
        ("é + 1", "position 1: 'é' is not a column"),
        ("'é' == t and odd > 1", "position 14: 'odd' is not a column"),
        ("lgo(a)", r"'lgo' is no function. Did you mean 'log'\? Functions: abs, bin"),
        ("log", "'log' is not a column. log is a function: log"),
        ("t + 1", r"position 1: a number is needed, not a text. number\(…\) reads it"),
        ("a == 'x'", "position 6: to compare, values of one kind"),
        ("a == null", "is_missing"),
        ("1 + 2", "reads no column"),
        ("a and b", "condition is needed, not a number"),
        ("if(a, 1, 2)", "condition is needed"),
        ("if(b, 1, 'x')", "values of one kind are needed, not number and text"),
        ("'b' in t", "after in comes a list of constants"),
        ("t in ()", "empty"),
        ("t in ('a', n)", "after in come constants"),
        ("log(a, n)", "does not take 2 arguments"),
        ("matches(t, '(')", "is no regular expression: unclosed group"),
        ("matches(t, t)", "written out"),
        ("`a", "` is not closed"),
        ("a'b'", "operator or a space is missing"),
        ("not'b'", "operator or a space is missing"),
        ("a.b", "backticks"),
        ("a # b", "comment"),
        ("(lambda: a)()", "no expression"),
        ("__import__('os').system('x')", "a function is called by its name"),
        ("().__class__", "backticks"),
        ("a if b", "no expression"),
        ("a @ n", "operator is no part"),
        ("~b", "Use not"),
        ("when > 'soon'", "'soon' is no date"),
        ("days_between(when, 'soon') > 1", r"position 20: in days_between\(start, end\), 'soon' is no date"),
        ("length(a)", "a text is needed, not a number"),
        ("year(n)", "a date is needed"),
        ("bin(a, 3, 2)", "position 11: in bin"),
        ("clip(a, 3, 2)", "below the lower"),
        ("round(a, n)", "written out"),
        ("date(t, 'x')", "no form of a date"),
        ("date(t, '%Q')", "no form of a date"),
        ("log(x=a)", "one after the other"),
        ("list", r"holds List\(Float64\)"),
        ("1e999 * a", "too large"),
        ("-" * 2000 + "a", "nested too deeply"),
        ("exp(" * 14 + "a" + ")" * 14, "operations"),
        ("a" * 5000, "4000 are the most"),
        ("", "an expression is a text"),
        ("fill(null, null)", "reads no column"),
        ("if(b, null, null)", "missing in every row"),
    ],
)
def test_it_refuses(text: str, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        compute(text)


DAYS = pl.DataFrame(
    {
        "seen": ["2024-01-31", "2024-01-31T00:00", "2024-02-01 10:00:00+02:00", "9/3/2024", " ", None],
        "day": [dt.date(2024, 1, 31)] * 6,
    }
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("seen > '2024-01-31'", [False, False, True, None, None, None]),  # as texts: the second true, the fourth too
        ("'2024-02-01 08:00' <= seen", [False, False, True, None, None, None]),
        ("seen >= day", [True, True, True, None, None, None]),
        ("year(seen) == 2024", [True, True, True, None, None, None]),
        ("days_between(day, seen) > 0", [False, False, True, None, None, None]),
        ("month(date(seen, '%Y-%m-%d')) > 0", [True, None, None, None, None, None]),
    ],
)
def test_a_stray_form_among_dates_is_told_of_and_not_compared_as_text(text: str, wanted: list[object]) -> None:
    made = compiled(text, DAYS.schema)
    assert DAYS.select(made.expr.alias("made"))["made"].to_list() == wanted
    strays = [one is None and value not in (" ", None) for one, value in zip(wanted, DAYS["seen"], strict=True)]
    assert [DAYS.select(one.rows.fill_null(value=False))["seen"].to_list() for one in made.unread] == [strays]
    form = "the form '%Y-%m-%d'" if "%" in text else "ISO form"
    assert str(made.unread[0]) == f"column 'seen' holds what is no date in {form}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("seen == '2024-01-31'", [True, True, False, False, False, None]),
        ("seen != '2024-01-31 00:00:00'", [False, False, True, True, True, None]),
        ("seen in ('2024-02-01 08:00', '9/3/2024')", [False, False, True, True, False, None]),
        ("text(seen) > '2024-01-31'", [False, True, True, True, False, None]),
        ("seen > 'b'", [False, False, False, False, False, None]),
        ("is_missing(date(seen))", [False, False, False, True, True, True]),
        ("year(fill(date(seen), date('2020-01-01'))) == 2020", [False, False, False, True, True, True]),
        ("if(contains(seen, '/'), false, seen > '2024-01-31')", [False, False, True, False, None, None]),
    ],
)
def test_what_equals_no_date_or_is_looked_at_where_it_is_none_is_not_told_of(text: str, wanted: list[object]) -> None:
    made = compiled(text, DAYS.schema)
    assert DAYS.select(made.expr.alias("made"))["made"].to_list() == wanted
    assert made.unread == ()


def test_columns_are_told_in_order() -> None:
    assert columns_of('if(age > 60, `net income`, col("x y")) / age + log(log)') == ("age", "net income", "x y", "log")
    assert columns_of("cross(lower(city), true)") == ("city",)


NUMERIC = [
    "x / 10", "x / y", "10 / x", "y / k", "x // 0.3", "x % 0.3", "x % y", "k % 7", "abs(x) ** y", "abs(x) ** 3",
    "1.7 ** y", "abs(y) ** 0.5", "log(abs(x))", "log1p(abs(x))", "exp(y)", "sqrt(abs(x)) / 3", "round(x / 7, 3)",
    "min(x / 3, y)",    "x * y + k / 3 - x % 2", "if(x > y, x / 7, y / 7)", "fill(x / y, k / 3)", "clip(x / 3, -1, 1)",
    "days_between(t0, t1) / 7", "number(text(x)) / 3", "x / (1 / 3)", "(x > 0) / 3", "bin(x / 7, -1, 0, 1)",
    "concat(x / 3, '-', k)",    "contains(text(x), '1') and x / 3 > 0.1", "hour(t0) / 24", "matches(text(k), '[1-4]+')",
]  # fmt: skip


def messy(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    x = rng.normal(size=rows) * rng.choice([1e-8, 1.0, 1e5], rows)
    x[::17], x[::29], x[::31], x[::37] = math.nan, math.inf, 0.0, -math.inf
    y = rng.normal(size=rows)
    y[::13] = 0.0
    start = np.datetime64("2020-01-01", "us") + rng.integers(0, 10**14, rows).astype("timedelta64[us]")
    return pl.DataFrame({
        "x": x, "y": y, "k": rng.integers(-50, 50, rows), "t0": start,
        "t1": start + rng.integers(0, 10**13, rows).astype("timedelta64[us]"),
    }).with_columns(pl.when(pl.int_range(rows) % 11 != 0).then(pl.col("y")).alias("y"))  # fmt: skip


@pytest.mark.parametrize("text", NUMERIC)
def test_a_row_is_the_same_alone_and_among_others(text: str) -> None:
    frame = messy(240)
    whole = compute(text, frame)
    alone = pl.concat([compute(text, frame[row]) for row in range(frame.height)])
    pairs = pl.concat([compute(text, frame[row : row + 2]) for row in range(0, frame.height, 2)])
    chunks = compute(text, pl.concat([frame[:100], frame[100:]], rechunk=False))
    assert whole.dtype == alone.dtype
    if whole.dtype == pl.Float64:
        assert whole.drop_nulls().is_finite().all()
        whole, alone, pairs, chunks = (s.reinterpret(signed=True) for s in (whole, alone, pairs, chunks))
    for other in (alone, pairs, chunks):
        assert whole.equals(other, null_equal=True)
    assert compute(text, frame[:0]).len() == 0
    assert whole.null_count() < whole.len()


def test_divisions_are_those_of_numpy() -> None:
    frame = messy(2000).drop_nulls().filter(pl.col("x").is_finite() & (pl.col("y") != 0))
    x, y = frame["x"].to_numpy(), frame["y"].to_numpy()
    assert np.array_equal(compute("x / y", frame).to_numpy(), x / y)
    assert np.array_equal(compute("x / 10", frame).to_numpy(), x / 10)
    streamed = frame.lazy().select(compile_expression("x / 10", frame.schema)).collect(engine="streaming")
    assert np.array_equal(streamed.to_series().to_numpy(), x / 10)


WORDS = st.sampled_from(
    ["a", "n", "t", "b", "d", "when", "`odd name`", "1", "0", "2.5", "'x'", '"2024-01-01"', "(", ")", ",", "+", "-",
     "*", ".", "/", "//", "%", "**", "<", "<=", "==", "!=", "and", "or", "not", "in", "if", "else", "true", "null", "[",
     "]",     *(f"{name}(" for name in FUNCTIONS), "é", "\n", ":", "=", "#", "`", "lambda", "col('a')"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=12))
def test_any_text_gives_a_column_of_its_rows_or_an_error_of_ours(words: list[str]) -> None:
    try:
        expr = compile_expression(" ".join(words), FRAME.schema)
    except SpecError:
        return
    for rows in (0, 1, 4):
        assert FRAME[:rows].select(expr.alias("made")).height == rows


OPERANDS = st.sampled_from(["a", "n", "1", "b", "2.5", "fill(a, 1)", "if(b, a, n)"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "//", "**"])
NESTED = st.recursive(OPERANDS, lambda x: st.builds("({} {} {})".format, x, OPERATORS, x), max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(NESTED)
def test_nested_arithmetic_is_the_same_alone(text: str) -> None:
    whole = compute(f"n + {text}")
    assert [compute(f"n + {text}", FRAME[row]).item() for row in range(4)] == whole.to_list()


def test_many_arguments_and_long_chains_are_no_exponential_work() -> None:
    names = [f"c{n}" for n in range(20)]
    frame = pl.DataFrame({name: [float(n), -float(n), None if n == 7 else 0.0] for n, name in enumerate(names)})
    chain = "fill(" * 19 + names[0] + "".join(f", {name})" for name in names[1:])
    texts = {"most": f"max({', '.join(names)})", "least": f"min({', '.join(names)})", "first": chain}
    made = frame.select(compile_expression(text, frame.schema).alias(name) for name, text in texts.items())
    assert made.rows() == [(19.0, 0.0, 0.0), (0.0, -19.0, 0.0), (None, None, 0.0)]


def test_a_zero_has_one_sign_whatever_rows_are_computed_with_it() -> None:
    """Polars makes `x` of `x + 0` over many rows, and `-x` of `0 - x`; of one row it computes them."""
    frame = pl.DataFrame({"x": [0.0, -0.0, 0.0, -0.0, 3.0], "y": [0.0, 0.0, -0.0, -0.0, -3.0]})
    texts = [
        "x + 0",
        "0 - x",
        "x - y",
        "x + y",
        "x % 3",
        "max(x - 0, y)",
        "if(x > 1, 1, 0 - x)",
        "-(x + 0)",
        "(x + 0) * y",
    ]
    for text in [*texts, "x", "-x", "x * y", "x * -1", "x - 3", "floor(0.5) - x"]:
        expr = compile_expression(text, frame.schema).alias("made")
        together = frame.select(expr)["made"].to_list()
        alone = [frame[n].select(expr)["made"][0] for n in range(5)]
        assert [math.copysign(1, a) for a in together] == [math.copysign(1, b) for b in alone], text
        assert together == alone, text
        if text in texts:
            assert all(math.copysign(1, value) == 1 for value in together if value == 0), text
