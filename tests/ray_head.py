"""A real Ray head in processes of its own, with its own token and folder, gone at the end whatever happens."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Head:
    """Where it is, and the environment of a process that may use it."""

    address: str
    dashboard: str
    environment: dict[str, str]


@contextmanager
def running_head(
    port: int | None = None, *, cpus: int = 2, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Head]:
    """`ray start --head` with token authentication, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="rlh-", dir="/tmp"))  # a socket's path has at most 107 characters
    ports = [port or free_ports(1)[0], free_ports(1)[0]]
    shared = ray_environment(folder) | dict(environment or {})
    command = [
        str(BIN / "ray"), "start", "--head", "--block", "--disable-usage-stats", "--include-dashboard=true",
        "--node-ip-address=127.0.0.1", f"--port={ports[0]}", f"--dashboard-port={ports[1]}", f"--num-cpus={cpus}",
        f"--temp-dir={folder}/ray", "--object-store-memory=200000000", *options,
    ]  # fmt: skip
    with (folder / "head.log").open("w") as log:
        process = subprocess.Popen(
            command, env=os.environ | shared, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for_port(ports[0], process)
        wait_for_port(ports[1], process)
        yield Head(f"127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", shared)
    except BaseException:
        print((folder / "head.log").read_text()[-3000:])
        raise
    finally:
        process.kill()  # a graceful stop takes seconds, and nothing of it is kept
        process.wait()
        kill_session(process.pid)
        shutil.rmtree(folder, ignore_errors=True)


def ray_environment(folder: Path) -> dict[str, str]:
    """Variables of a Ray and its users that share nothing with any other on this machine."""
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        "no_proxy": "*",
    }


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for_port(port: int, process: subprocess.Popen[bytes], host: str = "127.0.0.1", timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        assert process.poll() is None, f"ray start ended with {process.returncode}"
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing listens on {host}:{port} after {timeout_s} s")


def kill_session(leader: int) -> None:
    """SIGKILL every process of the session that `leader` began."""
    for _ in range(10):
        left = session(leader)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def session(leader: int) -> list[int]:
    """The processes, other than zombies, of the session that `leader` began."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found
