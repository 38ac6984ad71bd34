"""`rayline prepare` as a person meets it: the account, the JSON, refusals before any work, Ctrl-C."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from messy_people import people, spec, write
from rayline.cli.main import _guarded
from rayline.core.prepared import read_shards

pytestmark = [pytest.mark.ray]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    write(folder / "people", people(600))
    write_spec(spec("people"))
    return folder


def write_spec(document: dict[str, Any]) -> None:
    Path("spec.yaml").write_text(yaml.safe_dump(document))


def refused(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    assert _guarded(["prepare", *words], debug=False) == code
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1
    assert "Traceback" not in said.err
    return said.err


@pytest.mark.usefixtures("ray_cluster")
class TestOnACluster:
    def test_explain_tells_of_sensitive_groups(self, capsys: pytest.CaptureFixture[str]) -> None:
        document = spec("people")
        document["data"]["sensitive"] = "city"
        write_spec(document)
        assert _guarded(["prepare", "spec.yaml", "--explain"], debug=False) == 0
        said = capsys.readouterr().out
        assert "\nTraining rows by data.sensitive, which nothing learns of\n" in said
        assert re.search(r"\ncity +rows +share +share of \w+ *\n", said)
        assert _guarded(["prepare", "spec.yaml", "--json"], debug=False) == 0
        told = json.loads(capsys.readouterr().out)
        rows = sum(group["rows"] for group in told["groups"][0]["groups"])
        assert rows == told["rows"]["train"] + told["rows"]["outliers"]

    def test_explain_says_what_was_done_to_rows_and_columns(
        self, capsys: pytest.CaptureFixture[str], work: Path
    ) -> None:
        assert _guarded(["prepare", "spec.yaml", "--explain"], debug=False) == 0
        said = capsys.readouterr().out
        for line in (
            "  missing   age   values: [-999]",
            "  derive    ratio = debt / income",
            "impute iterative  missing is estimated from other columns; mean ",
            "outliers iqr      outside ",
            "encode target     40 categories",
            "encode onehot     2 categories",
            "  select pearson  keeps ",
            "  reduce pca  ",
        ):
            assert line in said, line
        assert "In training alone" not in said
        assert said.partition("before the split\n")[2].startswith("  exact\n  29 rows dropped\n")  # one is set aside
        rows = said.partition("Rows\n")[2].partition("\n")[0]
        assert max(map(len, said.partition("Rows\n")[2].splitlines())) <= 100
        assert "duplicates" in rows
        assert "quarantined" in rows
        assert sorted(path.name for path in work.iterdir()) == ["people", "spec.yaml"]

    def test_json_is_one_object_and_the_numbers_are_those_written(
        self, capsys: pytest.CaptureFixture[str], work: Path
    ) -> None:
        assert _guarded(["prepare", "spec.yaml", "--json", "-o", "out", "--format", "parquet"], debug=False) == 0
        result = json.loads(capsys.readouterr().out)
        assert set(result) >= {"rows", "layout", "recipe", "learnt", "aside", "warnings", "stages", "output"}
        assert result["layout"] == json.loads((work / "out" / "layout.json").read_text())
        assert sum(result["rows"].values()) == 630
        assert result["output"] == "out"
        assert {account["column"] for account in result["learnt"]} >= {"age", "job", "ratio", "(number inputs)"}
        for part in ("train", "validation", "test"):
            assert pl.read_parquet(work / "out" / part / "*.parquet").height == result["rows"][part]

    @pytest.mark.parametrize("drop", [pytest.param(False, marks=pytest.mark.slow), True])
    def test_what_happens_in_training_alone_is_told(self, capsys: pytest.CaptureFixture[str], *, drop: bool) -> None:
        document = spec("people")
        document["prepare"] |= {"balance": {"name": "smotenc", "ratio": 0.9}, "augment": ["number_noise", "mixup"]}
        if drop:
            document["prepare"]["numbers"] = {"outliers": {"name": "iqr", "action": "drop"}}
        write_spec(document)
        assert _guarded(["prepare", "spec.yaml", "--explain", "-o", "out"], debug=False) == 0
        said = " ".join(capsys.readouterr().out.split())
        classes = Counter(read_shards("out/train").target.tolist())
        less, more = sorted(classes.values())
        total = more + math.ceil(0.9 * more)
        assert f"balance smotenc ratio: 0.9; rows in an epoch {total} of {less + more}: " in said
        assert f"{total - more} ({less}, and {total - more - less} made up)" in said
        assert "augment number_noise augment mixup" in said
        assert "train holds each training row once, as it is: balance smotenc and augment number_noise, mixup" in said
        assert not Path("out/made").exists()
        assert _guarded(["prepare", "spec.yaml", "--json"], debug=False) == 0
        told = json.loads(capsys.readouterr().out)["training"]
        assert {name: one["rows"] for name, one in told["balance"]["of_each"].items()} == {
            "no": classes[0.0],
            "yes": classes[1.0],
        }
        assert [step["name"] for step in told["augment"]] == ["number_noise", "mixup"]
        assert [rule["name"] for rule in told["duplicates"]] == ["exact"]

    def test_a_private_column_is_told_without_its_values(self, capsys: pytest.CaptureFixture[str]) -> None:
        document = spec("people")
        document["data"]["private"] = ["income"]
        document["prepare"]["select"] = document["prepare"]["reduce"] = "none"
        write_spec(document)
        assert _guarded(["prepare", "spec.yaml", "--json"], debug=False) == 0
        learnt = {account["column"]: account for account in json.loads(capsys.readouterr().out)["learnt"]}
        assert all(step["learnt"] for step in learnt["debt"]["steps"])
        for name in ("income", "ratio"):  # what is made of a private column is private
            assert [step["learnt"] for step in learnt[name]["steps"]] == [{}, {}, {}], name

    def test_data_that_cannot_be_prepared_leaves_nothing(
        self, capsys: pytest.CaptureFixture[str], work: Path, rayline_home: Path
    ) -> None:
        said = refused(capsys, "spec.yaml", "-o", "out", "--set", "data.expect.age={max: 20}")
        assert "data.expect: 1 expectation is broken" in said
        assert "age.max" in said
        said = refused(capsys, "spec.yaml", "-o", "out", "--set", "prepare.select=[{name: pearson, threshold: 0.99}]")
        assert "select pearson would leave no number column" in said
        assert sorted(path.name for path in work.iterdir()) == ["people", "spec.yaml"]
        assert not list(rayline_home.glob("runs/*/2*"))


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_output_that_is_there_is_refused_before_ray_starts(
    capsys: pytest.CaptureFixture[str], work: Path, rayline_home: Path, kind: str
) -> None:
    (work / "out").write_text("mine") if kind == "file" else (work / "out" / "mine").mkdir(parents=True)
    said = refused(capsys, "spec.yaml", "-o", "out")
    assert "out exists and is not an empty folder. Name a new one." in said
    assert "OUT.csv" not in said
    assert (work / "out").exists()
    assert not rayline_home.exists()  # made before Ray is


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "no/such/place"], "there is no folder"),
        (["--format", "csv"], ""),
        (["--set", "prepare.clean=[{name: spelin}]"], "Did you mean 'spelling'?"),
        (["--set", "prepare.derive.ratio='debt / incme'"], "prepare.derive.ratio"),
        (["--set", "prepare.columns.jbo.encode=target"], "Did you mean 'job'?"),
    ],
)
def test_a_command_or_spec_that_is_wrong(
    capsys: pytest.CaptureFixture[str], work: Path, rayline_home: Path, words: list[str], told: str
) -> None:
    assert _guarded(["prepare", "spec.yaml", *words], debug=False) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert not list(rayline_home.glob("runs/*/*"))
    assert sorted(path.name for path in work.iterdir()) == ["people", "spec.yaml"]


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_writing_leaves_nothing(work: Path) -> None:
    frame = people(200_000)
    write(work / "many", frame, 5_000)
    write_spec(spec("many", prepare={"select": "none", "reduce": "none"}))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rayline.cli", "prepare", "spec.yaml", "-o", "out"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + 120
    while not list(work.glob(".out.*.tmp/train/*.arrow")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "Traceback" not in said
    time.sleep(1)  # what a task had begun to write would be there by now
    assert sorted(path.name for path in work.iterdir()) == ["many", "people", "spec.yaml"]
