"""Expectations on a run's data, from files: stop, warn, quarantine, history, and nothing half-written."""

import datetime as dt
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_wine

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError, StorageError
from rayline.pipeline.collect import collect
from rayline.pipeline.expect import Expected, expect, prove, remember
from rayline.pipeline.folder import RunFolder, begin, root
from rayline.pipeline.opening import open_source
from rayline.pipeline.resolve import render_resolved
from rayline.prepare.expectations import REASON, WHERE
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan
from rayline.spec import Spec, load
from rayline.spec.document import to_dict

NOW = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYLINE_HOME", str(tmp_path / "home"))
    return tmp_path


def rows(n: int = 90) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(n),
            "age": [20 + i % 50 for i in range(n)],
            "town": [("Ulm", "Bonn", "Jena")[i % 3] for i in range(n)],
            "day": [dt.date(2024, 1, 1) + dt.timedelta(days=i // 3) for i in range(n)],
            "y": [("no", "yes")[i // 2 % 2] for i in range(n)],
        }
    )


GOOD: dict[str, Any] = {
    "id": {"type": "integer", "unique": True, "increasing": "strictly"},
    "age": {"min": 0, "max": 120, "nullable": False},
    "town": {"allowed": ["Ulm", "Bonn", "Jena"]},
    "day": {"type": "date", "increasing": True, "max_age": "60d"},
    "y": {"allowed": ["no", "yes"]},
    "*": {"rows": {"min": 10, "change": 0.5}, "expressions": ["age >= 18 or town == 'Ulm'"]},
}


def spec_of(path: Path, frame: pl.DataFrame, expected: dict[str, Any], on: str = "stop", parts: int = 3) -> Spec:
    """A spec of `parts` Parquet files of one row group each."""
    path.mkdir(exist_ok=True)
    for n, piece in enumerate(np.array_split(np.arange(frame.height), parts)):
        frame[piece].write_parquet(path / f"part-{n}.parquet")
    declared = {name: {**said, "on": on} for name, said in expected.items()}
    return load({"name": "demo", "data": {"source": str(path), "target": "y", "expect": declared}})


def planted() -> pl.DataFrame:
    """Rows with a violation of each kind, in all three files."""
    frame = rows()
    return frame.with_columns(
        age=pl.when(pl.col("id") == 5).then(pl.lit(-1)).when(pl.col("id") == 70).then(pl.lit(None)).otherwise("age"),
        town=pl.when(pl.col("id") == 6).then(pl.lit("Atlantis")).otherwise("town"),
        day=pl.when(pl.col("id") == 61).then(pl.lit(dt.date(2023, 1, 1))).otherwise("day"),
        y=pl.when(pl.col("id") == 33).then(pl.lit("maybe")).otherwise("y"),
    ).with_columns(id=pl.when(pl.col("id") == 89).then(pl.lit(2)).otherwise("id"))


BAD = [5, 6, 33, 61, 70, 89]


def run_folder(spec: Spec) -> RunFolder:
    return begin(spec, "run")


def run(spec: Spec, folder: RunFolder | None = None, scanned: Callable[..., Any] = scan) -> Expected:
    return expect(spec, open_source_of(spec), scanned, folder, now=NOW)


def open_source_of(spec: Spec) -> Source:
    return spec.data.source.build()  # type: ignore[attr-defined, no-any-return]


def positions(found: Expected) -> list[int]:
    """Places in the whole of quarantined rows: three files of 30."""
    return [(row >> 40) * 30 + (row & ((1 << 40) - 1)) for row in found.quarantined.tolist()]


@pytest.mark.parametrize("on", ["stop", "warn", "quarantine"])
def test_clean_data_passes(tmp_path: Path, on: str) -> None:
    spec = spec_of(tmp_path / "data", rows(), GOOD, on)
    found = run(spec, run_folder(spec))
    assert (found.rows, len(found.quarantined), found.lines, found.folder) == (90, 0, [], None)
    assert found.to_json() == {"checked": 13, "rows": 90, "quarantined": 0, "quarantine": None, "broken": []}


def test_nothing_expected_reads_nothing(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", rows(), {})
    assert run(spec, None, lambda *a, **k: pytest.fail("read")).rows is None


def test_a_stop_lists_everything_that_is_broken_and_writes_nothing(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", planted(), GOOD)
    folder = run_folder(spec)
    with pytest.raises(DataError) as caught:
        run(spec, folder)
    told = str(caught.value)
    assert caught.value.exit_code == 2
    assert "8 expectations are broken" in told
    for line in (
        "id.unique: 1 row a repeated value: row 30 of part-2.parquet repeats row 3 of part-0.parquet",
        "id.increasing: 1 row not above one before: row 30 of part-2.parquet (2)",
        "age.min: 1 row below 0: row 6 of part-0.parquet (-1)",
        "age.nullable: 1 row missing: row 11 of part-2.parquet (missing)",
        "town.allowed: 1 row not allowed: row 7 of part-0.parquet ('Atlantis')",
        "day.increasing: 1 row below one before: row 2 of part-2.parquet (2023-01-01)",
        "y.allowed: 1 row not allowed: row 4 of part-1.parquet ('maybe')",
        "*.expressions \"age >= 18 or town == 'Ulm'\": 1 row found false: row 6 of part-0.parquet "
        "(age -1, town 'Jena')",
    ):
        assert f"\n  {line}\n" in told, told
    assert sorted(p.name for p in Path(folder.uri).iterdir()) == ["run.json"]
    assert not Path(root(spec), "rows.json").exists()


def test_warnings_are_lines_and_every_row_stays(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", planted(), GOOD, "warn")
    found = run(spec, run_folder(spec))
    assert (found.rows, len(found.quarantined), found.folder) == (90, 0, None)
    assert len(found.lines) == 8
    assert found.lines[2] == "warning: age.min: 1 row below 0: row 6 of part-0.parquet (-1)"
    assert [one["on"] for one in found.to_json()["broken"]] == ["warn"] * 8


def test_quarantine_holds_the_rows_with_reasons_and_the_rest_goes_on(tmp_path: Path) -> None:
    frame = planted()
    spec = spec_of(tmp_path / "data", frame, GOOD, "quarantine")
    folder = run_folder(spec)
    found = run(spec, folder)
    assert positions(found) == BAD
    assert found.rows == 84
    files = sorted(Path(folder.path("quarantine")).iterdir())
    assert [file.name for file in files] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    kept = pl.concat([pl.read_parquet(file) for file in files])
    assert kept.drop(ROW, REASON, WHERE).equals(frame[BAD])
    assert kept[ROW].to_list() == found.quarantined.tolist()
    assert kept[REASON].to_list() == [
        "age.min: below 0; *.expressions \"age >= 18 or town == 'Ulm'\": found false",
        "town.allowed: not allowed",
        "y.allowed: not allowed",
        "day.increasing: below one before",
        "age.nullable: missing",
        "id.unique: a repeated value; id.increasing: not above one before",
    ]
    assert kept[WHERE][3] == "row 2 of part-2.parquet"
    assert found.lines[0] == f"quarantine: 6 of 90 rows set aside in {folder.path('quarantine')}"
    collected = collect(
        spec, scan, opened=open_source(spec_of(tmp_path / "data", frame, {})), set_aside=found.quarantined
    )
    assert collected.everything.rows == 84
    assert collected.target.classes == ("no", "yes")  # nobody saw "maybe"
    assert "Atlantis" not in collected.everything.columns["town"].counts


def test_quarantine_is_the_same_for_any_order_of_fragments_and_pieces(tmp_path: Path) -> None:
    frame = planted()

    def shuffled(source: Source, fn: Any, *, columns: Sequence[str] | None = None) -> list[Any]:
        """A scan whose results come as from tasks on other machines, in another order."""
        return [pickle.loads(pickle.dumps(one)) for one in scan(source, fn, columns=columns)][::-1]

    whole = run(spec_of(tmp_path / "one", frame, GOOD, "quarantine", parts=1))
    assert whole.quarantined.tolist() == BAD
    for scanned in (scan, shuffled):
        assert positions(run(spec_of(tmp_path / "three", frame, GOOD, "quarantine"), None, scanned)) == BAD


def test_a_quarantine_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(tmp_path / "data", planted(), GOOD, "quarantine")
    folder = run_folder(spec)
    written = []

    def failing(source: Source, fn: Any, *, columns: Sequence[str] | None = None) -> list[Any]:
        def third(frame: pl.DataFrame, fragment: Fragment) -> Any:
            if columns is None and fragment.index == 2:
                raise StorageError("disk full")
            done = fn(frame, fragment)
            written.append(columns is None and Path(folder.path("quarantine")).exists())
            return done

        return scan(source, third, columns=columns)

    with pytest.raises(StorageError, match="disk full"):
        run(spec, folder, failing)
    assert any(written)
    assert sorted(p.name for p in Path(folder.uri).iterdir()) == ["run.json"]
    assert len(run(spec, folder).quarantined) == 6  # and once more, whole
    assert len(run(spec, folder).quarantined) == 6  # a resumed run writes the same again


def test_a_target_that_is_missing_in_rows_that_are_set_aside(tmp_path: Path) -> None:
    rows = "".join(f"{n * 1.25},{'' if n % 10 == 0 else 'ab'[n % 2]}\n" for n in range(60))
    (tmp_path / "data.csv").write_text("x,y\n" + rows)
    data: dict[str, Any] = {"source": str(tmp_path / "data.csv"), "target": "y"}
    with pytest.raises(
        DataError, match=r"no value in 6 of 60 rows.*data.expect: \{y: \{nullable: false, on: quar"
    ) as told:
        render_resolved({"name": "set-aside", "data": data})
    expect_y = {"y": {"nullable": False, "on": "quarantine"}}
    assert "expect: {y: {nullable: false, on: quarantine}}" in str(told.value)
    text, lines = render_resolved({"name": "set-aside", "data": {**data, "expect": expect_y}})
    assert "task: binary" in text
    assert lines[0] == "quarantine: 6 of 60 rows set aside"


def test_every_row_in_quarantine_stops(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", rows(), {"age": {"min": 1000}}, "quarantine")
    with pytest.raises(DataError, match="every row would go into quarantine, by age.min"):
        run(spec)


def test_the_number_of_rows_is_compared_with_earlier_runs(tmp_path: Path) -> None:
    expected = {"*": {"rows": {"change": 0.5}}}
    for n in (100, 90, 110):
        spec = spec_of(tmp_path / f"{n}", rows(n), expected)
        folder = run_folder(spec)
        for _ in range(2):  # a run that is resumed counts once
            remember(spec, folder, run(spec, folder).rows or 0)
        run(spec, run_folder(spec))  # and one that did not end well not at all
    small = spec_of(tmp_path / "small", rows(40), expected)
    with pytest.raises(DataError, match="40 rows, where the last 3 runs had 100: a change of more than 50%"):
        run(small, run_folder(small))
    assert run(spec_of(tmp_path / "near", rows(60), expected), run_folder(small)).rows == 60
    warned = spec_of(tmp_path / "small", rows(40), expected, "warn")
    assert len(run(warned, run_folder(warned)).lines) == 1
    Path(root(small), "rows.json").write_text("{")
    with pytest.raises(StorageError, match="Delete it"):
        run(small, run_folder(small))


def test_freshness(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", rows(), {"day": {"max_age": "4w"}})
    with pytest.raises(DataError, match=r"day.max_age: the newest value is 31.0d old, more than 4w"):
        run(spec)


def test_what_does_not_fit_is_told_before_anything_is_read(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "data", rows(), {"town": {"increasing": True}, "agee": {"min": 0}})
    with pytest.raises(SpecError, match=r"'agee' is not a column. Did you mean 'age'\?"):
        prove(spec, open_source_of(spec).schema())


def test_csv_with_line_of_a_late_text(tmp_path: Path) -> None:
    """A column of numbers in which a text comes late is text, and the text is found."""
    lines = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(5000)]
    lines[4321] = "4321,many,a"
    (tmp_path / "late.csv").write_text("id,age,y\n" + "\n".join(lines))
    expected = {"age": {"type": "integer", "max": 6, "on": "quarantine"}, "id": {"unique": True, "increasing": True}}
    spec = load({"name": "late", "data": {"source": str(tmp_path / "late.csv"), "target": "y", "expect": expected}})
    found = run(spec, run_folder(spec))
    assert [row & ((1 << 40) - 1) for row in found.quarantined.tolist()] == [4321]
    assert "('many')" in found.lines[1]


def test_real_data_with_planted_faults(tmp_path: Path) -> None:
    data = load_wine(as_frame=True).frame.rename(columns={"target": "y"})
    frame = pl.from_pandas(data)
    expected = {
        n: {"min": float(data[n].min()), "max": float(data[n].max()), "nullable": False} for n in data if n != "y"
    }
    assert run(spec_of(tmp_path / "wine", frame, expected)).rows == 178
    spoilt = frame.with_columns(
        ash=pl.when(pl.int_range(178).is_in([3, 90])).then(pl.lit(-9.0)).otherwise("ash"),
        hue=pl.when(pl.int_range(178) == 177).then(None).otherwise("hue"),
    )
    found = run(spec_of(tmp_path / "spoilt", spoilt, expected, "quarantine", parts=1))
    assert found.quarantined.tolist() == [3, 90, 177]
    assert [(one.check.name, one.rows) for one in found.broken] == [("ash.min", 2), ("hue.nullable", 1)]


def test_what_is_made_of_a_private_column_is_shown_nowhere(tmp_path: Path) -> None:
    frame = rows().with_columns(mail=pl.Series([f"secret{n}" for n in range(90)]))
    path = tmp_path / "people.parquet"
    frame.write_parquet(path)
    section = {
        "source": str(path), "target": "y", "private": ["mail"],
        "expect": {"loud": {"pattern": "x"}, "*": {"expressions": ["length(loud) < 3"]}},
    }  # fmt: skip
    spec = load({"name": "demo", "data": section, "prepare": {"derive": {"loud": "upper(mail)"}}})
    with pytest.raises(DataError, match="loud.pattern: 90 rows") as told:
        expect(spec, open_source(spec)[0], scan, now=NOW)
    assert "secret" not in str(told.value).lower()
    sliced = load({"name": "demo", "data": section, "prepare": {"derive": {"loud": "upper(mail)"}},
                   "evaluate": {"slices": ["loud"]}})  # fmt: skip
    with pytest.raises(SpecError, match="'loud' is private"):
        open_source(sliced)


def test_quarantine_holds_the_place_of_a_row_and_no_private_value(tmp_path: Path) -> None:
    frame = rows().with_columns(
        mail=pl.Series([f"secret{n}" for n in range(90)]), income=pl.Series([770_000.5 + n for n in range(90)])
    )
    path = tmp_path / "people.parquet"
    frame.write_parquet(path)
    section = {
        "source": str(path), "target": "y", "private": ["mail", "income"],
        "expect": {
            "mail": {"pattern": "secret[0-7]?[0-9]", "on": "quarantine"},
            "loud": {"allowed": [f"SECRET{n}" for n in range(5, 90)], "on": "quarantine"},
            "income": {"max": 770_087, "on": "quarantine"},
            "*": {"expressions": ["income > 770002 or length(mail) > 7"], "on": "quarantine"},
        },
    }  # fmt: skip
    spec = load({"name": "demo", "data": section, "prepare": {"derive": {"loud": "upper(mail)"}}})
    folder = run_folder(spec)
    found = expect(spec, open_source(spec)[0], scan, folder, now=NOW)
    assert found.quarantined.tolist() == [0, 1, 2, 3, 4, *range(80, 90)]
    (written,) = Path(folder.path("quarantine")).iterdir()
    kept = pl.read_parquet(written)
    assert kept.columns == ["id", "age", "town", "day", "y", ROW, REASON, WHERE]
    assert kept[ROW].to_list() == found.quarantined.tolist()
    assert kept[WHERE].to_list() == [f"row {row + 1} of people.parquet" for row in found.quarantined.tolist()]
    assert kept[REASON][0] == (
        "loud.allowed: not allowed; *.expressions 'income > 770002 or length(mail) > 7': found false"
    )
    everything = f"{kept.to_dicts()} {found.lines} {found.to_json()}".lower()
    for row in found.quarantined.tolist():
        assert f"secret{row}" not in everything.replace(str(section["expect"]).lower(), "")
        assert f"{770_000.5 + row}" not in everything
    assert b"secret" not in written.read_bytes().lower().replace(b"secret[0-7]", b"")  # as the spec itself has it


def test_dates_have_limits(tmp_path: Path) -> None:
    """Columns of dates, of moments and of text, by the same limits; YAML reads a date where it stands unquoted."""
    moments = [dt.datetime(2024, 1, 1, 23, 59, 59, 999_999) + dt.timedelta(days=n // 3) for n in range(90)]
    texts = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" if n % 2 else f"{moment:%Y-%m-%d}" for n, moment in enumerate(moments)]
    frame = rows().with_columns(moment=pl.Series(moments), text=pl.Series(texts))
    written = tmp_path / "spec.yaml"
    for column in ("day", "moment", "text"):
        frame.select("id", "y", column).write_parquet(tmp_path / "dates.parquet")
        written.write_text(
            f"name: demo\ndata:\n  source: {tmp_path}/dates.parquet\n  target: y\n"
            f"  expect: {{{column}: {{min: 2024-01-02, max: 2024-01-29, on: warn}}}}\n"
        )
        spec = load(str(written))
        assert load(to_dict(spec)) == spec
        found = run(spec)
        assert [(one.check.name, one.rows) for one in found.broken] == [(f"{column}.min", 3), (f"{column}.max", 3)]
        assert found.lines[0].startswith(f"warning: {column}.min: 3 rows below 2024-01-02: row 1 of dates.parquet (")
    with pytest.raises(DataError, match=r"32 rows below 2024-01-11 12:00:00: row 1 of dates.parquet \('2024-01-01'\)"):
        run(load(spec, ["data.expect={text: {min: 2024-01-11 12:00:00}}"]))


def test_limits_of_a_text_column_tell_what_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        run(spec_of(tmp_path / "town", rows(), {"town": {"min": 0, "max": 5}}))
    assert (
        "\n  town.min: 90 rows not a number: row 1 of part-0.parquet ('Ulm'), row 2 of part-0.parquet ('Bonn'), "
        "row 3 of part-0.parquet ('Jena'), row 4 of part-0.parquet ('Ulm'), row 5 of part-0.parquet ('Bonn'), …. "
        "No text of 'town' is a number: min is for numbers and dates, and allowed and pattern are for text\n"
    ) in str(told.value)
    mixed = rows().with_columns(
        age=pl.when(pl.col("id") == 7).then(pl.lit("many")).when(pl.col("id") == 40).then(pl.lit("-3"))
        .otherwise(pl.col("age").cast(pl.String))
    )  # fmt: skip
    spec = spec_of(tmp_path / "age", mixed, {"age": {"min": 0}}, "quarantine")
    folder = run_folder(spec)
    found = run(spec, folder)
    assert positions(found) == [7, 40]
    assert "age.min: 2 rows below 0 or not a number: row 8 of part-0.parquet ('many'), row 11 of" in found.lines[1]
    kept = pl.concat([pl.read_parquet(file) for file in sorted(Path(folder.path("quarantine")).iterdir())])
    assert kept[REASON].to_list() == ["age.min: not a number", "age.min: below 0"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"min": "soon"}, "'soon' is no limit: give a number, or a date such as 2024-01-31"),
        ({"min": True}, "give a number, or a date"),
        ({"max": float("nan")}, "give a number, or a date"),
        ({"min": 3, "max": "2024-01-31"}, "min 3 and max 2024-01-31 must both be numbers or both be dates"),
        ({"min": "2024-02-01", "max": "2024-01-31"}, "min 2024-02-01 lies above max 2024-01-31"),
        ({"min": 4, "max": 3.5}, "min 4 lies above max 3.5"),
    ],
)
def test_what_is_no_limit_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        load({"name": "x", "data": {"source": "a.csv", "target": "y", "expect": {"c": said}}})


@pytest.mark.parametrize(
    ("split", "column"), [({"name": "group", "by": "town"}, "town"), ({"name": "time", "by": "day"}, "day")]
)
def test_rows_in_quarantine_need_not_have_what_the_split_goes_by(
    split: dict[str, Any], column: str, tmp_path: Path
) -> None:
    lacking = rows().with_columns(pl.when(pl.col("id") % 9 > 0).then(pl.col(column)).alias(column))
    declared = {column: {"nullable": False}}
    sets = [f"data.split={split}", "data.split.validation=0"]
    spec = load(spec_of(tmp_path / "lacking", lacking, declared, on="quarantine"), sets)
    with pytest.raises(DataError, match=f"'{column}' is missing in .* on: quarantine"):
        collect(spec, scan)
    aside = expect(spec, open_source(spec)[0], scan, now=NOW).quarantined
    assert len(aside) == 10
    found = collect(spec, scan, set_aside=aside)
    twin = collect(load(spec_of(tmp_path / "clean", lacking.drop_nulls(), declared), sets), scan)
    assert (found.everything.rows, found.training.rows) == (80, twin.training.rows)
    ages = [one.training.columns["age"].mean for one in (found, twin)]
    assert ages[0] == pytest.approx(ages[1])


def test_an_expression_of_dates_is_broken_by_a_text_that_is_none(tmp_path: Path) -> None:
    days = pl.when(pl.col("id") == 40).then(pl.lit("9.3.2024")).otherwise(pl.col("day").dt.to_string("%Y-%m-%d"))
    frame = rows().with_columns(day=days)
    said = {"*": {"expressions": ["day >= '2000-01-01'"]}}
    with pytest.raises(DataError, match=r"1 row not a date: row 11 of part-1.parquet \('9\.3\.2024'\)"):
        run(spec_of(tmp_path / "data", frame, said))
    found = run(spec := spec_of(tmp_path / "data", frame, said, "quarantine"), run_folder(spec))
    assert positions(found) == [40]
    assert found.folder is not None
    aside = pl.concat([pl.read_parquet(path) for path in Path(found.folder).rglob("*.parquet")])
    assert aside["__reason__"].to_list() == ["*.expressions \"day >= '2000-01-01'\": not a date"]
