"""What a column of bytes holds: encoded images or sounds, known by their first bytes.

Every value's header is read; decoded are the pixels of a few images (`images.py`) and the first seconds of a few
sounds (`levels.py`). A value whose format is not known, whose header cannot be read, or that ends too early is broken:
counted, and the first rows named.

    {"what": "image" | "audio" | "unknown" | None, "formats": {name: rows}, "bytes": Tally,
     "broken": rows, "broken_rows": [ROW, …],    the ten smallest
     … and what `images.py` (columns of images) or `sounds.py` (of sounds) tell}

Values are told apart by a hash of their bytes, so that the number of different ones is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile import images, sounds
from rayline.profile.tally import merge_counts, merge_tallies, tally
from rayline.profile.values import Rows

EXAMPLES = 10
UNKNOWN = "unknown"
AT_ONCE = 256
MAGIC = {**images.MAGIC, **sounds.MAGIC}


def sniff(data: bytes) -> str:
    """The format of encoded bytes, by their first few: `png`, `wav` …, else `unknown`."""
    for name, starts in MAGIC.items():
        for place, magic in starts:
            if data[place : place + len(magic)] == magic:
                return name
    if len(data) > 2 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and data[2] >> 4 not in (0, 15):
        return "mp3"  # a frame without a tag before it
    return UNKNOWN


def measure(column: pl.Series, rows: Rows, hashes: UInt64Array) -> dict[str, Any]:
    """Statistics of a column of bytes; `rows` are the ROW numbers [n], `hashes` the rows' sampling hashes [n]."""
    formats: dict[str, int] = {}
    sizes: list[int] = []
    seen: dict[str, list[tuple[int, Any]]] = {"image": [], "audio": []}
    broken: list[int] = []
    for place, data in _values(column):
        if data is None:
            continue
        name = sniff(data)
        formats[name] = formats.get(name, 0) + 1
        sizes.append(len(data))
        what = kind_of_format(name)
        header: Any = (
            images.header(data, name) if what == "image" else sounds.header(data, name) if what == "audio" else None
        )
        if header is None:
            broken.append(int(rows[place]))
        else:
            seen[what].append((place, header))
    found = {
        "formats": merge_counts([formats]),
        "bytes": tally(np.array(sizes, np.int64)),
        "broken": len(broken),
        "broken_rows": sorted(broken)[:EXAMPLES],
    }
    found |= {
        "image": images.measure([header for _, header in seen["image"]])
        | images.pixels(column, rows, hashes, [place for place, _ in seen["image"]]),
        "audio": sounds.measure(
            [header for _, header in seen["audio"]], column, rows, hashes, [place for place, _ in seen["audio"]]
        ),
    }
    return _told(found)


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all values together."""
    return _told(
        {
            "formats": merge_counts(part["formats"] for part in parts),
            "bytes": merge_tallies([part["bytes"] for part in parts]),
            "broken": sum(part["broken"] for part in parts),
            "broken_rows": sorted(row for part in parts for row in part["broken_rows"])[:EXAMPLES],
            "image": images.merge([part["image"] for part in parts]),
            "audio": sounds.merge([part["audio"] for part in parts]),
        }
    )


def kind_of_format(name: str) -> str:
    """`image`, `audio` or `unknown`."""
    return "image" if name in images.MAGIC else "audio" if name in sounds.MAGIC or name == "mp3" else UNKNOWN


def hash_bytes(column: pl.Series) -> pl.Series:
    """A 64-bit hash of each value's bytes, as whole numbers; nulls left out."""
    digests = [hashlib.blake2b(data, digest_size=8).digest() for _, data in _values(column) if data is not None]
    return pl.Series(column.name, np.frombuffer(b"".join(digests), np.int64))


def _values(column: pl.Series) -> Iterator[tuple[int, bytes | None]]:
    """Places and values, of which only a few are copied at once."""
    for start in range(0, len(column), AT_ONCE):
        yield from enumerate(column.slice(start, AT_ONCE).to_list(), start)


def _told(found: dict[str, Any]) -> dict[str, Any]:
    """With what the column is, and that kind's statistics on top."""
    kinds = {"image": 0, "audio": 0, UNKNOWN: 0}
    for name, rows in found["formats"].items():
        kinds[kind_of_format(name)] += rows
    what = max(kinds, key=lambda kind: kinds[kind]) if any(kinds.values()) else None
    top = (
        images.summary(found["image"]) if what == "image" else sounds.summary(found["audio"]) if what == "audio" else {}
    )
    return {"what": what, **found, **top}
