"""The dashboard of a cluster: found from an address, asked with a deadline. Jobs go through it."""

from __future__ import annotations

import os

import requests
from ray.dashboard.utils import ray_address_to_api_server_url

from rayline.cluster import authentication, probe
from rayline.cluster.connect import resolve
from rayline.core.errors import ClusterError

TIMEOUT_S = 5.0


def url_of(address: str | None, timeout_s: float = TIMEOUT_S) -> str:
    """The dashboard's `http://HOST:PORT` of a cluster, proven to answer and to accept this process's token.

    Args:
        address: the dashboard's URL or `HOST:PORT`, the cluster's `HOST:PORT`, or `auto` for the Ray that runs on
            this machine. Default: `RAY_API_SERVER_ADDRESS`, `RAY_ADDRESS`, or `auto`.

    Raises:
        ClusterError: nothing answers there, it is not a Ray dashboard, or it refuses the token.
    """
    authentication.prepare_existing()
    named = address or os.environ.get("RAY_API_SERVER_ADDRESS") or os.environ.get("RAY_ADDRESS") or "auto"
    if "://" in named:
        url = named.rstrip("/")
        require_answer(url, timeout_s)
        return url
    if named != "auto" and _speaks_http(named, timeout_s):
        require_answer(f"http://{named}", timeout_s)
        return f"http://{named}"
    control = resolve(named)
    probe.version(control if named == "auto" else named, timeout_s)
    try:
        url = str(ray_address_to_api_server_url(control))
    except (ValueError, RuntimeError) as error:
        raise ClusterError(f"the cluster at {control} has no dashboard to take jobs: {error}") from None
    require_answer(url, timeout_s)
    return url


def require_answer(url: str, timeout_s: float = TIMEOUT_S) -> str:
    """The Ray version that the dashboard at `url` tells.

    Raises:
        ClusterError: nothing answers, it is not a Ray dashboard, or it refuses the token.
    """
    try:
        reply = requests.get(f"{url}/api/version", headers=headers(), timeout=timeout_s)
    except requests.RequestException as error:
        raise ClusterError(
            f"nothing answers at {url} ({_root(error)}). Check the address (--address, RAY_ADDRESS; a dashboard's is "
            "http://HOST:8265) and that the cluster is up; a dashboard that listens on the head's loopback needs a "
            "tunnel: ssh -L 8265:localhost:8265 HEAD."
        ) from None
    if reply.status_code in (401, 403):
        raise ClusterError(
            f"the cluster at {url} refuses {'this token' if headers() else 'a request without a token'} "
            f"({reply.status_code}). Put the cluster's (`ray get-auth-token` on its head) into RAY_AUTH_TOKEN, or into "
            "the file RAY_AUTH_TOKEN_PATH names (default ~/.ray/auth_token)."
        )
    try:
        return str(reply.json()["ray_version"])
    except (ValueError, KeyError, TypeError):
        raise ClusterError(f"what answers at {url} is not a Ray dashboard (status {reply.status_code}).") from None


def headers() -> dict[str, str]:
    """What authenticates a request: the token, where this process has one and does not decline to use it."""
    found = authentication.token()
    if found is None or os.environ.get(authentication.MODE) == "disabled":
        return {}
    return {"Authorization": f"Bearer {found}"}


def _speaks_http(address: str, timeout_s: float) -> bool:
    try:
        requests.head(f"http://{address}/", timeout=timeout_s)
    except requests.RequestException:
        return False
    return True


def _root(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error)
