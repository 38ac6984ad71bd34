"""Oddities of made-up data: each is told, with a line that a spec takes; the page and the terminal show them."""

from __future__ import annotations

import io
import re
import wave
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from made_reports import EVIL
from PIL import Image
from rich.console import Console

from rayline.core.columns import ROW
from rayline.prepare.recipe import Recipe
from rayline.profile.association import associations
from rayline.profile.coverage import coverage
from rayline.profile.profile import Profile, profile_frame
from rayline.report import profile_page, profile_text, spec_lines
from rayline.report.alerts import Alert, alerts
from rayline.report.cards import cards
from rayline.spec.document import validate

N = 2000


def picture(size: int, level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size + 3), (level, 80, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def sound(rate: int, samples: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * samples))
    return buffer.getvalue()


def odd() -> pl.DataFrame:
    """A column for every oddity."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    y = np.where(rng.random(N) < 0.05, "yes", "no")
    pictures = [picture(8 + i % 4, i % 250) for i in range(N)]
    pictures[17] = pictures[17][:40]
    frame = pl.DataFrame(
        {
            ROW: np.arange(N),
            "y": y,
            "gaps": pl.Series(np.where(rng.random(N) < 0.3, np.nan, x), nan_to_null=True),
            "mostly gaps": pl.Series(np.where(rng.random(N) < 0.7, np.nan, x), nan_to_null=True),
            "empty": pl.Series([None] * N, dtype=pl.String),
            "sometimes": pl.Series(np.where(rng.random(N) < 0.3, None, rng.choice(["a", "b"], N)), dtype=pl.String),
            "infinite": np.where(np.arange(N) == 3, np.inf, x),
            "constant": [7] * N,
            "key": [f"k{i}" for i in range(N)],
            "patient_id": rng.integers(0, 300, N),
            "city": [f"city {i}" for i in rng.integers(0, 150, N)],
            "rare": ["yes"] * 10 + ["no"] * (N - 10),
            "zeros": np.where(rng.random(N) < 0.7, 0.0, rng.random(N)),
            "tail": rng.lognormal(0, 2, N),
            "sentinel": np.where(rng.random(N) < 0.03, -999, rng.integers(20, 60, N)),
            "asked": rng.choice(["low", "high", "n/a"], N),
            "price": rng.choice(["1,200", "15.5", "7", "80"], N),
            "grade": rng.choice(["Good", "good ", "bad", ""], N),
            "story": [f"the parcel number {i} came late again to us" for i in range(N)],
            "day": np.datetime64("2024-01-01T00:00:00", "us") + np.arange(N).astype("timedelta64[h]"),
            "picture": pl.Series(pictures, dtype=pl.Binary),
            "noise": pl.Series([sound(8000 if i % 2 else 16000, 50 + i) for i in range(N)], dtype=pl.Binary),
            "blob": pl.Series([b"nothing %d" % i for i in range(N)], dtype=pl.Binary),
            "series": pl.Series([[1.0] * (1 + i % 9) + [None] for i in range(N)], dtype=pl.List(pl.Float64)),
            "twin": -x + 0.01 * rng.normal(size=N),
            "x": x,
            "leak": np.where(y == "yes", 1.5, rng.random(N)),
            "sex": np.where(rng.random(N) < 0.7, "m", "f"),
            "own": ["secret"] * N,
        }
    )
    holes = pl.Series(rng.random(N) < 0.1)
    both = [pl.when(holes).then(None).otherwise(pl.col(name)).alias(name) for name in ("city", "asked")]
    return frame.with_columns(both)


@pytest.fixture(scope="module")
def profile() -> Profile:
    return profile_frame(odd(), seed=0, private=["own"], target="y", repeats=True)


@pytest.fixture(scope="module")
def found(profile: Profile) -> list[Alert]:
    covered = coverage(profile, ["sex"], target="y", population={"sex": {"f": 0.5, "m": 0.5}})
    return alerts(profile, target="y", associated=associations(profile, "y"), covered=covered)


def test_every_oddity_is_told_of_its_column(found: list[Alert]) -> None:
    told = {(column, alert.tag) for alert in found for column in alert.columns or ("",)}
    expected = {
        ("gaps", "many missing"), ("mostly gaps", "many missing"), ("empty", "empty"), ("infinite", "infinite"),
        ("sometimes", "many missing"), ("constant", "constant"), ("key", "id-like"), ("patient_id", "groups"),
        ("city", "many categories"), ("rare", "imbalanced"), ("zeros", "mostly zero"), ("tail", "skewed"),
        ("tail", "outliers"), ("sentinel", "placeholder"), ("asked", "placeholder"), ("price", "numbers as text"),
        ("grade", "spelling"), ("grade", "blank"), ("story", "free text"), ("day", "date"), ("day", "in order of time"),
        ("picture", "broken"), ("picture", "sizes"), ("noise", "rates"), ("blob", "unknown bytes"), ("series", "gaps"),
        ("series", "lengths"), ("x", "correlated"), ("leak", "tells the target"), ("y", "rare class"),
        ("sex", "groups"), ("", "missing together"),
    }  # fmt: skip
    assert expected <= told, expected - told
    assert "own" not in {column for alert in found for column in alert.columns}
    assert [alert.tone for alert in found] == sorted((a.tone for a in found), key=("bad", "warn", "").index)


def test_every_suggested_line_is_one_that_a_spec_takes(found: list[Alert]) -> None:
    lines = [alert.line for alert in found if alert.line]
    assert len(lines) > 25
    for line in lines:
        validate(with_line(line))


def with_line(line: str) -> dict[str, Any]:
    """A small spec with one more key."""
    key, value = re.fullmatch(r"((?:\"[^\"]*\"|[^\":])+): (.*)", line, flags=re.DOTALL).groups()  # type: ignore[union-attr]
    parts = [yaml.safe_load(part) for part in re.findall(r"\"[^\"]*\"|[^.]+", key)]
    document: dict[str, Any] = {"name": "odd", "data": {"source": "odd.parquet", "target": "y"}}
    place = document
    for part in parts[:-1]:
        place = place.setdefault(part, {})
    place[parts[-1]] = yaml.safe_load(value)
    return document


def test_lines_quote_what_needs_it() -> None:
    assert spec_lines.feature('a "b".c', "drop") == 'data.features."a \\"b\\".c": drop'
    assert spec_lines.clean("missing", "on", values=["", "no", "1"]) == (
        "prepare.clean: {name: missing, columns: ['on'], values: ['', 'no', '1']}"
    )


def test_what_is_true_of_many_columns_is_told_once() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({ROW: np.arange(100), **{f"c{i}": rng.choice(["?", "3", "4.5"], 100) for i in range(5)}})
    found = alerts(profile_frame(frame, seed=0))
    assert [alert.tag for alert in found] == ["placeholder", "numbers as text"]
    assert found[0].columns == ("c0", "c1", "c2", "c3", "c4")
    assert found[0].line == "prepare.clean: {name: missing, columns: [c0, c1, c2, c3, c4], values: ['?']}"
    validate(with_line(found[1].line))


def test_columns_with_gaps_are_told_of_together_by_what_answers_them() -> None:
    rng = np.random.default_rng(0)
    gaps = {name: np.where(rng.random(400) < 0.3, np.nan, rng.random(400)) for name in ("a", "on", "b c", 'd "e"')}
    words = pl.Series(np.where(rng.random(400) < 0.3, None, rng.choice(["u", "v"], 400)), dtype=pl.String)
    frame = pl.DataFrame({ROW: np.arange(400), **gaps, "words": words})
    many, one = [alert for alert in alerts(profile_frame(frame, seed=0)) if alert.tag == "many missing"]
    assert many.columns == (*gaps,)
    assert re.match(r"4 columns are missing in many rows: a \(\d+%\), on \(", many.text)
    assert one.columns == ("words",)
    steps = with_line(many.line)["prepare"]["columns"]
    assert [*steps] == [*gaps]
    assert all(step == {"impute": {"name": "median", "indicator": True}} for step in steps.values())
    validate(with_line(many.line))


def test_very_many_columns_have_a_line_of_their_type() -> None:
    rng = np.random.default_rng(0)
    gaps = {f"n{k}": np.where(rng.random(200) < 0.35, np.nan, rng.random(200)) for k in range(60)}
    words = {f"w{k}": [None if rng.random() < 0.35 else "uv"[n % 2] for n in range(200)] for k in range(60)}
    constant = {f"k{k}": np.ones(200) for k in range(60)}
    found = alerts(profile_frame(pl.DataFrame({ROW: np.arange(200), **gaps, **words, **constant}), seed=0))
    lines = {alert.column: alert.line for alert in found if alert.tag in ("many missing", "constant")}
    assert lines == {
        "n0": "prepare.numbers.impute: {name: median, indicator: true}",
        "w0": "prepare.categories.impute: {name: constant, value: unknown}",
        "k0": "",
    }
    for line in filter(None, lines.values()):
        validate(with_line(line))


def test_whole_numbers_of_few_values_may_be_names() -> None:
    rng = np.random.default_rng(0)
    columns = {f"code{n}": rng.integers(1, 3 + n, 2000) for n in range(1, 5)} | {"share": rng.integers(0, 5, 2000) / 4}
    found = alerts(profile_frame(pl.DataFrame({ROW: np.arange(2000), **columns}), seed=0))
    (alert,) = [one for one in found if one.tag == "few numbers"]
    assert alert.columns == ("code1", "code2", "code3", "code4")
    assert alert.line == "data.features: {code1: category, code2: category, code3: category, code4: category}"
    assert "outliers" not in {one.tag for one in found}
    validate(with_line(alert.line))


def test_pairs_that_say_the_same_are_told_of_together_where_there_are_many() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    columns = {f"x{n}": x + 0.01 * rng.normal(size=500) for n in range(5)}
    found = alerts(profile_frame(pl.DataFrame({ROW: np.arange(500), **columns}), seed=0))
    (alert,) = [one for one in found if one.tag == "correlated"]
    assert alert.text.startswith("10 pairs of columns say nearly the same")
    assert alert.columns == ("x1", "x2", "x3", "x4")  # the first stays
    assert alert.line == "data.features: {x1: drop, x2: drop, x3: drop, x4: drop}"


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["16,8", "38,2", "1400", "7"], [16.8, 38.2, 1400.0, 7.0]),
        (["1.200,5", "15", "7,25", "3.000"], [1200.5, 15.0, 7.25, 3000.0]),
        (["1,200", "15.5", "7", "80"], [1200.0, 15.5, 7.0, 80.0]),
        (["1 200,5", "15", "7,25", "80"], [1200.5, 15.0, 7.25, 80.0]),
        (["1.5e3", "2", ".5", "-4"], [1500.0, 2.0, 0.5, -4.0]),
    ],
)
def test_the_suggested_cast_reads_the_numbers_as_they_are_written(texts: list[str], numbers: list[float]) -> None:
    frame = pl.DataFrame({ROW: np.arange(400), "x": texts * 100})
    [told] = [alert for alert in alerts(profile_frame(frame, seed=0)) if alert.tag == "numbers as text"]
    spec = validate(with_line(told.line))
    made = Recipe(spec.prepare, frame.drop(ROW).schema).apply(frame)
    assert made["x"].to_list()[:4] == numbers


@pytest.mark.parametrize(
    ("texts", "numbers", "units"),
    [
        (["54 kg", "61 kg", "72 kg", "80.5 kg"], [54.0, 61.0, 72.0, 80.5], "kg"),
        (["54 kg", "500 g", "70", "2 kg"], [54.0, 0.5, 70.0, 2.0], "kg and g"),
        (["1,5 m", "150 cm", "1,75 m", "2 m"], [1.5, 1.5, 1.75, 2.0], "m and cm"),
        (["10 °C", "50 °F", "0 °C", "-40 °F"], [10.0, 10.0, 0.0, -40.0], "°C and °F"),
        (["3 min", "45 s", "2 h", "1 min"], [3.0, 0.75, 120.0, 1.0], "min, s and h"),
        (["12%", "7.5 %", "100%", "0 %"], [12.0, 7.5, 100.0, 0.0], "%"),
    ],
)
def test_the_suggested_units_make_numbers_of_texts(texts: list[str], numbers: list[float], units: str) -> None:
    frame = pl.DataFrame({ROW: np.arange(400), "x": texts * 100})
    [told] = alerts(profile_frame(frame, seed=0))
    assert told.text == f"x is text, and 100% of its values are a number with a unit ({units})."
    spec = validate(with_line(told.line))
    made = Recipe(spec.prepare, frame.drop(ROW).schema).apply(frame)
    np.testing.assert_allclose(made["x"].to_list()[:4], numbers, rtol=1e-12, atol=1e-12)


def test_units_that_nobody_knows_and_texts_that_are_none() -> None:
    mostly = ["5 flins"] * 95 + ["3 glorps", "many"] + ["n/a"] * 3
    found = {a.tag: a for a in alerts(profile_frame(pl.DataFrame({ROW: np.arange(100), "x": mostly}), seed=0))}
    assert found["units"].line == ("prepare.clean: {name: units, columns: [x], units: {flins: 1}, unparsable: missing}")
    none = (
        ["1st", "2nd", "3rd"], ["5 flins", "3 glorps"], ["12 High St", "4 Elm Rd"], ["10-20", "20-30"], ["12A", "7B"],
        ["12:30", "11:05"], ["5", "7", "8 kg"] * 2 + ["9"] * 6, ["31/12/2024", "1/2/2024"],
    )  # fmt: skip
    for texts in none:
        frame = pl.DataFrame({ROW: np.arange(len(texts) * 50), "x": texts * 50})
        assert "units" not in {alert.tag for alert in alerts(profile_frame(frame, seed=0))}, texts


def test_the_terminal_and_the_page_say_the_same_of_a_column() -> None:
    rng = np.random.default_rng(0)
    columns = {
        "weight": [f"{n} kg" for n in rng.integers(40, 110, 300)],
        "key": [f"k {n}" for n in range(300)],
        "story": [f"the parcel number {n} came late" for n in range(300)],
    }
    profile = profile_frame(pl.DataFrame({ROW: np.arange(300), **columns}), seed=0)
    page, out = profile_page.render(profile), io.StringIO()
    profile_text.show(profile, Console(file=out, width=120))
    for name, kind in {"weight": "category", "key": "id", "story": "text"}.items():
        (line,) = [line for line in out.getvalue().splitlines() if line.startswith(name)][:1]
        assert line.split()[1] == kind
        assert f'<span title="{name}">{name}</span><span class="tag">{kind}</span>' in page
    assert "kg" in out.getvalue().splitlines()[2]
    assert re.search(r"\d+ kg \d", out.getvalue().splitlines()[2])  # whole values, not words


def test_repeats_and_conflicts_are_told_with_their_rows() -> None:
    frame = pl.DataFrame({ROW: np.arange(8), "a": [1, 1, 2, 2, 3, 4, 5, 6], "y": list("ppqrpqpq")})
    profile = profile_frame(frame, seed=0, target="y", repeats=True)
    found = {alert.tag: alert for alert in alerts(profile, target="y")}
    assert found["duplicates"].text == "1 row (12%) repeats another row."
    assert "(such as rows 3 and 4): at least 1 of these labels" in found["label conflicts"].text
    assert found["label conflicts"].text.endswith("keeps the first row of each such group, whatever its label.")
    validate(with_line(found["label conflicts"].line))
    assert "duplicates" not in {a.tag for a in alerts(profile_frame(frame, seed=0))}


def test_rows_of_several_files_are_named_with_their_file() -> None:
    keys = np.array([0, 1, 2, *((1 << 40) + np.arange(3))])
    frame = pl.DataFrame({ROW: keys, "a": [1, 2, 3, 4, 1, 3], "y": list("pqrpqr")})
    profile = profile_frame(frame, seed=0, target="y", repeats=True)
    found = {alert.tag: alert for alert in alerts(profile, target="y")}
    assert "(such as rows 1 of file 1 and 2 of file 2)" in found["label conflicts"].text
    page = profile_page.render(profile, target="y")
    assert "Such as rows 1 of file 1 and 2 of file 2." in page
    assert "Repeated are rows 3 …" in page
    assert str(1 << 40) not in page


def test_a_column_without_any_value_is_missing_together_with_none() -> None:
    none, holes = pl.Series([None] * 100, dtype=pl.String), pl.Series([None] * 20 + [1.5] * 80)
    frame = pl.DataFrame({ROW: np.arange(100), "none": none, "a": holes, "y": ["p", "q"] * 50})
    assert "missing together" not in {alert.tag for alert in alerts(profile_frame(frame, seed=0))}
    found = alerts(profile_frame(frame.with_columns(b=holes), seed=0))
    (together,) = [alert for alert in found if alert.tag == "missing together"]
    assert together.text == "a and b are missing together in 20 rows (20%)."
    assert "empty" in {alert.tag for alert in found}


def test_a_combination_with_a_population_is_told_of_and_one_without_is_not() -> None:
    rng = np.random.default_rng(0)
    columns = {"sex": rng.choice(["f", "m"], 400), "city": rng.choice(["Oslo", "Rome"], 400), "z": ["q"] * 400}
    profile = profile_frame(pl.DataFrame({ROW: np.arange(400), **columns}), seed=0)
    covered = coverage(profile, ["sex", "city"], population={"sex, city": {"f, Oslo": 0.9, "x, Rome": 0.1}})
    found = [alert for alert in alerts(profile, covered=covered) if alert.tag == "groups"]
    assert [alert.line for alert in found] == ["evaluate.slices: [sex, city]"] * 2
    assert "sex × city: 'f × Oslo' is 2" in found[0].text
    assert found[1].text == "sex × city: no row of 'x × Rome', 10.0% of the population."
    validate(with_line(found[0].line))
    far = coverage(profile, ["city"], population={"city": {"Oslo": 0.4, "Rome": 0.1, "Bonn": 0.02, "Kiel": 0.03}})
    told = [alert.text for alert in alerts(profile, covered=far) if alert.tag == "groups"]
    assert [text.split("'")[1] for text in told] == ["Rome", "Oslo", "Kiel"], "the farthest first"
    assert not [a for a in alerts(profile, covered=coverage(profile, ["sex", "city"])) if a.tag == "groups"]


def test_a_target_that_cannot_be_learnt_from_is_told() -> None:
    frame = pl.DataFrame({ROW: np.arange(50), "a": np.arange(50) % 7, "y": ["a", "b", None, "?", "a"] * 10})
    found = {alert.tag: alert for alert in alerts(profile_frame(frame, seed=0), target="y")}
    assert found["no target"].text == "The target y is missing in 10 rows, which cannot be learnt from."
    assert found["placeholder"].line == "prepare.clean: {name: missing, columns: [y], values: ['?']}"


# cards, page, terminal


def test_cards_of_every_kind_have_their_facts(profile: Profile) -> None:
    facts = {card.name: dict(card.facts) for card in cards(profile, {}, {})}
    assert facts["picture"]["formats"] == f"png {N:,}"
    assert facts["picture"]["width"] == "8 to 11, mean 9.5"
    assert facts["noise"]["rates"] == "8,000 Hz: 1,000; 16,000 Hz: 1,000"
    assert facts["series"]["elements missing"] == "2,000"
    assert facts["tail"].keys() >= {"5% to 95%", "quartiles", "outliers", "over 3 std"}
    typed = {card.name: card for card in cards(profile, {"story": ("text", "free text")}, {})}
    assert typed["story"].tops[0][0] in {"parcel", "number", "came", "late", "again"}
    assert dict(typed["story"].facts)["words"] == "9"


def test_the_page_shows_every_section_and_keeps_secrets(profile: Profile) -> None:
    covered = coverage(profile, ["sex", "sentinel"], target="y", population={"sex": {"f": 0.5, "m": 0.5}})
    associated = associations(profile, "y")
    text = profile_page.render(profile, title=EVIL, target="y", associated=associated, covered=covered)
    for section in ("alerts", "columns", "missing", "target", "correlations", "groups"):
        assert f'<section id="{section}">' in text, section
    assert "secret" not in text
    assert "<script" not in text
    assert "data.features.constant: drop" in text
    assert "sex × sentinel" in text
    assert "fewer than its 50.0% of the population" in text
    repeated = profile_frame(pl.concat([odd(), odd().head(3).with_columns(pl.col(ROW) + N)]), seed=0, repeats=True)
    assert "3 rows (0.1%) repeat one before them" in profile_page.render(repeated)
    plain = profile_page.render(profile_frame(odd().select(ROW, "x"), seed=0))
    assert 'id="missing"' not in plain
    assert 'id="repeats"' not in plain


def test_the_terminal_shows_what_goes_with_the_target_and_the_groups(profile: Profile) -> None:
    out = io.StringIO()
    covered = coverage(profile, ["sex"], target="y", population={"sex": {"f": 0.5, "m": 0.5}})
    console = Console(file=out, width=110)
    profile_text.show(profile, console, target="y", associated=associations(profile, "y"), covered=covered)
    text = out.getvalue()
    assert "what goes with y" in text
    assert "share of yes" in text
    assert "    data.features.empty: drop" in text
    assert "secret" not in text
    assert all(len(line) <= 110 for line in text.splitlines())


def test_groups_that_are_estimated_are_shown_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for most in (65_536, 500):
        monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", most)
        profile = profile_frame(odd().select(ROW, "x", "sex"), seed=0)
        covered = coverage(profile, ["x"], population={"x": {"up to 0": 0.5, "over 0": 0.5}})
        profile_text.show(profile, Console(file=(out := io.StringIO()), width=110), covered=covered)
        said[most] = out.getvalue(), profile_page.render(profile, covered=covered)
    assert ["estimated from the sample" in text for text in said[65_536]] == [False, False]
    assert ["estimated from the sample" in text for text in said[500]] == [True, True]


def test_sampled_profiles_state_how_far_quantiles_may_be_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", 500)
    text = profile_page.render(profile_frame(odd().select(ROW, "x"), seed=0))
    assert "at most 7.3% of the rows off" in text
