"""Where the endpoint listens: what a client calls it by, and whether its ports are free."""

from __future__ import annotations

import errno
import os
import socket

from rayline.cluster import environment
from rayline.core.errors import AddressInUseError, InputError

HAPROXY_PORTS = {"RAY_SERVE_HAPROXY_STATS_PORT": 8404, "RAY_SERVE_HAPROXY_METRICS_PORT": 9101}
"""Ports that HAProxy mode takes on every interface, by the variables that move them."""


def url(host: str, port: int) -> str:
    """Where a client on this machine finds what is bound to `host`."""
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    return f"http://{f'[{local}]' if ':' in local and not local.startswith('[') else local}:{port}"


def require_free_ports(host: str, port: int) -> None:
    """Refuse to start where something else listens.

    Raises:
        AddressInUseError: a port that the endpoint, or HAProxy in front of it, needs is taken.
        InputError: an address this machine does not have.
    """
    wanted = [(host, port, "another one with --port")]
    if environment.haproxy_mode():
        for variable, default in HAPROXY_PORTS.items():
            wanted.append(("", int(os.environ.get(variable, default)), f"another one with {variable}"))
    for address, number, other in wanted:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, number))
            except OSError as error:
                place = f"{address or '0.0.0.0'}:{number}"
                if error.errno == errno.EADDRINUSE:
                    raise AddressInUseError(
                        f"something else listens at {place}, which the endpoint needs. Stop it, or choose {other}."
                    ) from None
                raise InputError(f"the endpoint cannot listen at {place}: {error.strerror}.") from None
