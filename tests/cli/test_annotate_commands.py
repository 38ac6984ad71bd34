"""The three commands in a row, as a person types them."""

import json
from pathlib import Path

import polars as pl
import pytest

from rayline.cli.main import _guarded


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = pl.DataFrame({"id": range(30), "text": [f"t{n}" for n in range(30)], "mail": ["x@y.z"] * 30})
    rows.write_csv("rows.csv")
    return tmp_path


def run(*arguments: str) -> None:
    assert _guarded(["annotate", *arguments], debug=False) == 0


def test_rows_go_out_labels_come_back_and_are_joined(capsys: pytest.CaptureFixture[str]) -> None:
    run("export", "rows.csv", "-o", "todo.csv", "--key", "id", "--sample", "8", "--seed", "3", "--private", "mail")
    said = capsys.readouterr().out
    assert "wrote todo.csv: 8 of 30 rows, columns id, text" in said
    assert "not written: mail" in said
    todo = pl.read_csv("todo.csv")
    for who, odd in (("ann", 0), ("bob", 1)):
        todo.with_columns(
            pl.when(pl.int_range(8) < odd).then(pl.lit("glad")).otherwise(pl.lit("sad")).alias("label"),
            pl.lit(who).alias("annotator"),
        ).write_csv(f"{who}.csv")
    run("import", "ann.csv", "bob.csv", "-o", "labels.parquet", "--key", "id")
    said = capsys.readouterr().out
    assert "8 rows, 8 with two labels or more" in said
    assert "percent agreement    0.875" in said
    assert "Cohen's kappa        0.000" in said
    first = str(todo["id"][0])
    assert f"not agreed: 1 ({first})" in said
    assert f"tied, left out: 1 ({first})" in said
    run("join", "rows.csv", "labels.parquet", "-o", "all.parquet", "--key", "id", "--target", "mood")
    assert "30 rows, 7 with mood" in capsys.readouterr().out
    assert pl.read_parquet("all.parquet")["mood"].drop_nulls().to_list() == ["sad"] * 7


def test_everything_comes_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    run("export", "rows.csv", "-o", "tasks.json", "--format", "label-studio", "--json", "--columns", "text")
    assert json.loads(capsys.readouterr().out)["rows"] == 30
    for who in ("a", "b", "c"):
        Path(f"{who}.csv").write_text("id,label\n1,x\n2,y\n")
    run("import", "a.csv", "b.csv", "c.csv", "-o", "labels.csv", "--key", "id", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["agreement"]["krippendorff"] == found["agreement"]["fleiss"] == 1.0
    assert found["agreement"]["pairs"][0] == {"annotators": ["a", "b"], "cohen": 1.0}
    run("join", "rows.csv", "labels.csv", "-o", "all.csv", "--key", "id", "--target", "mood", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found == {"output": "all.csv", "rows": 30, "labelled": 2, "unmatched": [], "new": []}


def test_labelling_configuration_and_new_labels_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.read_csv("rows.csv").with_columns(pl.Series("mood", [["sad", "glad", None][n % 3] for n in range(30)]))
    rows.write_csv("some.csv")
    run("export", "some.csv", "-o", "todo.json", "--key", "id", "--format", "label-studio", "--only-missing", "mood",
        "--label", "feels")  # fmt: skip
    said = capsys.readouterr().out
    assert "wrote todo.json: 10 of 30 rows, columns id" in said
    assert "wrote todo.xml: the labelling configuration" in said
    assert "--key id --label feels" in said
    assert '<Choice value="glad"/>' in Path("todo.xml").read_text()
    Path("labels.csv").write_text("id,label\n2,sad\n5,sadd\n")
    run("join", "some.csv", "labels.csv", "-o", "all.csv", "--key", "id", "--target", "mood")
    assert "not met in mood before: 1 (sadd)" in capsys.readouterr().out


def test_suspects_are_told_with_both_steps_that_follow(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [["a", "b"][n % 2] for n in range(200)]
    kinds[7] = "a"
    pl.DataFrame({"size": [n % 2 + n / 500 for n in range(200)], "kind": kinds}).write_csv("kinds.csv")
    run("export", "kinds.csv", "-o", "todo.csv", "--suspects", "kind")
    said = capsys.readouterr().out
    assert "wrote todo.csv: 1 of 200 rows, columns row, size" in said
    assert "rayline annotate join kinds.csv LABELS.parquet -o OUT.parquet --key row --target kind --replace" in said
    assert pl.read_csv("todo.csv")["row"].to_list() == [7]


def test_mistakes_are_answered_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["annotate", "export", "rows.csv", "-o", "todo.csv", "--key", "idd"], debug=False) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --key 'idd' is not a column. Did you mean 'id'?")
    assert not Path("todo.csv").exists()


@pytest.mark.parametrize(
    ("output", "form", "words"),
    [
        ("m.xlsx", "csv", "cannot write 'm.xlsx' as --format csv: give OUT.csv."),
        ("m.tsv", "csv", "give OUT.csv."),
        ("m.json", "csv", "give OUT.csv, or --format label-studio too."),
        ("m.csv", "label-studio", "cannot write 'm.csv' as --format label-studio: give OUT.json, or --format csv too."),
        ("m.CSV", "csv", ""),
        ("m", "csv", ""),
        ("m", "label-studio", ""),
    ],
)
def test_a_file_ends_as_what_it_holds(output: str, form: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = _guarded(["annotate", "export", "rows.csv", "-o", output, "--format", form], debug=False)
    said = capsys.readouterr()
    assert (code, Path(output).exists()) == ((2, False) if words else (0, True))
    assert words in said.err
    assert words or said.out.startswith(f"wrote {output}: 30 of 30 rows, columns ")
