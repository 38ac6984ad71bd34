"""Jobs on a real cluster behind a token: what goes with them, what comes back, how they are stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ray_head import Head, running_head

pytestmark = pytest.mark.ray

SUBMIT = """
import sys
from rayline.cluster.submit import submit
from rayline.core.errors import RaylineError

try:
    done = submit(sys.argv[2], sys.argv[3:], address=sys.argv[1])
except RaylineError as error:
    print("error:", error)
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
print(done.status)
sys.exit(done.exit_code)
"""

JOB = """
import os, platform, sys, time
import ray
import rayline
from rayline.cluster.connect import connect

path = sys.argv[1]
with connect() as cluster:
    @ray.remote
    def look():
        import rayline
        return open(path).read(), rayline.__file__
    text, where = ray.get(look.remote())
print("driver", open(path).read(), "worker", text)
print("shipped", "runtime_resources" in where and where == rayline.__file__, "standard library", platform.system())
print("home", os.environ["RAYLINE_HOME"])
sys.stdout.flush()
time.sleep(float(sys.argv[2]))
sys.exit(int(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with running_head() as running:
        yield running


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "rows.txt").write_text("seven")
    return "job.py"


def start(head: Head, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SUBMIT, *arguments],
        env=os.environ | head.environment | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_script_runs_there_with_its_files_and_its_exit_code_comes_back(head: Head, job: str) -> None:
    process = start(head, head.dashboard, job, "rows.txt", "0", "2")
    output, _ = process.communicate(timeout=60)
    assert "driver seven worker seven" in output, output
    assert "shipped True standard library Linux" in output
    assert f"home {head.environment['HOME']}/.rayline" in output
    assert output.strip().endswith("FAILED")
    assert process.returncode == 2


def test_ctrl_c_stops_the_job_and_the_cluster_goes_on(head: Head, job: str) -> None:
    process = start(head, head.address, job, "rows.txt", "600", "0")
    give_up = threading.Timer(150, process.kill)
    give_up.start()
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("home"):
            process.send_signal(signal.SIGINT)
    give_up.cancel()
    assert process.wait(timeout=60) == 130, lines
    assert "has stopped\n" in lines[-1], lines
    name = next(line.split()[1] for line in lines if line.startswith("job "))
    token = {"Authorization": f"Bearer {head.environment['RAY_AUTH_TOKEN']}"}
    jobs = requests.get(f"{head.dashboard}/api/jobs/", headers=token, timeout=30).json()
    assert {job["submission_id"]: job["status"] for job in jobs}[name] == "STOPPED"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"RAY_AUTH_TOKEN": "another"}, "refuses this token (403)"),
        ({"RAY_AUTH_TOKEN": "", "RAY_AUTH_MODE": "disabled"}, "refuses a request without a token (401)"),
    ],
)
def test_a_wrong_token_is_refused_before_anything_is_sent(
    head: Head, job: str, environment: dict[str, str], told: str
) -> None:
    process = start(head, head.dashboard, job, "rows.txt", "0", "0", **environment)
    output, _ = process.communicate(timeout=30)
    assert told in output
    assert process.returncode == 2
