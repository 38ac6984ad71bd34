"""Every wrong input: one clear message on standard error, the exit code of the design, nothing half-written."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from rayline.cli.main import _guarded

HEAD = "age,place,answer\n"
ROWS = "".join(f"{20 + n % 50},{'north' if n % 3 else 'south'},{'yes' if n % 2 else 'no'}\n" for n in range(60))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (folder / "good.csv").write_text(HEAD + ROWS)
    write_spec(folder, "good.csv")
    return folder


def write_spec(folder: Path, data: str, target: str = "answer") -> None:
    (folder / "spec.yaml").write_text(
        f"name: wrong\ndata: {{source: {data}, target: {target}}}\n"
        "prepare: {duplicates: keep}\ntrain: {epochs: 1, batch_size: 16}\n"
    )


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert _guarded(list(arguments), debug=False) == code
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1
    assert "Traceback" not in said.err
    assert "fault of Rayline" not in said.err
    return said.err


def untouched(home: Path) -> bool:
    return not home.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.epoch=3", "Did you mean 'epochs'?"),
        ("model=mpl", "Did you mean 'mlp'?"),
        ("train.optimizer=adamm", "Did you mean 'adam'?"),
        (
            "data.target=anser",
            "data.target 'anser' is not a column. Did you mean 'answer'? Columns: age, place, answer",
        ),
        ("data.source=godo.csv", "godo.csv"),
        ("data.private=[plaec]", "Did you mean 'place'?"),
        ("evaluate.slices=[plaec]", "Did you mean 'place'?"),
        ("evaluate.gates.roc_auc='about 0.9'", "is not a condition"),
        ("evaluate.gates.rocauc='>= 0.9'", "Did you mean 'roc_auc'?"),
        ("data.task=banana", "data.task"),
        ("prepare.columns.age.encode=onehot", "has no step 'encode'"),
    ],
)
def test_a_spec_that_is_wrong(
    capsys: pytest.CaptureFixture[str], rayline_home: Path, ray_cluster: None, change: str, words: str
) -> None:
    assert words in refused(capsys, "run", "spec.yaml", "--set", change)
    assert untouched(rayline_home)


def test_a_search_space_that_does_not_fit(capsys: pytest.CaptureFixture[str], rayline_home: Path) -> None:
    assert "tune.space is empty" in refused(capsys, "tune", "spec.yaml")
    Path("spec.yaml").write_text(Path("spec.yaml").read_text() + "tune: {space: {train.epohs: [1, 2]}}\n")
    assert "Did you mean 'epochs'?" in refused(capsys, "tune", "spec.yaml")
    assert untouched(rayline_home)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "wrong.csv"),
        (HEAD, "no rows"),
        (HEAD + "1,north,yes\n2,south\n3,north,no\n", "line 3"),
        (HEAD + "1,north,yes\n2,south,no,extra\n", "line 3"),
        (HEAD + ROWS.replace("no", "yes"), "one"),
        (HEAD + ROWS + "30,north,\n30,south,NaN\n", "no value in 2 of 62 rows"),
        ("answer\n" + "yes\nno\n" * 20, "no feature is left"),
    ],
    ids=["empty", "header only", "short row", "long row", "one class", "NaN target", "no feature"],
)
def test_data_that_is_wrong(
    capsys: pytest.CaptureFixture[str], rayline_home: Path, ray_cluster: None, text: str, words: str
) -> None:
    Path("wrong.csv").write_text(text)
    write_spec(Path(), "wrong.csv")
    said = refused(capsys, "run", "spec.yaml")
    assert words in said
    assert untouched(rayline_home)


def test_a_feature_that_is_all_missing_is_dropped_with_a_warning(
    capsys: pytest.CaptureFixture[str], ray_cluster: None
) -> None:
    lines = [HEAD.strip() + ",empty", *(row + "," for row in ROWS.split())]
    Path("empty.csv").write_text("\n".join(lines) + "\n")
    write_spec(Path(), "empty.csv")
    assert _guarded(["run", "spec.yaml"], debug=False) == 0
    assert "warning: empty is dropped: every value is missing" in capsys.readouterr().out


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "rayline init" in refused(capsys, "run", "nothing.yaml")
    assert "nothing.csv" in refused(capsys, "profile", "nothing.csv")
    assert "nothing.csv" in refused(capsys, "init", "nothing.csv", "--target", "answer")


def test_init_keeps_a_file_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("spec.yaml").read_text()
    assert "exists already" in refused(capsys, "init", "good.csv", "--target", "answer", "-o", "spec.yaml")
    assert Path("spec.yaml").read_text() == before


def test_where_a_file_cannot_go_is_said_before_the_data_is_read(
    capsys: pytest.CaptureFixture[str], in_an_empty_folder: Path
) -> None:
    (in_an_empty_folder / "blocker").write_text("a file, not a folder")
    (in_an_empty_folder / "folder").mkdir()
    blocker = f"{in_an_empty_folder / 'blocker'} is a file, and no folder to put it in. Give another folder."
    for place, why in (("blocker/x", blocker), ("folder", "it is a folder. Give the name of a file.")):
        told = f"error: cannot write {place}: {why}\n"
        assert told == refused(capsys, "profile", "nothing.csv", "--html", place)
        assert told == refused(capsys, "init", "nothing.csv", "--target", "answer", "-o", place)
        assert told == refused(capsys, "report", "nobody", "-o", place)
        assert told == refused(capsys, "prepare", "spec.yaml", "--show-augment", place)
    assert "nothing.csv" in refused(capsys, "init", "nothing.csv", "--target", "answer", "-o", "new/below/spec.yaml")
    assert "nobody" in refused(capsys, "report", "nobody", "-o", "new/below/page.html")
    assert not (in_an_empty_folder / "new").exists()
    assert not list(in_an_empty_folder.glob("folder/*"))


def test_init_writes_into_a_folder_that_is_not_there_yet(in_an_empty_folder: Path) -> None:
    assert _guarded(["init", "good.csv", "--target", "answer", "-o", "new/spec.yaml"], debug=False) == 0
    assert "source: good.csv" in (in_an_empty_folder / "new" / "spec.yaml").read_text()


def test_init_names_the_model_after_its_file(in_an_empty_folder: Path) -> None:
    assert _guarded(["init", "good.csv", "--target", "answer", "-o", "my.yaml"], debug=False) == 0
    assert "name: my\n" in (in_an_empty_folder / "my.yaml").read_text()


def test_a_home_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, in_an_empty_folder: Path
) -> None:
    (in_an_empty_folder / "blocker").write_text("a file, not a folder")
    monkeypatch.setenv("RAYLINE_HOME", str(in_an_empty_folder / "blocker" / "home"))
    assert "RAYLINE_HOME" in refused(capsys, "run", "spec.yaml")


def test_an_unknown_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no model 'nobody'" in refused(capsys, "models", "show", "nobody")
    assert "there is no model 'nobody'" in refused(capsys, "predict", "nobody", "good.csv", "-o", "out.csv")
    assert not Path("out.csv").exists()
    assert "NAME/VERSION" in refused(capsys, "models", "promote", "nobody")


def test_a_package_with_one_byte_changed(capsys: pytest.CaptureFixture[str], ray_cluster: None) -> None:
    assert _guarded(["run", "spec.yaml", "--json"], debug=False) == 0
    capsys.readouterr()
    assert _guarded(["models", "verify", "wrong"], debug=False) == 0
    place = Path(capsys.readouterr().out.split(":")[0])
    weights = place / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert "model.safetensors" in refused(capsys, "models", "verify", "wrong")
    assert "model.safetensors" in refused(capsys, "predict", "wrong", "good.csv", "-o", "out.csv")
    assert not Path("out.csv").exists()


def test_the_json_of_a_run_is_one_object(capsys: pytest.CaptureFixture[str], ray_cluster: None) -> None:
    import json

    assert _guarded(["run", "spec.yaml", "--json"], debug=False) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) >= {"model", "version", "metrics", "stages", "package", "report"}
    assert 0 <= result["metrics"]["test"]["accuracy"] <= 1


def test_a_cluster_that_does_not_answer(capsys: pytest.CaptureFixture[str], rayline_home: Path) -> None:
    """In a process of its own: this one may have joined the tests' cluster."""
    import subprocess
    import time

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    command = [sys.executable, "-m", "rayline.cli", "run", "spec.yaml", "--address", f"127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - started < 40
    assert untouched(rayline_home)


@pytest.mark.parametrize("words", [["run"], ["nosuch"], ["run", "spec.yaml", "--sets", "a=1"], ["models", "shw"]])
def test_a_command_line_that_is_wrong(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert _guarded(words, debug=False) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "two", "3:1", "1:"])
def test_replicas_that_make_no_sense(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert "--replicas" in refused(capsys, "serve", "--replicas", text)


def test_serving_beyond_loopback_needs_keys(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAYLINE_API_KEYS", raising=False)
    assert "key" in refused(capsys, "serve", "--host", "0.0.0.0")


def test_a_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused(capsys, "serve", "--port", str(port), "--no-monitor")
        assert str(port) in refused(capsys, "monitor", "--port", str(port))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: wrong\ndata:\n\tsource: good.csv\n", "spec.yaml, line 3, column 1: a tab; indent with spaces."),
        ("name: wrong\nname: two\n", "spec.yaml, line 2, column 1: key 'name' is there already, in line 1"),
        ("", "spec.yaml is empty; a spec is a mapping"),
        ("- name: wrong\n", "spec.yaml holds a list; a spec is a mapping"),
        ("name: wrong\ndata: {source: goood, target: answer}\n", "no such file or folder in the current folder"),
        ("name: wrong\ndata: {source: good.csv, target: 7}\n", "data.target: give text, not 7."),
        ("name: wrong\ndata:\n", "data is required"),
        (
            "name: wrong\ndata: {source: good.csv, target: answer}\nprepare: {derive: {x: 'age +'}}\n",
            "prepare.derive.x",
        ),
    ],
)
def test_a_file_that_is_no_spec(capsys: pytest.CaptureFixture[str], text: str, words: str) -> None:
    Path("spec.yaml").write_text(text)
    for command in ("run", "tune", "prepare", "render"):
        assert words in refused(capsys, command, "spec.yaml")


def test_a_list_of_one_and_keys_without_values_are_rendered_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    Path("spec.yaml").write_text(
        "name: wrong\ndata: {source: good.csv, target: answer, private: place, expect: }\n"
        "prepare:\n  derive:\n  clean: {name: missing, columns: age, values: 99}\ntrain:\n"
    )
    assert _guarded(["render", "spec.yaml"], debug=False) == 0
    said = capsys.readouterr().out
    assert "  private:\n  - place\n" in said
    assert "    columns:\n    - age\n" in said
    assert "  derive: {}\n" in said
    assert "  epochs: 10\n" in said


def test_a_choice_that_is_none_is_told_without_its_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert _guarded(["prepare", "spec.yaml", "--format", "csv"], debug=False) == 2
    said = capsys.readouterr().err
    assert "Value error" not in said
    assert "'csv' is not one of 'arrow', 'parquet'" in said


def test_a_source_that_is_no_name_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    for data in ("", " "):
        assert "nothing is given" in refused(capsys, "init", data, "--target", "answer")
        assert "nothing is given" in refused(capsys, "profile", data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"place: {north: 0.5, north: 0.4}\n", "line 1, column 21: key 'north' is there already"),
        (b"- 1\n", "give the share of each value by column"),
        (b"place: {\n", "line 2"),
        (b"place: \xff\n", "not UTF-8 text: byte 8, in line 1"),
    ],
)
def test_a_population_that_cannot_be_read(capsys: pytest.CaptureFixture[str], text: bytes, words: str) -> None:
    Path("shares.yaml").write_bytes(text)
    said = refused(capsys, "profile", "good.csv", "--population", "shares.yaml")
    assert words in said
    assert said.count("--population") == 1
