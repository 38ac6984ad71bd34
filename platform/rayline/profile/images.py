"""Encoded images: sizes and channels of all, brightness of a seeded share of them.

Headers are read of every image, and the end of the file is looked at (a JPEG or PNG without one is cut off).
Pixels are decoded of at most 1,024 images, those whose rows have the smallest hashes, for decoding all takes longer
than training on them: the mean of a channel is then known to about 3% of one image's deviation from it. An image counts
by its pixels. Photographs are decoded at a size of 256 pixels or more where the format allows it. The share depends on
hashes alone, so it is the same however rows are divided and merged, and its sums are added in the order of the hashes.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile.tally import merge_counts, merge_tallies, tally
from rayline.profile.values import Rows

MAGIC: dict[str, tuple[tuple[int, bytes], ...]] = {
    "png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "jpeg": ((0, b"\xff\xd8\xff"),),
    "gif": ((0, b"GIF87a"), (0, b"GIF89a")),
    "bmp": ((0, b"BM"),),
    "webp": ((8, b"WEBP"),),
    "tiff": ((0, b"II*\x00"), (0, b"MM\x00*")),
    "netpbm": ((0, b"P5\n"), (0, b"P6\n"), (0, b"P5 "), (0, b"P6 ")),
}
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
MEASURED = 1024
"""Images whose pixels are decoded."""
LEAST_SIDE = 256
MOST_PIXELS = 1 << 26
"""Larger images are not decoded, and not counted as such."""
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError, struct.error, MemoryError)

Header = tuple[int, int, int]
"""Width, height and channels."""


def header(data: bytes, name: str) -> Header | None:
    """Width, height and channels as an image's header tells them; `None` where it is broken or cut off."""
    from PIL import Image

    if (name == "jpeg" and not _whole_jpeg(data)) or (name == "png" and data.find(b"IEND\xaeB`\x82") < 0):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return (*image.size, len(image.getbands()) if image.mode != "P" else 3)
    except (*BROKEN, Image.DecompressionBombError):
        return None


def measure(headers: Sequence[Header]) -> dict[str, Any]:
    """Sizes and channels of images."""
    table = np.array(headers, np.int64).reshape(-1, 3)
    channels, rows = np.unique(table[:, 2], return_counts=True)
    return {
        "width": tally(table[:, 0]),
        "height": tally(table[:, 1]),
        "channels": {str(c): int(n) for c, n in zip(channels, rows, strict=True)},
    }


def pixels(column: pl.Series, rows: Rows, hashes: UInt64Array, places: Sequence[int]) -> dict[str, Any]:
    """Brightness of the images at `places`, as many as are decoded: `measured` holds one entry an image."""
    chosen = sorted(places, key=lambda place: int(hashes[place]))[:MEASURED]
    return {"measured": [[int(hashes[p]), int(rows[p]), *_brightness(column[p])] for p in chosen]}


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all images together."""
    every = sorted((entry for part in parts for entry in part["measured"]), key=lambda entry: entry[0])
    return {
        "width": merge_tallies([part["width"] for part in parts]),
        "height": merge_tallies([part["height"] for part in parts]),
        "channels": merge_counts(part["channels"] for part in parts),
        "measured": every[:MEASURED],
    }


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Sizes, channels, and mean and variance of the decoded pixels in [0, 1], a value a channel (grey: one).

    `decoded` images were looked into; `undecodable_rows` are those whose pixels could not be.
    """
    entries = [entry for entry in found["measured"] if entry[2] > 0]
    undecodable = [entry[1] for entry in found["measured"] if not entry[2]]
    colour = any(len(entry[3]) == 3 for entry in entries)
    count, mean, square = 0, np.zeros(3 if colour else 1), np.zeros(3 if colour else 1)
    for _, _, size, means, variances in entries:
        apart, total = np.array(means) - mean, count + size
        square = square + np.array(variances) * size + apart * apart * (count * (size / total))
        mean = mean + apart * (size / total)
        count = total
    return {
        "width": found["width"],
        "height": found["height"],
        "channels": found["channels"],
        "decoded": len(entries),
        "undecodable": len(undecodable),
        "undecodable_rows": sorted(undecodable)[:10],
        "mean": mean.tolist() if count else None,
        "variance": (square / count).tolist() if count else None,
    }


def _whole_jpeg(data: bytes) -> bool:
    """Whether the picture's data end; thumbnails before them and what programs append behind are passed over."""
    at = 2
    while data[at : at + 2] != START_OF_SCAN:
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            return False
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.find(END_OF_IMAGE, at) > 0


def _brightness(data: bytes) -> tuple[int, list[float], list[float]]:
    """Pixels, and mean and variance of each channel in [0, 1]; no pixels where the image cannot be decoded, −1
    where it is so large that it is passed over.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > MOST_PIXELS:
                    return -1, [], []
                grey = image.mode in ("1", "L", "F", "I", "I;16", "I;16B", "I;16L", "LA")
                if image.format == "JPEG":
                    image.draft("L" if grey else "RGB", (LEAST_SIDE, LEAST_SIDE))
                if image.mode.startswith("I"):
                    levels = np.asarray(image).astype(np.float64)[:, :, None] / 65535
                else:
                    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                        upper = image.convert("RGBA")
                        whole: Image.Image = Image.alpha_composite(Image.new("RGBA", upper.size, "white"), upper)
                    else:
                        whole = image
                    flat = np.asarray(whole.convert("L" if grey else "RGB"), np.uint8)
                    levels = flat.reshape(*flat.shape[:2], -1) / 255.0
    except (*BROKEN, Image.DecompressionBombError):
        return 0, [], []
    flat_levels = levels.reshape(-1, levels.shape[2])
    mean = flat_levels.mean(axis=0)
    return len(flat_levels), mean.tolist(), np.square(flat_levels - mean).mean(axis=0).tolist()
