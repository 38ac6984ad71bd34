"""Reach a Ray cluster, or start one on this machine.

    with connect() as cluster:            # a Ray of this process's own, stopped at the end
    with connect("auto") as cluster:      # the Ray that runs on this machine (`rayline serve`, `ray start`)
    with connect("10.0.0.5:6379"):        # any other; RAY_ADDRESS means the same

A Ray that this process has joined already is used as it is, and only what was started here is stopped.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType

import ray
from ray._common.utils import get_system_memory  # knows a container's limit
from ray._private.services import canonicalize_bootstrap_address_or_die  # no public way to say what "auto" means

from rayline.cluster import authentication, environment, messages, probe
from rayline.core.errors import ClusterError

OBJECT_STORE_BYTES = 2 * 2**30
SMALLEST_OBJECT_STORE_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Connection:
    """A joined cluster. Leave it as a context manager, or with `close()`."""

    address: str
    """`HOST:PORT` of the cluster, for another process's `connect()`."""
    dashboard: str | None
    """`HOST:PORT` of the dashboard, where there is one."""
    started: bool
    """Whether this connection started the cluster, and stops it."""
    joined: bool
    """Whether this connection joined it, and leaves it."""
    _meanwhile: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)
    """What holds in this process as long as it is connected."""

    def close(self) -> None:
        """Stop what was started, leave what was joined; a second call does nothing."""
        with self._meanwhile:
            if (self.started or self.joined) and ray.is_initialized():
                if self.started:
                    _kill_autoscaler()
                ray.shutdown()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    address: str | None = None,
    *,
    serve: bool = False,
    quiet: bool = True,
    dashboard: bool = False,
    cpus: int | None = None,
    gpus: int | None = None,
    timeout_s: float = 5.0,
) -> Connection:
    """Join the Ray this process is in, the one at `address`, or a new one on this machine.

    Args:
        address: `HOST:PORT`; `auto` for the Ray that runs on this machine; `local` for a new one. Default:
            `RAY_ADDRESS` where it is set, else a new one.
        serve: the cluster is to serve HTTP: on Linux its Serve puts HAProxy in front of the replicas.
        quiet: keep Ray's own log and the output of workers off this terminal.
        dashboard: start Ray's dashboard with a new cluster (three seconds more; `ray job submit` and
            `serve deploy` need it).
        cpus, gpus: logical resources of a new cluster; default: what the machine has.
        timeout_s: how long an address may take to answer.

    Raises:
        ClusterError: nothing answers at `address`, or it is not a Ray cluster this process may join.
    """
    if ray.is_initialized():
        context = ray.get_runtime_context()
        return Connection(address=context.gcs_address, dashboard=_dashboard(), started=False, joined=False)
    wanted = address or os.environ.get("RAY_ADDRESS") or "local"
    environment.apply(environment.JOIN)
    with ExitStack() as meanwhile:
        if quiet:
            meanwhile.enter_context(messages.shortened())
        if wanted == "local":
            connection = _start(serve=serve, quiet=quiet, dashboard=dashboard, cpus=cpus, gpus=gpus)
        else:
            connection = _join(wanted, quiet=quiet, timeout_s=timeout_s)
        return replace(connection, _meanwhile=meanwhile.pop_all())


def object_store_bytes() -> int:
    """Size of a new cluster's object store: at most 2 GiB, a quarter of memory, and what shared memory holds."""
    size = min(OBJECT_STORE_BYTES, get_system_memory() // 4)
    if os.path.isdir("/dev/shm"):
        size = min(size, int(shutil.disk_usage("/dev/shm").free * 0.9))
    return max(int(size), SMALLEST_OBJECT_STORE_BYTES)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C takes effect at the end of the block: a Ray that is half started cannot be stopped, it leaves agents."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        ray.shutdown()
        raise KeyboardInterrupt


def _start(*, serve: bool, quiet: bool, dashboard: bool, cpus: int | None, gpus: int | None) -> Connection:
    environment.apply(environment.START)
    if serve:
        environment.apply(environment.serving())
    authentication.prepare_new()
    with _interrupts_held_back():
        try:
            ray.init(
                address="local",
                num_cpus=cpus,
                num_gpus=gpus,
                include_dashboard=dashboard,
                object_store_memory=object_store_bytes(),
                log_to_driver=not quiet,
                logging_level=_level(quiet),
            )
        except Exception as error:  # where its processes are not up in time, Ray raises just that
            ray.shutdown()
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise ClusterError(
                f"Ray did not start on this machine: {said[0]} Try again; if the machine is very busy, later."
            ) from error
    return Connection(ray.get_runtime_context().gcs_address, _dashboard(), started=True, joined=True)


def _level(quiet: bool) -> int:
    return logging.ERROR if quiet else logging.INFO


def _join(wanted: str, *, quiet: bool, timeout_s: float) -> Connection:
    address = resolve(wanted)
    authentication.prepare_existing()
    probe.require_same_version(address if wanted == "auto" else wanted, timeout_s)
    try:
        ray.init(address=address, log_to_driver=not quiet, logging_level=_level(quiet))
    except (ConnectionError, RuntimeError, ray.exceptions.RayError) as error:
        raise ClusterError(f"cannot join the Ray cluster at {address}: {error}") from error
    return Connection(ray.get_runtime_context().gcs_address, _dashboard(), started=False, joined=True)


def resolve(wanted: str) -> str:
    """The `HOST:PORT` of the cluster's control store that an address means.

    Raises:
        ClusterError: `auto` where no Ray runs, or text that is no address.
    """
    try:
        found = str(canonicalize_bootstrap_address_or_die(wanted))
        if wanted == "auto" and not os.environ.get("RAY_ADDRESS"):
            _require_alive(found)
        return found
    except (ConnectionError, TimeoutError):
        raise ClusterError(
            "no Ray runs on this machine. Start one with `rayline serve` or `ray start --head`, or give its address."
        ) from None
    except (ValueError, OSError) as error:
        raise ClusterError(
            f"{wanted!r} is not an address: {error}. Write HOST:PORT, for example 10.0.0.5:6379."
        ) from None


def _require_alive(address: str) -> None:
    # Ray remembers the last one in a file, which outlives a Ray that was killed
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=1.0).close()


def _kill_autoscaler() -> None:
    # of no use to a cluster of fixed size; `ray.shutdown` waits a whole second for it, then kills it as well
    for process in ray._private.worker._global_node.all_processes.get("monitor", []):
        process.process.kill()


def _dashboard() -> str | None:
    url = ray._private.worker._global_node.webui_url if ray._private.worker._global_node else None
    return url or None
