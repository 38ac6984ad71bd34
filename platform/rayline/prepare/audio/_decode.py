"""Decodes encoded sound to one channel: PCM and float WAV here, FLAC, Ogg, MP3 and the rest by libsndfile."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.errors import DataError
from rayline.prepare.tensors import UnusableError

FloatArray = npt.NDArray[np.float64]
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What programs that write to a pipe leave as the size of the sound: all that follows is meant."""
MOST_RATE = 768_000


def decode(value: Any) -> tuple[FloatArray, int]:
    """The samples of an encoded sound, float64 [n] from -1 to 1, channels averaged, and how many there are a second.

    Raises:
        UnusableError: no bytes, no sound, or one that is cut off or broken.
        DataError: neither WAV nor readable without the extra `audio`, which is not installed.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise UnusableError(f"holds {type(value).__name__}, and the bytes of a sound file are needed.")
    data = bytes(value)
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        found = _wav(data)
        if found is not None:
            return found
    elif not data:
        raise UnusableError("is empty, and the bytes of a sound file are needed.")
    return _by_libsndfile(data)


def _wav(data: bytes) -> tuple[FloatArray, int] | None:
    """The samples of a WAV file; `None` for an encoding that is left to libsndfile."""
    layout: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = at + 8
        if name == b"fmt ":
            if size < 16 or body + size > len(data):
                raise UnusableError("has a broken WAV header: its format chunk is cut off.")
            kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", data, body)
            if kind == EXTENSIBLE and size >= 26:
                kind = int.from_bytes(data[body + 24 : body + 26], "little")
            if kind not in (PCM, FLOAT):
                return None
            if not channels or bits < 8 or not 0 < rate <= MOST_RATE or block != channels * (bits // 8):
                raise UnusableError(f"has a broken WAV header: {channels} channels of {bits} bits at {rate} Hz.")
            layout = (kind, channels, rate, bits)
        elif name == b"data":
            if layout is None:
                raise UnusableError("has a broken WAV header: no format before the sound.")
            held = len(data) - body
            if size in UNKNOWN_SIZES:
                size = held
            if size > held:
                raise UnusableError(f"is cut off: a WAV file that announces {size} bytes of sound and holds {held}.")
            return _samples(data[body : body + size], *layout)
        at = body + size + size % 2
    raise UnusableError("has a broken WAV header: it announces no sound.")


def _samples(raw: bytes, kind: int, channels: int, rate: int, bits: int) -> tuple[FloatArray, int]:
    width = bits // 8
    raw = raw[: len(raw) - len(raw) % (width * channels)]
    if (kind, bits) == (PCM, 8):
        flat = (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    elif (kind, bits) == (PCM, 24):
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        flat = wide.view("<i4")[:, 0].astype(np.float64) / 2**31
    elif kind == PCM and bits in (16, 32):
        flat = np.frombuffer(raw, f"<i{width}").astype(np.float64) / 2.0 ** (bits - 1)
    elif kind == FLOAT and bits in (32, 64):
        flat = np.clip(np.nan_to_num(np.frombuffer(raw, f"<f{width}").astype(np.float64)), -1, 1)
    else:
        raise UnusableError(f"has a broken WAV header: {bits} bits a sample.")
    return _mono(flat.reshape(-1, channels)), rate


def _by_libsndfile(data: bytes) -> tuple[FloatArray, int]:
    try:
        import soundfile  # type: ignore[import-untyped]
    except ImportError:
        raise DataError(
            "a sound that is not plain WAV needs an extra: pip install 'rayline[audio]'. Or convert it to WAV."
        ) from None
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            announced, rate = file.frames, file.samplerate
            samples = file.read(dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        why = getattr(error, "error_string", "") or "no known kind of sound"
        raise UnusableError(f"cannot be decoded as sound ({len(data)} bytes): {why.rstrip('.')}.") from None
    if len(samples) == 0 or len(samples) < announced:
        raise UnusableError(f"is cut off: it announces {announced} samples and holds {len(samples)}.")
    return _mono(np.clip(np.nan_to_num(samples), -1, 1)), rate


def _mono(samples: FloatArray) -> FloatArray:
    """Channels [n, channels] averaged, one after the other so that the sum has one order."""
    total = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        total += samples[:, channel]
    return total / samples.shape[1] if samples.shape[1] > 1 else total
