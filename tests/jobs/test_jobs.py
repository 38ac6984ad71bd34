"""The jobs and example specs do what they say, on a real cluster, by `rayline submit` and by `ray job submit`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import requests

from ray_head import BIN, Head, free_ports, running_head
from rayline.spec import load

ROOT = Path(__file__).parents[2]
JOBS = sorted(path.name for path in (ROOT / "jobs").glob("*.py"))
SPECS = sorted((ROOT / "jobs" / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_example_specs_are_valid_and_say_where_their_data_is_from(path: Path) -> None:
    spec = load(str(path))
    assert spec.name == path.stem.replace("_", "-")
    first = path.read_text().splitlines()[0]
    assert first.startswith("# ")
    assert "scikit-learn" in first or "https://" in path.read_text()


@pytest.mark.parametrize("job", JOBS)
def test_jobs_are_short_and_explain_themselves(job: str) -> None:
    text = (ROOT / "jobs" / job).read_text()
    assert len(text.splitlines()) < 60
    assert f"rayline submit jobs/{job}" in text
    assert f"python {job}" in text
    done = subprocess.run(
        [sys.executable, ROOT / "jobs" / job, "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "usage:" in done.stdout


def test_a_job_s_mistake_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "jobs" / "train.py", tmp_path / "none.yaml"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no spec file")


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    serving = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
    quick = {"RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0"}
    with running_head(cpus=4, environment=serving | quick) as running:
        yield running


def submit(head: Head, *words: str) -> str:
    """`rayline submit` from the repository; what it printed."""
    return _succeed(head, [sys.executable, "-m", "rayline.cli", "submit", "--address", head.dashboard, *words])


def ray_job_submit(head: Head, *words: str) -> str:
    """Plain `ray job submit`, as the jobs' docstrings show it; what it printed."""
    environment = json.dumps({"working_dir": "jobs", "py_modules": ["platform/rayline"]})
    command = [str(BIN / "ray"), "job", "submit", "--address", head.dashboard, "--runtime-env-json", environment, "--"]
    return _succeed(head, [*command, "python", *words])


def _succeed(head: Head, command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | head.environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.ray
@pytest.mark.slow
def test_the_jobs_train_search_score_and_serve(head: Head, tmp_path: Path) -> None:
    storage = f"storage={tmp_path}/storage"
    quick = ["--set", "train.epochs=3", "--set", "evaluate.bootstrap=0", "--set", storage]
    trained = ray_job_submit(head, "train.py", "specs/iris.yaml", *quick)
    assert '"model": "iris"' in trained
    assert '"version": "1"' in trained
    searched = submit(
        head, "jobs/tune.py", "--", "jobs/specs/iris.yaml", *quick, "--set", "tune.trials=2", "--set", "tune.folds=2"
    )
    assert '"version": "2"' in searched
    assert '"leaderboard"' in searched
    rows = tmp_path / "rows.csv"
    names = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
    pl.DataFrame({name: [5.1, 6.3] for name in names}).write_csv(rows)
    submit(head, "jobs/batch_predict.py", "--", "iris/1", str(rows), "--output", str(tmp_path / "scored.csv"))
    assert pl.read_csv(tmp_path / "scored.csv").height == 2
    [port] = free_ports(1)
    served = submit(head, "jobs/deploy.py", "--", "iris", "--start", "--port", str(port))
    assert f"iris at http://127.0.0.1:{port}" in served
    reply = requests.post(
        f"http://127.0.0.1:{port}/models/iris/predict", json={"records": [dict.fromkeys(names, 5.0)]}, timeout=30
    )
    assert reply.status_code == 200, reply.text
    assert reply.json()["version"] == "2"
