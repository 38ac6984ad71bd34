"""`rayline lake`: each command, what it prints and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rayline.cli.main import _guarded

ROWS = "id,city,x\n1,Bonn,0.5\n2,Rome,\n3,Bonn,1.5\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAYLINE_LAKE", raising=False)
    (tmp_path / "a.csv").write_text(ROWS)
    (tmp_path / "b.csv").write_text(ROWS.replace("id", "id").replace("1,", "7,"))
    return tmp_path


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> str:
        code = _guarded(["lake", *arguments], debug=False)
        said = self._capsys.readouterr()
        assert code == 0, said.err
        return said.out

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        assert _guarded(["lake", *arguments], debug=False) == 2
        said = self._capsys.readouterr()
        assert "fault of Rayline" not in said.err
        return said.err


@pytest.fixture
def lake(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_from_a_file_to_a_file(lake: Command, folder: Path) -> None:
    assert "the lake is empty" in lake("list")
    assert "curated zone: id:int64, city:string, x:float64" in lake(
        "create", "sales", "--like", "a.csv", "--zone", "curated", "--partition", "city"
    )
    assert "sales: 3 rows, snapshot 1" in lake("append", "sales", "a.csv", "--batch", "monday")
    assert "batch 'monday' is in already, by snapshot 1" in lake("append", "sales", "a.csv", "--batch", "monday")
    assert "batch 'monday' is in already, by snapshot 1, with other content (3 rows, and here 3)" in lake.refused(
        "append", "sales", "b.csv", "--batch", "monday"
    )
    assert lake.json("append", "sales", "b.csv") == {
        "name": "sales", "snapshot": 2, "rows": 3, "repeated": False, "new_columns": [], "absent_columns": []
    }  # fmt: skip
    assert "wrote 3 rows" in lake("read", "sales", "-o", "out.csv", "--snapshot", "1")
    assert (folder / "out.csv").read_text().splitlines()[1:] == ['1,"Bonn",0.5', '3,"Bonn",1.5', '2,"Rome",']
    assert lake.json("compact", "sales") == {"name": "sales", "snapshot": 3, "before": 4, "after": 2}
    assert "nothing to merge in 2 files" in lake("compact", "sales")
    lake("read", "sales", "-o", "out.parquet")
    assert pq.read_table("out.parquet").column("id").to_pylist() == [1, 3, 7, 3, 2, 2]
    assert lake.json("expire", "sales", "--keep", "1") == {"name": "sales", "oldest": 3, "snapshots": 3, "files": 4}
    assert "it has 3 to 4. It was expired" in lake.refused("read", "sales", "-o", "o.csv", "--snapshot", "1")
    assert not (folder / "o.csv").exists()


def test_what_is_shown(lake: Command, folder: Path) -> None:
    lake("create", "sales", "--schema", "id:int64!, when:timestamp[us], more:list<float64>")
    (folder / "c.jsonl").write_text('{"id": 1, "more": [0.5]}\n')
    lake("append", "sales", "c.jsonl", "--batch", "x")
    text = lake("show", "sales")
    assert "rows         1 " in text
    assert "files        1 of Parquet, " in text
    assert "snapshots    0 to 1, by append at 20" in text
    assert "last append  snapshot 1 at 20" in text
    assert "UTC, 1 row, batch 'x'" in text
    assert "1 id; each counts once" in text
    assert "timestamp[us]" in text
    assert "never" in text
    shown = lake.json("show", "sales")
    assert shown["columns"][0] == {"name": "id", "kind": "int64", "nullable": False}
    assert (shown["rows"], shown["snapshots"], shown["batches"]) == (1, {"oldest": 0, "newest": 1, "count": 2}, 1)
    assert shown["size_bytes"] > 0
    assert (shown["small_files"], shown["last_append"]["batch"], shown["last_append"]["added_rows"]) == (0, "x", 1)
    lake("append", "sales", "c.jsonl")
    lake("compact", "sales")
    assert lake.json("show", "sales")["last_append"]["number"] == 2
    assert max(map(len, lake("show", "sales").splitlines())) <= 80
    listed = lake.json("list")["tables"]
    assert [(entry["name"], entry["zone"], entry["last"]["rows"]) for entry in listed] == [("sales", "raw", 2)]
    assert "sales" in lake("list")
    operations = [entry["operation"] for entry in lake.json("snapshots", "sales")["snapshots"]]
    assert operations == ["compact", "append", "append", "create"]
    assert "append" in lake("snapshots", "sales")
    said = lake("snapshots", "sales", "--most", "1")
    assert "compact" in said
    assert "append" not in said
    assert "and 3 older ones; all with --most 4" in said


def test_a_table_of_files(lake: Command, folder: Path) -> None:
    for name in ("pictures/cat/1.png", "pictures/dog/2.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "pictures" / "labels.csv").write_text("path,age\ncat/1.png,3\ndog/2.png,4\n")
    lake("create", "pictures", "--kind", "files")
    assert lake.json("append", "pictures", "pictures")["rows"] == 2
    assert lake.json("append", "pictures", "pictures/labels.csv")["rows"] == 2
    assert lake.json("show", "pictures")["content_bytes"] == 36
    assert "wrote 2 rows" in lake("read", "pictures", "-o", "out", "--snapshot", "1")
    assert (folder / "out" / "dog" / "2.png").read_bytes() == b"pictures/dog/2.png"
    lake("read", "pictures", "-o", "rows.csv")
    assert len((folder / "rows.csv").read_text().splitlines()) == 5
    assert "has no column 'path'" in lake.refused("append", "pictures", "a.csv")


def test_as_of_a_time(lake: Command, folder: Path) -> None:
    lake("create", "sales")
    lake("append", "sales", "a.csv")
    first = lake.json("snapshots", "sales")["snapshots"][0]["time"]
    lake("append", "sales", "b.csv")
    assert lake.json("read", "sales", "-o", "o.csv", "--at", first)["rows"] == 3
    assert "'yesterday' is no time" in lake.refused("read", "sales", "-o", "o.csv", "--at", "yesterday")
    assert "no snapshot as old as 2001" in lake.refused("read", "sales", "-o", "o.csv", "--at", "2001-01-01")


def test_where_the_lake_is(lake: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, rayline_home: Path) -> None:
    lake("create", "one")
    assert (rayline_home / "lake" / "raw" / "one").is_dir()
    monkeypatch.setenv("RAYLINE_LAKE", str(folder / "two"))
    lake("create", "two")
    lake("create", "three", "--lake", str(folder / "three"))
    assert [entry["name"] for entry in lake.json("list")["tables"]] == ["two"]
    assert (folder / "three" / "raw" / "three").is_dir()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("append nothing a.csv", "has no table 'nothing'"),
        ("append sales nothing.csv", "nothing.csv"),
        ("create sales", "already"),
        ("create new --schema a:int --zone curated", "Did you mean 'int64'"),
        ("create new --schema a:int64 --like a.csv", "Give one of them"),
        ("create new --zone curated", "declares its columns"),
        ("create ../new", "cannot name a table"),
        ("read sales -o out.xlsx", "give OUT.csv or OUT.parquet"),
        ("read sales -o out.csv --snapshot 1 --at 2024-01-01", "Give one of them"),
        ("expire sales --keep 0", "keep at least 1"),
        ("ingest a.csv sales", "has an end, so there is nothing to wait for: rayline lake append sales a.csv"),
        ("ingest kafka://h:1/t sales --compact-after 0", "--compact-after 0: give more than 0"),
        ("ingest kafka://h:1/t sales --max-batches 0", "--max-batches 0: give more than 0"),
        ("list --lake abfss://c@a.dfs.core.windows.net/x", "cannot be kept at"),
    ],
)
def test_wrong_arguments_end_in_one_message(lake: Command, arguments: str, words: str) -> None:
    lake("create", "sales", "--like", "a.csv")
    said = lake.refused(*arguments.split(" "))
    assert words in said
    assert said.startswith("error: ")


def test_data_that_does_not_fit_changes_nothing(lake: Command, folder: Path) -> None:
    lake("create", "sales", "--schema", "id:int64!, city:int64")
    assert "a.csv: column 'city' holds string where the table keeps int64" in lake.refused("append", "sales", "a.csv")
    assert lake.json("show", "sales")["rows"] == 0
    lake("create", "lists", "--schema", "more:list<float64>")
    assert "columns that CSV does not hold (more)" in lake.refused("read", "lists", "-o", "o.csv")


def test_columns_that_differ_are_told_and_a_file_with_none_of_the_table_s_is_refused(
    lake: Command, folder: Path
) -> None:
    lake("create", "sales")
    assert lake("append", "sales", "a.csv").splitlines() == ["sales: 3 rows, snapshot 1"]
    (folder / "c.csv").write_text("id,age,kind\n4,30,x\n")
    assert lake("append", "sales", "c.csv").splitlines() == [
        "sales: 1 row, snapshot 2",
        "  new columns, missing in the rows before: age, kind",
        "  the table's columns that these rows lack, missing in them: city, x",
    ]
    (folder / "d.csv").write_text("town,people\nUlm,7\n")
    said = lake.refused("append", "sales", "d.csv")
    assert "d.csv has no column of the table's: it has town, people, and the table id, city, x, age, kind." in said
    assert lake.json("show", "sales")["rows"] == 4


INGEST = """
import sys
sys.path[:0] = [{tests!r}]
import lake_parts
from rayline.cli.main import main
from rayline.pipeline import ingest

class Config:
    def stream(self):
        return lake_parts.FileStream({stream!r})

ingest.as_config = lambda text: Config()
sys.argv = ["rayline", "lake", "ingest", "lines:", "events", "--max-rows", "3", *sys.argv[1:]]
main()
"""


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[1] / "lake")
    code = INGEST.format(tests=tests, stream=str(folder / "lines"))
    environment = {**os.environ, "PYTHONPATH": tests, "RAYLINE_LAKE": str(folder / "lake")}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_stream_until_ctrl_c(lake: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYLINE_LAKE", str(folder / "lake"))
    lake("create", "events", "--schema", "n:int64!")
    lines = folder / "lines"
    lines.write_text("".join(f'{{"n": {n}}}\n' for n in range(7)))
    done = started(folder, "--max-batches", "2", "--json")
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert json.loads(out) == {"name": "events", "batches": 2, "rows": 6, "position": {"0": 6}}
    process = started(folder)
    assert process.stdout is not None
    assert "events: 1 row, snapshot 3" in process.stdout.readline()
    for n in range(7, 40):
        with lines.open("a") as more:
            more.write(f'{{"n": {n}}}\n')
        if n == 25:
            process.send_signal(signal.SIGINT)
        time.sleep(0.005)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped. What was finished is kept" in err
    assert "Traceback" not in err
    rows = lake.json("show", "events")["rows"]
    lake("read", "events", "-o", "o.csv")
    assert [int(line) for line in (folder / "o.csv").read_text().splitlines()[1:]] == list(range(rows))
    assert rows >= 7
    for _ in range(20):  # a busy machine gets less done in a second
        done = started(folder, "--seconds", "1", "--compact-after", "2")
        out, _ = done.communicate(timeout=60)
        if "the next begins at {'0': 40}" in out:
            break
    assert "the next begins at {'0': 40}" in out
    assert lake.json("show", "events")["streams"] == {"lines": {"0": 40}}
    assert lake.json("show", "events")["rows"] == 40
    assert "compact" in lake("snapshots", "events")
    assert "in up to 0: 40" in lake("show", "events")
