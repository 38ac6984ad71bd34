"""`rayline profile` as it is typed, of files so small that no cluster is started for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from rayline.cli import main
from rayline.cluster import connect
from rayline.pipeline import understand
from rayline.sources import on_ray, scan

Run = Callable[..., int]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "age": rng.integers(18, 80, 400),
            "sex": rng.choice(["f", "m"], 400, p=[0.2, 0.8]),
            "name": [f"secret-{i}" for i in range(400)],
            "paid": rng.choice(["yes", "no"], 400),
        }
    )
    frame = pl.concat([frame, frame.head(5)])
    frame.write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def typed(*words: Any) -> int:
        monkeypatch.setattr("sys.argv", ["rayline", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return int(ended.value.code or 0)

    return typed


def test_json_tells_all_of_it_and_nothing_else(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = tmp_path / "population.json"
    shares.write_text(json.dumps({"sex": {"f": 0.5, "m": 0.5}}))
    assert run("profile", data, "--target", "paid", "--population", shares, "--private", "name", "--json") == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert "secret" not in out
    assert (found["rows"], found["target"]) == (405, "paid")
    assert found["repeats"]["duplicates"] == 5
    assert {one["column"] for one in found["associated"]} == {"age", "sex"}
    (covered,) = found["covered"]
    assert {group["value"]: group["population"] for group in covered["groups"]} == {"m": 0.5, "f": 0.5}
    assert {"prepare.duplicates: drop", "evaluate.slices: [sex]"} <= {alert["line"] for alert in found["alerts"]}


def test_suggestions_are_a_part_of_a_spec(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("profile", data, "--suggest", "--private", "name") == 0
    expect = yaml.safe_load(capsys.readouterr().out)["data"]["expect"]
    assert expect["age"]["type"] == "integer"
    assert set(expect["sex"]["allowed"]) == {"f", "m"}


def test_a_page_is_written_beside_what_is_printed(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert run("profile", data, "--sensitive", "sex", "--target", "paid", "--html", page) == 0
    out = capsys.readouterr().out
    assert f"page: {page}" in out.replace("\n", "")
    assert "what goes with paid" in out
    assert 'id="groups"' in page.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "payd"], "--target 'payd' is not a column. Did you mean 'paid'?"),
        (["--sensitive", "sexx"], "--sensitive 'sexx' is not a column. Did you mean 'sex'?"),
        (["--target", "paid", "--private", "paid"], "--target 'paid' is private too"),
        (["--json", "--suggest"], "give one of them"),
        (["--population", "nothing.yaml"], "nothing.yaml: No such file"),
    ],
)
def test_what_cannot_be_asked_ends_at_once(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run("profile", data, *words) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("text", ["sex: 3", "[1, 2]", "sex: {f: [", "sex: {f: 3}"])
def test_a_population_that_is_none_is_refused(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    shares = tmp_path / "population.yaml"
    shares.write_text(text)
    assert run("profile", data, "--population", shares) == 2
    assert "opulation" in capsys.readouterr().err


def test_a_population_of_ranges_and_combinations(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = tmp_path / "population.yaml"
    shares.write_text('age: {up to 40: 0.5, over 40: 0.5}\n"sex, age": {"f, up to 40": 0.9}\n')
    assert run("profile", data, "--population", shares, "--json") == 0
    age, sex, both = json.loads(capsys.readouterr().out)["covered"]
    frame = pl.read_csv(data)
    assert {group["value"]: group["rows"] for group in age["groups"]} == {
        "up to 40": (frame["age"] <= 40).sum(),
        "over 40": (frame["age"] > 40).sum(),
    }
    assert (sex["columns"], both["columns"]) == (["sex"], ["sex", "age"])
    (declared,) = [group for group in both["groups"] if group["population"] is not None]
    assert declared["rows"] == ((frame["sex"] == "f") & (frame["age"] <= 40)).sum()
    assert "fewer than its 90.0% of the population" in declared["warnings"][-1]
    shares.write_text('"sex, agge": {"f, up to 40": 0.9}\n')
    assert run("profile", data, "--population", shares) == 2
    assert "--population 'agge' is not a column. Did you mean 'age'?" in " ".join(capsys.readouterr().err.split())


def test_small_files_need_neither_ray_nor_torch(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    code = (
        "import sys\n"
        "from rayline.cli.main import _guarded\n"
        f"assert _guarded(['profile', {str(data)!r}, '--target', 'paid', '--json'], False) == 0\n"
        "heavy = {'torch', 'ray', 'mlflow'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("why", ["large", "address", "RAY_ADDRESS"])
def test_a_cluster_says_the_same_where_it_is_asked(data: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    here = understand.profile_data(str(data), target="paid")
    asked: list[str | None] = []
    monkeypatch.setattr(connect, "connect", lambda address: nullcontext(asked.append(address)))
    monkeypatch.setattr(on_ray, "scan", scan.scan)
    if why == "large":
        monkeypatch.setattr(understand, "SMALL_BYTES", 100)
    if why == "RAY_ADDRESS":
        monkeypatch.setenv(why, "10.0.0.5:6379")
    address = "auto" if why == "address" else None
    assert understand.profile_data(str(data), target="paid", address=address).to_json() == here.to_json()
    assert asked == [address]
