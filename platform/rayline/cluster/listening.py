"""Which ports of this machine others can reach. Linux only: it reads `/proc/net`."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

LISTEN = "0A"


def open_ports() -> set[int]:
    """TCP ports that listen on an address other than loopback; empty where `/proc/net` is not to be had."""
    ports: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTEN:
                address, _, port = fields[1].partition(":")
                if not _is_loopback(address):
                    ports.add(int(port, 16))
    return ports


def _is_loopback(kernel_hex: str) -> bool:
    """Whether an address as the kernel prints it (32-bit words in the machine's order, hexadecimal) is loopback.

    >>> _is_loopback("0100007F"), _is_loopback("00000000"), _is_loopback("00000000000000000000000001000000")
    (True, False, True)
    """
    words = [int(kernel_hex[start : start + 8], 16) for start in range(0, len(kernel_hex), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(words) == 1:
        return packed[0] == 127
    mapped = packed[:12] == b"\0" * 10 + b"\xff\xff"
    return packed[12] == 127 if mapped else packed == socket.inet_pton(socket.AF_INET6, "::1")
