"""The endpoint on Ray Serve: the deployment itself, and what starts, changes, shows and stops it.

Every change is declarative, as `serve deploy` of a file in `serve_configs/` is: only the deployment's `user_config`
differs, so that Serve hands it to the replicas that run, within a fraction of a second, and replaces none. Replicas
write what they have loaded to the cluster's key-value store, where `deploy` and `status` read it; they answer without.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE
from ray.serve._private.logging_utils import get_serve_logs_dir
from ray.serve.context import _get_global_client  # `serve.status` tells neither replicas nor configs
from ray.serve.schema import ServeDeploySchema
from ray.util import metrics

from rayline.cluster.key_values import KeyValues
from rayline.core.errors import ClusterError, NotFoundError
from rayline.serve import rollout, state
from rayline.serve.keys import Key, require_for
from rayline.serve.keys import read as read_keys
from rayline.serve.listening import require_free_ports, url
from rayline.serve.noticeboard import Noticeboard
from rayline.serve.packages import still_there
from rayline.serve.replica import Replica
from rayline.serve.rollout import APP, DEPLOYMENT
from rayline.serve.state import Desired, Entry
from rayline.serve.windows import http_post

board = Noticeboard(KeyValues("rayline"))
_POLL_S = 0.1
SHUTDOWN_S = 120.0
"""How long replicas may drain and stop before Serve is made to."""


class RayMeters:
    """Metrics that come out of the node's agent, as `ray_<name>`."""

    def counter(self, name: str, description: str, tags: tuple[str, ...]) -> metrics.Counter:
        return metrics.Counter(name, description, tags)

    def gauge(self, name: str, description: str, tags: tuple[str, ...]) -> metrics.Gauge:
        return metrics.Gauge(name, description, tags)

    def histogram(
        self, name: str, description: str, boundaries: Sequence[float], tags: tuple[str, ...]
    ) -> metrics.Histogram:
        return metrics.Histogram(name, description, list(boundaries), tags)


@serve.deployment(
    name=DEPLOYMENT,
    # admission is the data plane's: it counts rows and answers 503 in our words
    max_ongoing_requests=10_000,
    # how soon a replica that died is noticed
    health_check_period_s=1.0,
    # a rolling replacement starts the new replica before it stops the old
    max_surge_percent=100,
    # ours is written instead, and costs a twentieth
    logging_config={"enable_access_log": False},
)
@serve.ingress()
class Endpoint:
    """One replica under Ray Serve."""

    def __init__(self) -> None:
        name = serve.get_replica_context().replica_id.unique_id
        host = _client().http_config.host
        key = os.environ.get("RAYLINE_MONITOR_KEY")
        self._replica = Replica(
            name,
            host=host,
            meters=RayMeters(),
            report=lambda report: board.put_report(name, report),
            keys=read_keys(),
            access_log=Path(get_serve_logs_dir(), f"rayline_access_{name}.log"),
            post=lambda url, body: http_post(url, body, key),
        )

    def __serve_build_asgi_app__(self) -> Any:
        return self._replica.app

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        await self._replica.reconfigure(user_config)


app: serve.Application = Endpoint.bind()  # type: ignore[attr-defined]
"""What `serve_configs/*.yaml` import."""


def start(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    replicas: int | tuple[int, int] = 1,
    keys: tuple[Key, ...] = (),
    monitor: str | None = None,
    desired: Desired | None = None,
    timeout_s: float = 180.0,
) -> str:
    """Start the endpoint on the Ray cluster this process has joined, and wait until it answers.

    Args:
        host: address to bind; beyond loopback, `keys` are required.
        port: to listen on.
        replicas: how many, or the least and the most for autoscaling.
        keys: API keys.
        monitor: URL of the monitor that replicas report to.
        desired: models to serve; default: those last served from this `RAYLINE_HOME`, without versions whose package
            is gone. Its keys and monitor are replaced by those given.
        timeout_s: how long replicas may take to start.

    Returns:
        The URL it answers at. While one model loads, others that could not do not stop it; `status()` tells.

    Raises:
        InputError: a bind beyond loopback without keys.
        AddressInUseError: a port it needs is taken.
        ClusterError: an endpoint runs on this cluster already.
        PackageError, RunError: its replicas do not start, or can load nothing of what is wanted.
    """
    _require_ray()
    require_for(host, keys)
    running = _client_or_none()
    if running is None:
        require_free_ports(host, port)
    elif APP in running.get_serve_details().get("applications", {}):
        raise ClusterError(
            "an endpoint runs on this cluster already. Change it with `rayline deploy`, or stop it first."
        )
    elif (running.http_config.host, running.http_config.port) != (host, port):
        raise ClusterError(
            f"Ray Serve runs on this cluster already, at {running.http_config.host}:{running.http_config.port}, and "
            f"cannot also listen at {host}:{port}. Use that address, or `serve shutdown` first."
        )
    wanted = still_there(state.load()) if desired is None else desired
    settings = wanted.settings.model_copy(update={"keys": keys, "monitor": monitor})
    wanted = wanted.model_copy(update={"settings": settings})
    try:
        serve.start(http_options={"host": host, "port": port}, proxy_location="EveryNode")
        _apply(rollout.application(None, wanted, **rollout.scale(replicas)))
        _await(wanted.fingerprint, timeout_s)
        state.save(wanted)
    except BaseException:  # Ctrl-C too: nothing of a start that did not succeed stays
        stop()
        raise
    return url(host, port)


def deploy(entries: Sequence[Entry], *, keep: bool = False, timeout_s: float = 300.0) -> dict[str, Any]:
    """Serve `entries`, and wait until every replica answers from them.

    New versions are loaded beside the old ones by every replica; only when all have them do aliases move and old
    versions go. A version that a replica cannot load is taken back everywhere, and what answered goes on answering.

    Args:
        entries: versions to serve, with the aliases they take.
        keep: keep the models' other versions.
        timeout_s: how long the replicas may take.

    Returns:
        `status()` afterwards.

    Raises:
        NotFoundError: no endpoint runs here.
        PackageError: a package is altered, incomplete, or answers its golden rows differently.
        RunError: a version could not be loaded for another reason, or not in time.
        ClusterError: this process has joined no cluster, or another deployment goes on.
    """
    return _change(lambda now: state.with_entries(now, entries, keep=keep), timeout_s)


def undeploy(model: str, version: str | None = None, *, timeout_s: float = 60.0) -> dict[str, Any]:
    """Stop serving a model, or one version (or alias) of it.

    Returns:
        `status()` afterwards.

    Raises:
        NotFoundError: no endpoint runs here, or it does not serve that.
        InputError: the version is the model's last.
    """
    return _change(lambda now: state.without(now, model, version), timeout_s)


def status() -> dict[str, Any]:
    """What is served: `{url, application, message, models: {name: {answering, aliases, versions}}, replicas}`.

    Raises:
        ClusterError: this process has joined no Ray cluster.
    """
    _require_ray()
    client = _client_or_none()
    if client is None:
        return {"url": None, **rollout.summary({}, [])}
    details = _details()
    found = rollout.replicas(details, board.reports())
    http = client.http_config
    return {"url": url(http.host, http.port), **rollout.summary(details, found)}


def stop() -> None:
    """Stop the endpoint, and Ray Serve with it unless it runs other applications. Requests in hand are answered."""
    _require_ray()
    if _client_or_none() is None:
        return
    details = _details()
    if set(details.get("applications", {})) - {APP}:
        _client().deploy_apps(ServeDeploySchema.model_validate(rollout.deploy_document(details, None)))
    else:
        _shut_serve_down()
    board.forget()


def _shut_serve_down() -> None:
    # `serve.shutdown` waits inside a call that dies with the controller, which Ray prints as a failure
    client = _client()
    client.shutdown_cached_handles()
    ray.get(client._controller.graceful_shutdown.remote(wait=False))
    limit = time.monotonic() + SHUTDOWN_S
    while _controller_lives() and time.monotonic() < limit:
        time.sleep(_POLL_S)
    serve.shutdown()  # forgets the client, and is what is left where the controller hangs


def _controller_lives() -> bool:
    try:
        ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
    except ValueError:
        return False
    return True


def _change(change: Any, timeout_s: float) -> dict[str, Any]:
    _require_ray()
    with board.only_one(timeout_s):
        details = _details()
        now = rollout.held_state(details)
        held = rollout.held_application(details)
        target = change(now)
        try:
            for step in (state.staged(now, target), target):
                _apply(rollout.application(held, step))
                error = rollout.failure(_await(step.fingerprint, timeout_s))
                if error is not None:
                    raise error
        except BaseException:  # Ctrl-C too: half a deployment is none
            _apply(rollout.application(held, now))
            raise
        state.save(target)
        board.forget(all_but={replica.id for replica in rollout.replicas(_details(), {})})
        return status()


def _apply(application: dict[str, Any]) -> None:
    document = rollout.deploy_document(_details(), application)
    _client().deploy_apps(ServeDeploySchema.model_validate(document))


def _await(fingerprint: str, timeout_s: float) -> list[rollout.Replica]:
    """The replicas, once each has followed the desired state of this fingerprint."""
    limit = time.monotonic() + timeout_s
    while True:
        details, reports = _details(), board.reports()
        found = rollout.followers(details, reports, fingerprint)
        if found is not None:
            return found
        if time.monotonic() > limit:
            raise rollout.late(details, reports, fingerprint, timeout_s)
        time.sleep(_POLL_S)


def _details() -> dict[str, Any]:
    return _client().get_serve_details()  # type: ignore[no-any-return]


def _client() -> Any:
    client = _client_or_none()
    if client is None:
        raise NotFoundError("no endpoint runs on this cluster. Start one: rayline serve.")
    return client


def _client_or_none() -> Any:
    return _get_global_client(raise_if_no_controller_running=False)


def _require_ray() -> None:
    if not ray.is_initialized():
        raise ClusterError("this process has joined no Ray cluster: `rayline.cluster.connect.connect()` first.")
