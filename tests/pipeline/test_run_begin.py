"""How a run begins and ends: what is refused leaves nothing, Ctrl-C is no failure, storage is proven before Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from rayline.core.errors import ClusterError, DataError, RunError, SpecError, StorageError
from rayline.pipeline import line
from rayline.pipeline.line import Line, begin
from rayline.registry import store
from rayline.spec import load


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str | None]:
    """Addresses that were connected to: no Ray starts here, and nothing is imported for it."""
    asked: list[str | None] = []

    @contextmanager
    def connect(address: str | None) -> Iterator[Any]:
        asked.append(address)
        if address == "nowhere":
            raise ClusterError("nothing answers")
        yield SimpleNamespace(started=True)

    monkeypatch.setattr(line, "connect", connect)
    monkeypatch.setattr(line, "prove", lambda uri: None)
    monkeypatch.setattr(line, "warm", lambda **_: None)
    (tmp_path / "rows.csv").write_text("age,answer\n" + "".join(f"{n},{n % 2}\n" for n in range(20)))
    return asked


def spec(folder: Path, **more: Any) -> Any:
    return load({"name": "begun", "data": {"source": str(folder / "rows.csv"), "target": "answer"}, **more})


def states(root: Path) -> list[dict[str, Any]]:
    return [orjson.loads(path.read_bytes()) for path in sorted(root.glob("runs/*/*/run.json"))]


def test_a_column_that_is_not_there_leaves_nothing(tmp_path: Path, rayline_home: Path, started: list[Any]) -> None:
    wrong = load({"name": "begun", "data": {"source": str(tmp_path / "rows.csv"), "target": "anser"}})
    with pytest.raises(SpecError, match="anser"), begin(wrong, "run", address=None, watcher=None):
        pass
    assert not rayline_home.exists()
    assert not started


def test_data_refused_before_any_work_leaves_nothing(tmp_path: Path, rayline_home: Path) -> None:
    storage = tmp_path / "new" / "storage"
    for asked in (spec(tmp_path), spec(tmp_path, storage=str(storage)), spec(tmp_path, storage=f"file://{storage}")):
        with pytest.raises(DataError, match="one class"), begin(asked, "run", address=None, watcher=None):
            raise DataError("one class")
    assert not rayline_home.exists()
    assert not (tmp_path / "new").exists()


def test_what_was_there_before_stays(tmp_path: Path, rayline_home: Path) -> None:
    (rayline_home / "runs" / "begun").mkdir(parents=True)
    (rayline_home / "notes").write_text("mine")
    with pytest.raises(DataError), begin(spec(tmp_path), "run", address=None, watcher=None):
        raise DataError("one class")
    assert (rayline_home / "runs" / "begun").is_dir()
    assert (rayline_home / "notes").read_text() == "mine"
    assert not list((rayline_home / "runs" / "begun").iterdir())


def test_a_cluster_that_is_not_there_leaves_nothing(tmp_path: Path, rayline_home: Path) -> None:
    with pytest.raises(ClusterError), begin(spec(tmp_path), "run", address="nowhere", watcher=None):
        pass
    assert not rayline_home.exists()


def test_storage_that_cannot_be_written_is_told_before_ray_starts(
    tmp_path: Path, rayline_home: Path, started: list[Any]
) -> None:
    (tmp_path / "blocker").write_text("a file, not a folder")
    asked = spec(tmp_path, storage=str(tmp_path / "blocker" / "storage"))
    told = pytest.raises(StorageError, match="storage: cannot write .*blocker")
    with told, begin(asked, "run", address=None, watcher=None):
        pass
    assert not started
    assert not rayline_home.exists()


def test_a_refusal_after_work_was_done_is_a_failure_that_resumes(tmp_path: Path, rayline_home: Path) -> None:
    def full(run: Line) -> None:
        with run.stages.stage("prepare"):
            pass
        raise DataError("the disk is full")

    with pytest.raises(RunError, match="--resume"), begin(spec(tmp_path), "run", address=None, watcher=None) as run:
        full(run)
    [state] = states(rayline_home)
    assert (state["status"], state["error"]) == ("failed", "DataError: the disk is full")
    with begin(spec(tmp_path), "run", resume=True, address=None, watcher=None) as run:
        assert run.folder.id == state["id"]
    with pytest.raises(DataError), begin(spec(tmp_path), "run", resume=True, address=None, watcher=None):
        raise DataError("the data has changed")
    [state] = states(rayline_home)
    assert (state["status"], state["error"]) == ("failed", "DataError: the data has changed")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(15)], ids=["Ctrl-C", "SIGTERM"])
def test_what_was_stopped_is_no_failure(tmp_path: Path, rayline_home: Path, stop: BaseException) -> None:
    with pytest.raises(type(stop)), begin(spec(tmp_path), "run", address=None, watcher=None):
        raise stop
    [state] = states(rayline_home)
    assert state["status"] == "interrupted"
    assert "error" not in state


def test_ctrl_c_after_the_end_undoes_nothing(tmp_path: Path, rayline_home: Path) -> None:
    def finished(run: Line) -> None:
        run.done(spec(tmp_path), {"version": "1"})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), begin(spec(tmp_path), "run", address=None, watcher=None) as run:
        finished(run)
    assert [state["status"] for state in states(rayline_home)] == ["done"]


def test_getting_ready_makes_no_database(rayline_home: Path) -> None:
    store.warm(makes=False).result(timeout=120)
    assert not rayline_home.exists()
