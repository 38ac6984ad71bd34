"""Ctrl-C in each stage: one line, exit code 130, nothing half-written, no process left, and `--resume` goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SPEC = """
name: stopped
data: {source: "sklearn:breast_cancer", target: target}
train: {epochs: 400, batch_size: 16}
explain: {importance_repeats: 400, importance_rows: 5000}
tune: {trials: 40, folds: 3, space: {train.optimizer.lr: {low: 1e-4, high: 0.1, log: true}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def interrupted(folder: Path, command: str, after: str | None, *more: str) -> subprocess.CompletedProcess[str]:
    """Send SIGINT, as a terminal does, once the output holds `after`; `None`: while Ray starts."""
    environment = {**os.environ, "RAYLINE_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"}
    environment.pop("RAY_ADDRESS", None)
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "rayline.cli", command, "spec.yaml", *more],
            cwd=folder, env=environment, stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(process, folder, after)
        finally:  # it must not outlive a test that gives up
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
    return subprocess.CompletedProcess(
        [], process.returncode, (folder / "out").read_text(), (folder / "err").read_text()
    )


def wait_for(process: subprocess.Popen[bytes], folder: Path, after: str | None) -> None:
    """Until the output holds `after`; `None`: while Ray starts."""
    limit = time.monotonic() + 240
    if after is None:
        time.sleep(2.5)
    while after is not None and after not in (folder / "out").read_text():
        assert process.poll() is None, (folder / "err").read_text()
        assert time.monotonic() < limit, (folder / "out").read_text()
        time.sleep(0.02)


def left_behind(folder: Path) -> list[str]:
    """Processes that still carry this run's `RAYLINE_HOME`."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder / "home").encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("run", None),
        ("run", "✓ start"),
        ("run", "✓ profile"),
        ("run", "epoch 3/"),
        ("run", "✓ train"),
        ("tune", "✓ profile"),
        ("tune", "trial 2/"),
    ],
    ids=["start", "profile", "prepare", "train", "judge", "search starts", "search"],
)
def test_ctrl_c_ends_cleanly(folder: Path, command: str, after: str | None) -> None:
    done = interrupted(folder, command, after)
    assert done.returncode == 130, done.stderr
    assert "stopped. What was finished is kept" in done.stderr
    assert "Traceback" not in done.stderr
    limit = time.monotonic() + 15
    while left_behind(folder) and time.monotonic() < limit:
        time.sleep(0.2)
    assert not left_behind(folder)
    assert not list((folder / "home").rglob("*.tmp"))
    assert not list((folder / "home").glob("artifacts/*/*/artifacts/package"))
    for state in (folder / "home").glob("runs/*/*/run.json"):
        assert orjson.loads(state.read_bytes())["status"] == "interrupted"


def test_a_run_that_was_stopped_in_training_is_resumed(folder: Path) -> None:
    interrupted(folder, "run", "epoch 20/")
    environment = {**os.environ, "RAYLINE_HOME": str(folder / "home")}
    environment.pop("RAY_ADDRESS", None)
    # the same spec, hence the same 400 epochs
    command = [sys.executable, "-m", "rayline.cli", "run", "spec.yaml", "--resume"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=300)
    assert "resumed at step" in done.stdout
    assert "epoch 10/400" not in done.stdout
    assert len(list((folder / "home").glob("runs/*/*"))) == 1
