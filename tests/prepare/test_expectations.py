"""Expectations on frames: clean rows pass, each kind of violation is found, and order and pieces do not matter."""

import datetime as dt
import itertools
import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.prepare.expectations import REASON, WHERE, Checker, Decision, Violations, merge
from rayline.spec.sections import Expectation, RowsExpectation

NOW = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


def table(n: int = 40) -> pl.DataFrame:
    """Rows that hold what GOOD expects."""
    start = dt.datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "n": range(n),
            "x": [i / 7 for i in range(n)],
            "code": [f"A{i % 10}-{i % 100:02d}" for i in range(n)],
            "kind": [("red", "green", "True")[i % 3] for i in range(n)],
            "flag": [i % 2 == 0 for i in range(n)],
            "day": [f"2024-01-{1 + i % 28:02d}" for i in range(n)],
            "time": [start + dt.timedelta(days=i) for i in range(n)],
            "low": [float(i) for i in range(n)],
            "high": [i + 1.0 for i in range(n)],
            ROW: range(n),
        },
        schema_overrides={ROW: pl.Int64},
    )


def expectations(on: str = "stop", **changed: dict[str, Any]) -> dict[str, Expectation]:
    good: dict[str, dict[str, Any]] = {
        "n": {"type": "integer", "min": 0, "max": 1000, "nullable": False, "unique": True, "increasing": "strictly"},
        "x": {"type": "number", "min": 0, "missing_share": 0.1},
        "code": {"type": "text", "pattern": r"[A-Z]\d-\d{2}"},
        "kind": {"allowed": ["red", "green", "true"]},
        "flag": {"type": "boolean"},
        "day": {"type": "date"},
        "time": {"increasing": True, "max_age": "60d"},
        "*": {"rows": {"min": 1, "max": 1000, "change": 0.5}, "expressions": ["low <= high", "n >= 0 or flag"]},
    }
    return {name: Expectation(**{**said, "on": on, **changed.get(name, {})}) for name, said in good.items()}


def decide(frame: pl.DataFrame, expect: dict[str, Expectation], pieces: int = 1, **options: Any) -> Decision:
    checker = Checker(expect)
    return checker.decide(looked_at(checker, frame, pieces), now=NOW, **options)


def looked_at(checker: Checker, frame: pl.DataFrame, pieces: int) -> Violations:
    cuts = np.linspace(0, frame.height, pieces + 1).astype(int)
    parts = {i: frame[a:b] for i, (a, b) in enumerate(itertools.pairwise(cuts))}
    found = merge([checker.check(part, i, f"part {i}") for i, part in parts.items()])
    again = checker.before(found)
    return merge([found, *(checker.order(found, parts[i], i, before) for i, before in again.items())])


def changed(frame: pl.DataFrame, column: str, at: dict[int, Any]) -> pl.DataFrame:
    values = frame[column].to_list()
    for row, value in at.items():
        values[row] = value
    return frame.with_columns(pl.Series(column, values, dtype=frame.schema[column]))


@pytest.mark.parametrize("on", ["stop", "warn", "quarantine"])
@pytest.mark.parametrize("pieces", [1, 3, 40])
def test_clean_rows_pass(on: str, pieces: int) -> None:
    decision = decide(table(), expectations(on), pieces, history=[40, 41])
    assert (decision.broken, decision.rows, len(decision.aside)) == ((), 40, 0)


def test_missing_values_break_only_what_is_said_of_them() -> None:
    frame = table().with_columns(
        pl.when(pl.col(ROW) != 5).then(pl.all().exclude(ROW, "n", "x")), pl.when(pl.col(ROW) < 38).then("x").alias("x")
    )
    assert not decide(frame, expectations()).broken


PLANTED: list[tuple[str, dict[int, Any], str, list[int]]] = [
    ("n", {7: None, 9: None}, "n.nullable", [7, 9]),
    ("n", {0: -1}, "n.min", [0]),
    ("n", {39: 1001}, "n.max", [39]),
    ("n", {20: 3}, "n.unique", [20]),
    ("x", {4: -0.5, 30: -1.0}, "x.min", [4, 30]),
    ("code", {3: "A1-1", 4: "xA1-11", 5: "A1-11\n2"}, "code.pattern", [3, 4, 5]),
    ("kind", {2: "blue"}, "kind.allowed", [2]),
    ("day", {8: "yesterday", 9: "2024-02-30"}, "day.type", [8, 9]),
    ("time", {6: dt.datetime(2023, 1, 1)}, "time.increasing", [6]),
    ("high", {1: -3.0}, "*.expressions 'low <= high'", [1]),
]


@pytest.mark.parametrize(("column", "at", "name", "rows"), PLANTED)
@pytest.mark.parametrize("pieces", [1, 4])
def test_each_violation_is_found_in_its_rows(
    column: str, at: dict[int, Any], name: str, rows: list[int], pieces: int
) -> None:
    frame = changed(table(), column, at)
    for on in ("stop", "warn", "quarantine"):
        decision = decide(frame, expectations(on), pieces)
        broken = {one.check.name: one for one in decision.broken}
        assert broken[name].rows == len(rows)
        for row, example in zip(rows, broken[name].examples, strict=True):
            assert f"row {row + 1} of part {row * pieces // 40}" in example
        assert bool(decision.stops) is (on == "stop")
        assert decision.aside.tolist() == (sorted(rows) if on == "quarantine" else [])
        assert decision.rows == 40 - len(decision.aside)


@pytest.mark.parametrize(
    ("dtype", "values", "said", "wrong"),
    [
        (pl.Float64, [1.0, 2.5, np.nan, None, np.inf], {"type": "integer"}, [1]),
        (pl.Int64, [1, 2], {"type": "text"}, [0, 1]),
        (pl.Boolean, [True, None], {"type": "number"}, [0]),
        (pl.String, ["1", " 2.0 ", "1.5", "x", "", None, "1e3"], {"type": "integer"}, [2, 3, 6]),
        (pl.String, ["1", "-.5e-3", "1_000", "nan", "٣"], {"type": "number"}, [2, 3, 4]),
        (pl.String, ["true", "False", "yes", "1"], {"type": "boolean"}, [2, 3]),
        (pl.String, ["2024-01-01T10:00:00Z", "2024-01-01 10:00", "2024-1-1", "01.02.2024"], {"type": "date"}, [2, 3]),
        (pl.Date, [dt.date(2024, 1, 1)], {"type": "date"}, []),
        (pl.String, ["5", "11", "many"], {"max": 10}, [1, 2]),
        (pl.Int64, [2**62, 5], {"max": 10}, [0]),
        (pl.Date, [dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)], {"min": "2024-01-02"}, [0]),
        (pl.Datetime("ms"), [dt.datetime(2024, 1, 2, 23, 59), dt.datetime(2024, 1, 3)], {"max": "2024-01-02"}, [1]),
        (pl.Datetime("us"), [dt.datetime(2024, 1, 2, 12, 1)], {"max": "2024-01-02T12:00"}, [0]),
        (
            pl.Datetime("us", "Asia/Tokyo"),
            [dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC)],
            {"max": "2024-01-02 02:00Z"},
            [0],
        ),
        (
            pl.Datetime("us", "Asia/Tokyo"),
            [dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC)],
            {"max": "2024-01-02 03:00Z"},
            [],
        ),
        (pl.String, ["2024-01-03", " 2024-01-02T23:59:59Z", "3.1.2024", "", None], {"max": "2024-01-02"}, [0, 2]),
        (pl.String, ["2024-01-02T01:00:00+02:00"], {"min": "2024-01-02"}, [0]),
        (pl.Null, [None], {"min": "2024-01-02"}, []),
        (pl.Int64, [1, 2, 3], {"allowed": [1, "2.0"]}, [1, 2]),
        (pl.Float64, [1.0, 0.5, np.nan], {"allowed": [1, 0.5]}, []),
        (pl.Boolean, [True, False], {"allowed": [True]}, [1]),
        (pl.String, [" a", "TRUE", "b"], {"allowed": ["a", "true"]}, [2]),
        (pl.Date, [dt.date(2024, 1, 1), dt.date(2024, 1, 2)], {"allowed": ["2024-01-01"]}, [1]),
        (pl.Int64, [12345, 1], {"pattern": r"\d{5}"}, [1]),
        (pl.String, ["", " ", None, "a"], {"nullable": False}, [0, 1, 2]),
        (pl.Float64, [np.nan, np.inf, None, 0.0], {"nullable": False}, [0, 1, 2]),
        (pl.List(pl.Float64), [[1.0], None], {"nullable": False}, [1]),
        (pl.Float64, [0.0, -0.0, 1.0, None, None], {"unique": True}, [1]),
        (pl.Boolean, [True, False, True], {"unique": True}, [2]),
        (pl.String, ["2024-01-01", "2023-01-01", "2024-01-01"], {"increasing": True}, [1]),
        (pl.String, ["2024-01-01", "2023-01-01", "2024-01-01"], {"increasing": "strictly"}, [1, 2]),
        (pl.Float64, [1.0, np.nan, 5.0, 4.0, 4.5, None, 6.0], {"increasing": True}, [3, 4]),
        (pl.String, ["2024-01-01", "soon", " ", None, "2023-01-01", "2024-01-02"], {"increasing": True}, [1, 4]),
        (pl.String, ["b", "a", None], {"increasing": True}, [0, 1]),
    ],
)
def test_columns_of_every_type(dtype: Any, values: list[Any], said: dict[str, Any], wrong: list[int]) -> None:
    frame = pl.DataFrame({"c": pl.Series(values, dtype=dtype), ROW: np.arange(len(values))})
    for pieces in (1, len(values)):
        assert decide(frame, {"c": Expectation(**said, on="quarantine")}, pieces).aside.tolist() == wrong


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"x": Expectation(missing_share=0.05)}, r"x.missing_share: 4 of 40 rows \(10.00%\)"),
        ({"time": Expectation(max_age="2d")}, r"time.max_age: the newest value is 21.0d old, more than 2d"),
        ({"empty": Expectation(max_age="2d")}, "there is no date at all"),
        ({"*": Expectation(rows=RowsExpectation(min=50))}, r"\*.rows: 40 rows, fewer than 50"),
        ({"*": Expectation(rows=RowsExpectation(max=30))}, "40 rows, more than 30"),
        (
            {"*": Expectation(rows=RowsExpectation(change=0.2))},
            "where the last 3 runs had 100: a change of more than 20%",
        ),
    ],
)
def test_what_is_said_of_all_rows(said: dict[str, Expectation], told: str) -> None:
    frame = table().with_columns(x=pl.when(pl.col(ROW) % 10 != 0).then("x"), empty=pl.lit(None, pl.String))
    for pieces in (1, 7):
        decision = decide(frame, said, pieces, history=[100, 90, 2000])
        assert len(decision.broken) == 1
        line = f"{decision.broken[0].check.name}: {decision.broken[0].text}"
        assert pl.Series([line]).str.contains(told).item(), line
        assert decision.stops
    quarantined = {name: one.model_copy(update={"on": "quarantine"}) for name, one in said.items()}
    assert decide(frame, quarantined, history=[100, 90, 2000]).stops  # there is no row to set aside
    assert not decide(frame, {n: one.model_copy(update={"on": "warn"}) for n, one in said.items()}).stops
    assert not decide(table(), {"*": Expectation(rows=RowsExpectation(change=0.2))}).broken  # no history yet


def test_rows_in_quarantine_take_no_part_in_what_is_said_of_the_rest() -> None:
    frame = changed(changed(table(), "n", {3: 5000, 10: 5000}), "time", {5: dt.datetime(2030, 1, 1)})
    frame = changed(frame, "low", {5: 1e6})
    decision = decide(frame, expectations("quarantine"), 4)
    # 5000 twice and out of range: neither a repetition nor an order; the row of 2030 breaks low <= high
    assert [one.check.name for one in decision.broken] == ["n.max", "*.expressions 'low <= high'"]
    assert decision.aside.tolist() == [3, 5, 10]


def messy(n: int = 500, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    frame = table(n)
    for column, values in (
        ("n", rng.integers(0, n, n)), ("x", rng.normal(size=n)), ("high", np.arange(n) + rng.normal(1, 1, n)),
        ("kind", rng.choice(["red", "blue"], n)), ("code", rng.choice(["A1-11", "bad", "B2-2"], n)),
    ):  # fmt: skip
        where = rng.random(n) < 0.1
        frame = changed(frame, column, {int(i): values[i].item() for i in np.flatnonzero(where)})
    late = {int(i): dt.datetime(2024, 1, 1) + dt.timedelta(days=int(i) - 20) for i in rng.choice(n, 30, replace=False)}
    return changed(frame, "time", late)


@pytest.mark.parametrize("on", ["warn", "quarantine"])
def test_pieces_and_the_order_of_merging_do_not_matter(on: str) -> None:
    frame, expect = messy(), expectations(on)
    checker = Checker(expect)
    told = []
    for pieces in (1, 2, 9, 137):
        found = looked_at(pickle.loads(pickle.dumps(checker)), frame, pieces)
        parts = [Violations({index: one}) for index, one in found.found.items()]
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(parts))
            tree = [merge([parts[i] for i in chunk]) for chunk in np.array_split(order, min(3, len(parts)))]
            decision = checker.decide(merge(tree[::-1]), now=NOW)
            broken = [(b.check.name, b.rows, [e.partition(" of part")[0] for e in b.examples]) for b in decision.broken]
            members = {n: rows.tolist() for n, rows in decision.members.items()}
            told.append((decision.rows, decision.aside.tolist(), members, broken))
    assert all(one == told[0] for one in told)
    assert len(told[0][3]) >= 6
    assert bool(told[0][1]) is (on == "quarantine")


def test_the_order_of_texts_that_are_no_dates() -> None:
    frame = pl.DataFrame({"c": ["2024-01-02", "soon", "2024-01-01", "later"], ROW: np.arange(4)})
    expect = {"c": Expectation(increasing=True, on="quarantine")}
    for pieces in (1, 4):
        decision = decide(frame, expect, pieces)
        (told,) = decision.broken
        assert told.text.startswith("3 rows below one before or not a date: ")
        assert [example.partition(" of ")[0] for example in told.examples] == ["row 2", "row 3", "row 4"]
    rows = Checker(expect).reasons(frame.filter(pl.col(ROW) > 0), "", decision.members)
    why = ["not a date", "below one before", "not a date"]
    assert rows[REASON].to_list() == [f"c.increasing: {reason}" for reason in why]
    (told,) = decide(frame.filter(pl.col(ROW) % 2 == 1), expect).broken
    assert told.text.startswith("2 rows not a date: ")
    assert told.text.endswith(". No text of 'c' is a date: increasing is for numbers and dates")


def test_what_is_left_after_quarantine_holds() -> None:
    frame, expect = messy(), expectations("quarantine")
    decision = decide(frame, expect, 5)
    rest = frame.filter(~pl.col(ROW).is_in(decision.aside.tolist()))
    assert not decide(rest, expect, 3).broken
    assert rest.height == decision.rows


def test_reasons_stand_beside_quarantined_rows() -> None:
    checker = Checker(expectations("quarantine"))
    frame = changed(changed(table(), "n", {4: -1, 20: 3}), "kind", {4: "blue"})
    decision = checker.decide(checker.check(frame, 0, "a.csv"), now=NOW)
    rows = checker.reasons(frame.filter(pl.col(ROW).is_in(decision.aside.tolist())), "a.csv", decision.members)
    assert rows[REASON].to_list() == [
        "n.min: below 0; kind.allowed: not allowed",
        "n.unique: a repeated value; n.increasing: not above one before",
    ]
    assert rows[WHERE].to_list() == ["row 5 of a.csv", "row 21 of a.csv"]
    assert rows.drop(REASON, WHERE).equals(frame[[4, 20]])


def test_private_values_are_never_told() -> None:
    expect = {
        "secret": Expectation(max=5, unique=True, allowed=("1", "2"), pattern=r"\d", increasing=True),
        "*": Expectation(expressions=("secret < other",)),
    }
    frame = pl.DataFrame({"secret": [777.25, 2.0, 777.25, 1.0], "other": [888.5] * 2 + [1.0] * 2, ROW: range(4)})
    decision = Checker(expect, private=["secret"]).decide(Checker(expect, private=["secret"]).check(frame))
    assert len(decision.broken) == 6
    everything = str([one.to_json() for one in decision.broken])
    assert "777" not in everything
    assert "888" not in everything  # beside a private one
    assert "777.25" in str([one.to_json() for one in Checker(expect).decide(Checker(expect).check(frame)).broken])


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ({"cod": Expectation(unique=True)}, r"'cod' is not a column. Did you mean 'code'\?"),
        ({"flag": Expectation(min=0)}, "data.expect.flag.min is a number, and 'flag' holds Boolean. Leave it out"),
        ({"time": Expectation(max=3)}, "max is a number, and 'time' holds Datetime.* Give a date, such as 2024-01-31"),
        ({"n": Expectation(max="2024-01-31")}, "max is a date, and 'n' holds Int64. Leave it out"),
        ({"day": Expectation(max=3, type="date")}, "max is a number, and the type expected of 'day' is date"),
        ({"code": Expectation(min="2024-01-31", type="number")}, "is a date, and the type expected of 'code' is num"),
        ({"n": Expectation(max_age="2d")}, "is for dates"),
        ({"flag": Expectation(increasing=True)}, "dates or numbers"),
        ({"list": Expectation(unique=True)}, "single values"),
        ({"list": Expectation(pattern="x")}, "is for text"),
        ({"*": Expectation(expressions=("low <= hihg",))}, "'hihg' is not a column. Did you mean 'high'"),
        ({"*": Expectation(expressions=("low + high",))}, "is no condition"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused(expect: dict[str, Expectation], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        Checker(expect).prove(table().with_columns(list=pl.concat_list("low")).schema)


def test_real_data_holds_what_its_own_extremes_say_and_no_less() -> None:
    data = load_breast_cancer(as_frame=True).frame
    frame = pl.from_pandas(data).with_row_index(ROW).cast({ROW: pl.Int64})
    names = [name for name in frame.columns if name != ROW]
    ends = {name: (float(data[name].min()), float(data[name].max())) for name in names}
    exact = {n: Expectation(type="number", min=low, max=high, nullable=False) for n, (low, high) in ends.items()}
    exact["*"] = Expectation(
        expressions=("`mean area` <= `worst area`", "`mean radius` ** 2 * 3.0 < `mean area` * 1.2")
    )
    assert not decide(frame, exact, 6).broken
    tight = {"mean radius": Expectation(max=20.0, on="quarantine")}
    assert decide(frame, tight, 6).aside.tolist() == np.flatnonzero(data["mean radius"].to_numpy() > 20).tolist()
