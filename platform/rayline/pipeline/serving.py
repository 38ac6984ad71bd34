"""From names in the registry to an endpoint: what `rayline serve`, `deploy`, `undeploy`, `status` and `promote` share.

rayline serve     Ray + endpoint + monitor in one foreground process; notes where in RAYLINE_HOME/serve/endpoint.json
rayline deploy    joins that Ray (or --address), resolves names to packages, has the endpoint load them
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import yaml

from rayline.cluster.connect import Connection, connect
from rayline.core import files
from rayline.core.errors import AddressInUseError, ClusterError, NotFoundError, RunError
from rayline.core.home import ensure_home
from rayline.pipeline.endpoint import Endpoint, forget, note, running
from rayline.pipeline.process import born
from rayline.registry.models import Registry
from rayline.registry.package import SPEC
from rayline.serve import on_ray
from rayline.serve.keys import Key, require_for
from rayline.serve.listening import require_free_ports
from rayline.serve.state import Entry, load
from rayline.spec.sections import Serve

MONITOR_START_S = 20.0


def entries(models: Sequence[str], aliases: Sequence[str] = ()) -> list[Entry]:
    """The versions that `NAME@ALIAS`, `NAME/VERSION` or `NAME` mean, each with the aliases it has or is given.

    Raises:
        NotFoundError: no such model, version or alias.
    """
    registry = Registry()
    found = []
    for model in models:
        entry = registry.resolve(model)
        found.append(
            Entry(
                model=entry.name,
                version=str(entry.version),
                package=entry.uri,
                aliases=tuple(aliases) or entry.aliases,
                max_batch_rows=_settings(entry.uri).max_batch_rows,
            )
        )
    return found


@contextmanager
def serving(
    models: Sequence[str] = (),
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    replicas: int | tuple[int, int] = 1,
    keys: tuple[Key, ...] = (),
    monitor_port: int | None = 8010,
    address: str | None = None,
) -> Iterator[Endpoint]:
    """An endpoint that answers until the block ends: Ray (unless one is named), replicas, monitor; then all stops.

    Args:
        models: to deploy at once, beside those last served from this `RAYLINE_HOME`.
        host, port: to listen on.
        replicas: how many, or the least and the most.
        keys: API keys; required beyond loopback.
        monitor_port: of the monitor process beside it, on loopback; 0 takes a free one, `None` starts none.
        address: a running Ray cluster; default: that of `RAY_ADDRESS`, else a new one. A Ray that merely runs on this
            machine may be another command's, and ends with it.

    Raises:
        InputError: as `serve.on_ray.start`, or a model that is not registered; nothing is left running.
    """
    require_for(host, keys)
    wanted = entries(models)
    ensure_home()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    require_free_ports(host, port)
    with connect(address, serve=True, dashboard=True) as cluster, _monitor(monitor_port) as monitor:
        url = on_ray.start(host, port, replicas=replicas, keys=keys, monitor=monitor)
        try:
            if wanted:
                on_ray.deploy(wanted)
            endpoint = Endpoint(url, cluster.address, monitor, cluster.dashboard, os.getpid(), born(os.getpid()))
            note(endpoint)
            yield endpoint
        finally:
            forget()
            on_ray.stop()


@contextmanager
def joined(address: str | None) -> Iterator[Connection]:
    """The cluster of the running endpoint: `address`, else what `rayline serve` noted, else the Ray that runs here.

    Raises:
        ClusterError: none runs.
    """
    found = running()
    target = address or os.environ.get("RAY_ADDRESS") or (found.address if found else "auto")
    try:
        connection = connect(target, serve=True)
    except ClusterError as error:
        if address is None and found is None:
            raise ClusterError(
                "no endpoint runs here. Start one: rayline serve. Or give its cluster: --address."
            ) from error
        raise
    with connection:
        yield connection


def deploy(
    models: Sequence[str], *, aliases: Sequence[str] = (), keep: bool = False, address: str | None = None
) -> dict[str, Any]:
    """Have the running endpoint serve these models; returns its status afterwards.

    Raises:
        NotFoundError: no such model, or no endpoint.
        PackageError, RunError: a version that cannot be loaded; what answered before still does.
    """
    wanted = entries(models, aliases)
    with joined(address):
        return on_ray.deploy(wanted, keep=keep)


def undeploy(model: str, *, address: str | None = None) -> dict[str, Any]:
    """Stop serving `NAME`, or one version or alias of it (`NAME/3`, `NAME@challenger`)."""
    name, _, version = model.replace("@", "/").partition("/")
    with joined(address):
        return on_ray.undeploy(name, version or None)


def status(address: str | None = None) -> dict[str, Any]:
    """What is served, with the monitor's and the dashboard's addresses where they are known.

    Raises:
        ClusterError: no Ray runs.
        NotFoundError: the Ray that runs has no endpoint.
    """
    found = running()
    with joined(address) as cluster:
        shown = on_ray.status()
    if shown["url"] is None:
        raise NotFoundError(f"no endpoint runs on the Ray at {cluster.address}. Start one: rayline serve.")
    if found is not None:
        shown |= {"monitor": found.monitor, "dashboard": found.dashboard, "ray": found.address}
    return shown


def follow(model: str) -> list[str]:
    """After an alias of `model` moved: have the endpoint that runs from this `RAYLINE_HOME` follow it.

    Returns a line for people on what was done; nothing where no endpoint serves the model.
    """
    served = load().models.get(model)
    if running() is None or served is None:
        return []
    moved: dict[str, list[str]] = {}
    for entry in Registry().list(model):
        for alias in entry.aliases:
            if served.aliases.get(alias) not in (None, str(entry.version)):
                moved.setdefault(str(entry.version), []).append(alias)
    lines = []
    with joined(None) if moved else nullcontext():
        for version, aliases in moved.items():
            on_ray.deploy(entries([f"{model}/{version}"], aliases), keep=True)
            lines += [f"the endpoint answers {model}@{alias} from version {version}" for alias in aliases]
    return lines


@contextmanager
def _monitor(port: int | None) -> Iterator[str | None]:
    if port is None:
        yield None
        return
    # the next one's free port will be another: it would not find the windows of this one
    fleeting = [] if port else ["--fleeting"]
    port = port or free_port()
    _require_free(port)
    command = [sys.executable, "-m", "rayline.cli", "monitor", "--port", str(port), "--follow-parent", *fleeting]
    # a session of its own: Ctrl-C is for the endpoint, which stops the monitor last
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait_for_monitor(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_monitor(process: subprocess.Popen[bytes], port: int) -> None:
    limit = time.monotonic() + MONITOR_START_S
    while time.monotonic() < limit:
        code = process.poll()
        if code is not None:  # it has said why on standard error
            error = ClusterError if code == 2 else RunError
            raise error(
                f"the monitor did not start on port {port}. Choose another with --monitor-port, or --no-monitor."
            )
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RunError(f"the monitor did not answer on port {port} within {MONITOR_START_S:.0f} s.")


def _require_free(port: int) -> None:
    # asked before the monitor starts: what listens there already may answer its health check too
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise AddressInUseError(
                f"something else listens at 127.0.0.1:{port}, where the monitor was to start. Stop it, choose another "
                "port with --monitor-port (0: a free one), or go without: --no-monitor."
            ) from None


def free_port() -> int:
    """A TCP port on loopback that nothing listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _settings(package: str) -> Serve:
    """The `serve` section of the spec a package was made from."""
    document = yaml.safe_load(files.read_bytes(files.join(package, SPEC)))
    return Serve.model_validate(document.get("serve") or {})
