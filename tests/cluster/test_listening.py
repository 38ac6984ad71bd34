"""Ports that other machines reach are told from those that only this one does."""

from __future__ import annotations

import socket

import pytest

from rayline.cluster.listening import open_ports


@pytest.mark.parametrize(
    ("family", "host", "open_to_others"),
    [
        (socket.AF_INET, "127.0.0.1", False),
        (socket.AF_INET, "0.0.0.0", True),
        (socket.AF_INET6, "::1", False),
        (socket.AF_INET6, "::", True),
        (socket.AF_INET6, "::ffff:127.0.0.1", False),
    ],
)
def test_loopback_is_not_open(family: socket.AddressFamily, host: str, open_to_others: bool) -> None:
    with socket.socket(family) as one:
        one.bind((host, 0))
        one.listen()
        assert (one.getsockname()[1] in open_ports()) is open_to_others


def test_a_connection_is_not_a_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getsockname()[1] not in open_ports()
