"""WAV files: where the samples lie, and how they are written."""

from __future__ import annotations

import struct
from typing import NamedTuple

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
A_LAW, MU_LAW = 6, 7
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What programs that write to a pipe leave as the size of the sound: all that follows is meant."""


class Layout(NamedTuple):
    """The format chunk of a WAV file, and its sound."""

    kind: int
    """`PCM`, `FLOAT` or another encoding, whatever stands in an extensible header."""
    channels: int
    rate: int
    """Samples a second of each channel."""
    bytes_a_second: int
    block: int
    """Bytes of a sample of all channels; of compressed sound of several."""
    start: int
    """Where the sound begins."""
    size: int
    """Its bytes."""

    @property
    def samples(self) -> int:
        """Of each channel; of compressed sound about."""
        if self.kind in (PCM, FLOAT, A_LAW, MU_LAW):
            return self.size // self.block
        return self.size * self.rate // self.bytes_a_second


def layout(data: bytes) -> Layout | None:
    """How a WAV file is laid out; `None` without a format or a sound, or with less of it than the header says.

    Raises:
        struct.error: the format chunk is cut off.
    """
    at, found = 12, None
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + 8
        if name == b"fmt ":
            kind, channels, rate, bytes_a_second, block, _ = struct.unpack_from("<HHIIHH", data, body)
            if kind == EXTENSIBLE and size >= 26:
                kind = int.from_bytes(data[body + 24 : body + 26], "little")
            found = Layout(kind, channels, rate, bytes_a_second, block, 0, 0)
        elif name == b"data":
            held = len(data) - body
            size = held if size in UNKNOWN_SIZES else size
            return None if found is None or size > held else found._replace(start=body, size=size)
        at = body + size + size % 2
    return None
