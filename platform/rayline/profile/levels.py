"""How loud encoded sounds are: level, peak, clipping and silence of a seeded share of them.

Of at most 256 sounds, those whose rows have the smallest hashes, the first 10 seconds are decoded, for decoding all
would take as long as training on them: PCM and float WAV here, the rest by libsndfile, where the extra `audio` is
installed. Each fragment hears 256 of its own at most, of which the whole keeps those with the smallest hashes: the
share depends on hashes alone, so it is the same however rows are divided and merged.

    level     root of the mean square of all channels' samples, in dB of full scale (a sine that fills it has −3)
    peak      the largest sample, in dB of full scale
    clipped   samples of runs of three or more at full scale, which a single peak is not
    silent    stretches of 20 ms whose level is below −60 dB

n samples · C channels
"""

from __future__ import annotations

import io
import math
import statistics
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile import wav
from rayline.profile.moments import FloatArray
from rayline.profile.values import Rows

HEARD = 256
"""Sounds that are decoded, and …"""
SECONDS = 10
"""… how much of each."""
RUN = 3
"""Samples at full scale one after the other that are cut off."""
SILENT = 1e-6
"""Mean square below which a stretch is silent: −60 dB."""
STRETCHES = 50
"""A second."""
CLIPPING = 0.001
"""Share of a sound's samples from which on it is told of as clipping."""
LEAST, NOTHING = 1e-12, -120.0
"""The mean square, and the dB, that digital silence is told as."""
EXAMPLES = 10
BROKEN, UNHEARD = 0, -1
"""Instead of a number of samples: what cannot be decoded, and what nothing is installed for."""


class Heard(NamedTuple):
    """What one sound is like."""

    samples: int
    """Of all channels, or `BROKEN` or `UNHEARD`."""
    power: float
    """Mean square of the samples, full scale 1."""
    peak: float
    clipped: int
    """Samples."""
    silent: int
    """Stretches of `stretches`."""
    stretches: int


def measure(column: pl.Series, rows: Rows, hashes: UInt64Array, places: Sequence[int]) -> dict[str, Any]:
    """What the sounds at `places` are like, as many as are decoded: `heard` holds an entry a sound."""
    chosen = sorted(places, key=lambda place: int(hashes[place]))[:HEARD]
    return {"heard": [[int(hashes[p]), int(rows[p]), *hear(column[p])] for p in chosen]}


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all sounds together; profiles saved before sounds were heard have none."""
    every = sorted((entry for part in parts for entry in part.get("heard", ())), key=lambda entry: entry[0])
    return {"heard": every[:HEARD]}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Levels and peak in dB of full scale, shares that are clipped and silent, and which sounds are.

    `heard` sounds were decoded, `heard_seconds` of each at most; `undecodable_rows` are those that could not be.
    """
    every = [(entry[1], Heard(*entry[2:])) for entry in found.get("heard", ())]
    known = [(row, one) for row, one in every if one.samples > 0]
    undecodable = sorted(row for row, one in every if one.samples == BROKEN)
    levels = sorted(decibels(one.power) for _, one in known)
    clipping = sorted(row for row, one in known if one.clipped > CLIPPING * one.samples)
    silences = sorted(row for row, one in known if one.silent == one.stretches)
    return {
        "heard": len(known),
        "heard_seconds": SECONDS,
        "unheard": sum(one.samples == UNHEARD for _, one in every),
        "undecodable": len(undecodable),
        "undecodable_rows": undecodable[:EXAMPLES],
        "level": {"minimum": levels[0], "median": statistics.median(levels), "maximum": levels[-1]} if levels else None,
        "peak": decibels(max(one.peak for _, one in known) ** 2) if known else None,
        "clipped": sum(one.clipped for _, one in known) / sum(one.samples for _, one in known) if known else None,
        "clipping": len(clipping),
        "clipping_rows": clipping[:EXAMPLES],
        "silent": sum(one.silent for _, one in known) / sum(one.stretches for _, one in known) if known else None,
        "silences": len(silences),
        "silences_rows": silences[:EXAMPLES],
    }


def levels_of(inner: dict[str, Any]) -> list[float]:
    """The level of each sound that was decoded, in dB of full scale, by a column's `inner` (`media.py`)."""
    return [decibels(entry[3]) for entry in inner["audio"].get("heard", ()) if entry[2] > 0]


def decibels(power: float) -> float:
    """A mean square in dB of full scale, no less than −120."""
    return 10 * math.log10(max(power, LEAST))


def hear(data: bytes) -> Heard:
    """What a sound is like; only its first seconds are decoded."""
    try:
        found = _wav(data) or _by_libsndfile(data)
    except ImportError:
        return Heard(UNHEARD, 0.0, 0.0, 0, 0, 0)
    if found is None or not found[0].size:
        return Heard(BROKEN, 0.0, 0.0, 0, 0, 0)
    samples_nC, rate, full = found
    samples_nC = np.clip(np.nan_to_num(samples_nC), -1, 1)
    squares_n = np.square(samples_nC).mean(axis=1)
    size = max(1, rate // STRETCHES)
    whole = squares_n[: len(squares_n) // size * size] if len(squares_n) >= size else squares_n
    stretches = whole.reshape(-1, min(size, len(whole))).mean(axis=1)
    return Heard(
        samples=samples_nC.size,
        power=float(squares_n.mean()),
        peak=float(np.abs(samples_nC).max()),
        clipped=_clipped(np.abs(samples_nC) >= full),
        silent=int((stretches < SILENT).sum()),
        stretches=len(stretches),
    )


def _clipped(at_full_nC: npt.NDArray[np.bool_]) -> int:
    """Samples of runs at full scale that are long enough, each channel by itself."""
    if len(at_full_nC) < RUN or not at_full_nC.any():
        return 0
    starts = len(at_full_nC) - RUN + 1
    runs = np.logical_and.reduce([at_full_nC[step : step + starts] for step in range(RUN)])
    within_nC = np.zeros_like(at_full_nC)
    for step in range(RUN):
        within_nC[step : step + starts] |= runs
    return int(within_nC.sum())


def _wav(data: bytes) -> tuple[FloatArray, int, float] | None:
    """Samples [n, C] from -1 to 1, how many there are a second, and full scale; `None` for what is left to others."""
    if data[8:12] != b"WAVE":
        return None
    try:
        found = wav.layout(data)
    except struct.error:
        return None
    if found is None or found.kind not in (wav.PCM, wav.FLOAT) or not found.channels or found.rate <= 0:
        return None
    width = found.block // found.channels
    if width * found.channels != found.block or width not in ((1, 2, 3, 4) if found.kind == wav.PCM else (4, 8)):
        return None
    frames = min(found.size // found.block, SECONDS * found.rate)
    raw = data[found.start : found.start + frames * found.block]
    if found.kind == wav.FLOAT:
        return np.frombuffer(raw, f"<f{width}").astype(np.float64).reshape(-1, found.channels), found.rate, 1.0
    full = 1.0 - 2.0 ** (1 - 8 * width)
    return _whole(raw, width).reshape(-1, found.channels), found.rate, full


def _whole(raw: bytes, width: int) -> FloatArray:
    """Whole numbers of `width` bytes as fractions of full scale; of one byte they are unsigned."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float64) / 2**31
    return np.frombuffer(raw, f"<i{width}").astype(np.float64) / 2.0 ** (8 * width - 1)


def _by_libsndfile(data: bytes) -> tuple[FloatArray, int, float] | None:
    """The same of any sound that libsndfile reads.

    Raises:
        ImportError: it is not installed.
    """
    import soundfile  # type: ignore[import-untyped]

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples_nC = file.read(frames=SECONDS * file.samplerate, dtype="float64", always_2d=True)
            return samples_nC, file.samplerate, 1.0 - 2.0**-15
    except (RuntimeError, TypeError, ValueError):  # libsndfile's own are the first
        return None
