"""A Ray of one's own is started, found by others, and gone at the end; in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from ray_head import ray_environment, session
from rayline.cluster.connect import connect
from rayline.core.errors import ClusterError

pytestmark = pytest.mark.ray

OWN = """
import os, subprocess, sys, threading
import ray
from rayline.cluster.connect import connect

with connect(serve=True) as cluster:
    assert cluster.started and cluster.dashboard is None
    with connect() as again:
        assert not again.started and again.address == cluster.address
    assert ray.is_initialized(), "a second connection must not stop the first one's cluster"

    @ray.remote
    def told():
        return {name: os.environ.get(name) for name in ("RAY_SERVE_ENABLE_HA_PROXY", "RAY_AUTH_MODE")}

    assert ray.get(told.remote()) == {"RAY_SERVE_ENABLE_HA_PROXY": "1" if sys.platform == "linux" else None,
                                      "RAY_AUTH_MODE": "token"}
    for arguments, environment in (
        ([cluster.address], {}),
        (["auto"], {}),
        (["auto"], {"RAY_AUTH_TOKEN": "another"}),
        (["auto"], {"RAY_AUTH_TOKEN": "", "RAY_AUTH_MODE": "disabled"}),
    ):
        other = subprocess.run([sys.executable, "-c", OTHER, *arguments], env=os.environ | environment,
                               capture_output=True, text=True, timeout=60)
        print(other.stdout.strip() or other.stderr)
    assert threading.main_thread().is_alive()
assert not ray.is_initialized()
cluster.close()
print("stopped")
"""

OTHER = """
import sys, time
from rayline.cluster.connect import connect
from rayline.core.errors import ClusterError

began = time.monotonic()
try:
    with connect(sys.argv[1]) as cluster:
        print("joined", cluster.started)
except ClusterError as error:
    print("refused" if "token" in str(error) else error, "quickly" if time.monotonic() - began < 5 else "slowly")
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="rlc-", dir="/tmp"))  # a socket's path has at most 107 characters
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_one_s_own_ray_is_shared_guarded_and_stopped(folder: Path) -> None:
    environment = os.environ | ray_environment(folder) | {"RAY_TMPDIR": str(folder)}
    environment.pop("RAY_ADDRESS", None)
    process = subprocess.Popen(
        [sys.executable, "-c", f"OTHER = {OTHER!r}\n{OWN}"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    output, _ = process.communicate(timeout=120)
    assert output.split("\n")[:5] == [
        "joined False",
        "joined False",
        "refused quickly",
        "refused quickly",
        "stopped",
    ], output
    assert process.returncode == 0
    assert session(process.pid) == [], "processes were left behind"


def test_ctrl_c_while_ray_starts_leaves_nothing(folder: Path) -> None:
    script = "from rayline.cluster.connect import connect\nprint('starting', flush=True)\nconnect('local')"
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | ray_environment(folder) | {"RAY_TMPDIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "starting\n"
    while not any("raylet" in command(pid) for pid in session(process.pid)):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors.strip().endswith("KeyboardInterrupt")
    until = time.monotonic() + 5
    while session(process.pid) and time.monotonic() < until:
        time.sleep(0.1)
    assert session(process.pid) == [], "processes were left behind"


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_ray_that_does_not_come_up_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because …\nmore")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ClusterError, match=r"^Ray did not start on this machine: The current node timed out") as told:
        connect("local")
    assert "\n" not in str(told.value)
