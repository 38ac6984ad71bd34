"""Encoded sounds: format, rate, channels and seconds, read from the headers of all; a few are heard (`levels.py`).

Seconds are kept as whole microseconds, so that their sum is the same in any order. The length of an MP3 file without a
table of contents is its size divided by the first frame's bit rate.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile import levels, wav
from rayline.profile.tally import merge_counts, merge_tallies, tally
from rayline.profile.values import Rows

MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    "wav": ((8, b"WAVE"),),
    "flac": ((0, b"fLaC"),),
    "ogg": ((0, b"OggS"),),
    "mp3": ((0, b"ID3"),),
    "aiff": ((8, b"AIFF"), (8, b"AIFC")),
    "au": ((0, b".snd"),),
}
BIT_RATES = {
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s of MPEG 1 and of MPEG 2, layer III."""
MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

Header = tuple[int, int, int]
"""Samples a second, channels, microseconds."""


def header(data: bytes, name: str) -> Header | None:
    """What a sound's header tells; `None` where it is broken, holds no sound, or more than the file does."""
    try:
        found = _READERS[name](data)
    except (struct.error, IndexError, KeyError, ZeroDivisionError, OverflowError):
        return None
    if found is None or not 0 < found[0] <= 768_000 or not 0 < found[1] <= 256 or found[2] <= 0:
        return None
    rate, channels, samples = found
    return rate, channels, round(1_000_000 * samples / rate)


def measure(
    headers: Sequence[Header], column: pl.Series, rows: Rows, hashes: UInt64Array, places: Sequence[int]
) -> dict[str, Any]:
    """Rates, channels and lengths of the sounds at `places` of a column, and how loud some of them are."""
    table = np.array(headers, np.int64).reshape(-1, 3)
    counts = [np.unique(table[:, place], return_counts=True) for place in (0, 1)]
    rates, channels = ({str(v): int(n) for v, n in zip(*one, strict=True)} for one in counts)
    told = {"rates": rates, "channels": channels, "microseconds": tally(table[:, 2])}
    return told | levels.measure(column, rows, hashes, places)


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all sounds together."""
    return {
        "rates": merge_counts(part["rates"] for part in parts),
        "channels": merge_counts(part["channels"] for part in parts),
        "microseconds": merge_tallies([part["microseconds"] for part in parts]),
        **levels.merge(parts),
    }


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Rates and channels with their rows; seconds of the shortest, the longest, the mean and all; how loud they are."""
    length = found["microseconds"]
    seconds = {
        key: None if length[key] is None else length[key] / 1e6 for key in ("minimum", "mean", "maximum", "total")
    }
    return {"rates": found["rates"], "channels": found["channels"], "seconds": seconds, **levels.summary(found)}


def _wav(data: bytes) -> Header | None:
    found = wav.layout(data)
    return None if found is None else (found.rate, found.channels, found.samples)


def _flac(data: bytes) -> Header | None:
    packed = int.from_bytes(data[18:26], "big")
    if data[4] & 0x7F or len(data) < 42:
        return None
    return packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1


def _ogg(data: bytes) -> Header | None:
    last = data.rfind(b"OggS")
    samples = struct.unpack_from("<q", data, last + 6)[0]
    body = 27 + data[26]
    if data[body : body + 7] == b"\x01vorbis":
        channels, rate = struct.unpack_from("<BI", data, body + 11)
        return rate, channels, samples
    if data[body : body + 8] == b"OpusHead":
        return 48_000, data[body + 9], samples - struct.unpack_from("<H", data, body + 10)[0]
    return None


def _mp3(data: bytes) -> Header | None:
    at = 0
    if data[:3] == b"ID3":
        sizes = data[6:10]
        at = 10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(sizes))
    if data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    rate = MP3_RATES[version][data[at + 2] >> 2 & 3]
    channels = 1 if data[at + 3] >> 6 == 3 else 2
    per_frame = 1152 if version == 3 else 576
    side = (17 if channels == 1 else 32) if version == 3 else (9 if channels == 1 else 17)
    tag = at + 4 + side
    if data[tag : tag + 4] in (b"Xing", b"Info") and data[tag + 7] & 1:
        return rate, channels, per_frame * int.from_bytes(data[tag + 8 : tag + 12], "big")
    if not data[at + 2] >> 4:  # a bit rate of the encoder's own, which no table tells
        return None
    kilobits = BIT_RATES[3 if version == 3 else 2, layer][(data[at + 2] >> 4) - 1]
    return rate, channels, rate * 8 * (len(data) - at) // (1000 * kilobits)


def _aiff(data: bytes) -> Header | None:
    if 8 + int.from_bytes(data[4:8], "big") > len(data):
        return None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if name == b"COMM":
            channels, samples, _, exponent, mantissa = struct.unpack_from(">hIhHQ", data, at + 8)
            return int(mantissa * 2.0 ** (exponent - 16383 - 63)), channels, samples
        at += 8 + size + size % 2
    return None


def _au(data: bytes) -> Header | None:
    offset, size, encoding, rate, channels = struct.unpack_from(">IIIII", data, 4)
    widths = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
    held = len(data) - offset
    size = held if size in wav.UNKNOWN_SIZES else size
    return None if size > held else (rate, channels, size // (widths[encoding] * channels))


_READERS = {"wav": _wav, "flac": _flac, "ogg": _ogg, "mp3": _mp3, "aiff": _aiff, "au": _au}
