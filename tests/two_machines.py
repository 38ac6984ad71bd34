"""Two real Ray machines on this one, each in namespaces of its own, and an S3 server that both reach.

Each machine has its own network, mounts, processes and host name, with private `/tmp` and `/dev/shm`: nothing is
shared but the installed packages and a network bridge. The cluster asks for a token. It needs root and iproute2, and
leaves nothing behind.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from moto.server import ThreadedMotoServer

from ray_head import BIN, wait_for_port

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
BUCKET = "rayline-test"
ROOT = Path(__file__).resolve().parents[1]

# no graceful stop: the namespace's first process takes all others with it
MACHINE = """
set -e
mount --bind "$3" /mnt  # the project may itself lie in /tmp
mount -t tmpfs tmpfs /tmp && mount -t tmpfs tmpfs /dev/shm
mkdir -p "$3" && mount --bind /mnt "$3"
hostname $1 && echo "127.0.0.1 localhost\n$2 $1" > /tmp/hosts && mount --bind /tmp/hosts /etc/hosts
mkdir /tmp/home && cd /tmp/home
shift 3 && exec "$@"
"""


def possible() -> bool:
    """Whether this process may make network namespaces."""
    if not all(shutil.which(tool) for tool in ("ip", "unshare", "mount", "hostname")):
        return False
    trial = ["unshare", "--net", "--mount", "--uts", "--pid", "--fork", "true"]
    return os.geteuid() == 0 and subprocess.run(trial, check=False, capture_output=True).returncode == 0


@dataclass(frozen=True)
class Cluster:
    dashboard: str
    environment: dict[str, str]
    """Of a client outside both machines."""
    storage: str
    addresses: tuple[str, str]

    def get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.environment['RAY_AUTH_TOKEN']}"}
        reply = requests.get(f"{self.dashboard}{path}", headers=headers, timeout=30)
        reply.raise_for_status()
        return reply.json()["data"]["result"]["result"]

    def submit(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """`rayline submit` from `folder`, on neither machine."""
        command = [sys.executable, "-m", "rayline.cli", "submit", *words, "--address", self.dashboard]
        return subprocess.run(
            command, cwd=folder, env=self.environment, capture_output=True, text=True, timeout=280, check=False
        )

    def trained_on(self) -> list[str]:
        """The address of the machine of each training worker that there has been."""
        nodes = {node["node_id"]: node["node_ip"] for node in self.get("/api/v0/nodes")}
        actors = self.get("/api/v0/actors?limit=1000&detail=1")
        return sorted(nodes[actor["node_id"]] for actor in actors if "TrainWorker" in actor["class_name"])


@contextmanager
def two_machines(folder: Path, *, cpus: int = 1) -> Iterator[Cluster]:
    """A cluster of two machines of `cpus` each; logs and a client's home are kept in `folder`."""
    net = f"10.77.{random.randrange(1, 250)}"
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/tmp/home", "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16), "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1",
        "no_proxy": "*", **KEYS,
    }  # fmt: skip
    with ExitStack() as stack:
        names = stack.enter_context(network(net))
        port = stack.enter_context(s3(f"{net}.254"))
        head, worker = f"{net}.1", f"{net}.2"
        common = ["--block", f"--num-cpus={cpus}", "--object-store-memory=200000000", "--disable-usage-stats"]
        first = stack.enter_context(
            machine(names[0], head, folder / "head.log", environment, "--head", "--port=6379",
                    f"--dashboard-host={head}", *common)
        )  # fmt: skip
        wait_for_port(6379, first, head)
        wait_for_port(8265, first, head)
        stack.enter_context(
            machine(names[1], worker, folder / "worker.log", environment, f"--address={head}:6379", *common)
        )  # fmt: skip
        found = Cluster(
            dashboard=f"http://{head}:8265",
            environment=environment | {"HOME": str(folder)},
            storage=f"s3://{BUCKET}/rayline?endpoint_override={net}.254:{port}&scheme=http&region=us-east-1",
            addresses=(head, worker),
        )
        until = time.monotonic() + 60
        while len([node for node in found.get("/api/v0/nodes") if node["state"] == "ALIVE"]) < 2:
            assert time.monotonic() < until, (folder / "worker.log").read_text()
            time.sleep(0.5)
        yield found


@contextmanager
def network(net: str) -> Iterator[tuple[str, str]]:
    """Two namespaces, `NET.1` and `NET.2`, on a bridge that this machine is on as `NET.254`."""
    tag = f"rl{secrets.token_hex(3)}"
    names = (f"{tag}a", f"{tag}b")
    try:
        ip("link add", tag, "type bridge")
        ip("addr add", f"{net}.254/24", "dev", tag)
        ip("link set", tag, "up")
        for number, name in enumerate(names, start=1):
            ip("netns add", name)
            ip("link add", f"{name}0", "type veth peer name eth0 netns", name)
            ip("link set", f"{name}0", "master", tag, "up")
            ip("-n", name, "addr add", f"{net}.{number}/24", "dev eth0")
            ip("-n", name, "link set eth0 up")
            ip("-n", name, "link set lo up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", tag], check=False, capture_output=True)


@contextmanager
def machine(
    name: str, address: str, log: Path, environment: dict[str, str], *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`ray start` in namespaces of its own, gone with everything it started when the block ends."""
    command = [
        "ip", "netns", "exec", name,
        "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
        "sh", "-c", MACHINE, "sh", name, address, str(ROOT), str(BIN / "ray"), "start",
        f"--node-ip-address={address}", *options,
    ]  # fmt: skip
    with log.open("w") as handle:
        process = subprocess.Popen(
            command, env=environment, stdout=handle, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def s3(host: str) -> Iterator[int]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    try:
        client = boto3.client(
            "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
            aws_access_key_id="testing", aws_secret_access_key="testing",
        )  # fmt: skip
        client.create_bucket(Bucket=BUCKET)
        yield port
    finally:
        server.stop()


def ip(*words: str) -> None:
    subprocess.run(["ip", *" ".join(words).split()], check=True, capture_output=True, text=True)
