"""Decodes encoded images: upright, in one of two modes, with one kind of error."""

from __future__ import annotations

import io
import struct
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rayline.prepare.tensors import UnusableError

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError, struct.error, MemoryError)
"""What Pillow's decoders raise of broken files."""
MODES: dict[int, Literal["L", "RGB"]] = {1: "L", 3: "RGB"}


def decode(value: Any, channels: int, least: tuple[int, int] | None = None) -> Image.Image:
    """An encoded image, turned as its EXIF orientation says, in mode L (one channel) or RGB (three).

    Of moving images the first frame; transparent parts are white; 16-bit grey keeps its upper bits.

    Args:
        value: the bytes of a file.
        channels: 1 or 3.
        least: height and width; a JPEG may be decoded at an eighth of its size and up that is at least this.

    Raises:
        UnusableError: no bytes, no image, or one that is cut off or broken.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise UnusableError(f"holds {type(value).__name__}, and the bytes of an image file are needed.")
    try:
        image = Image.open(io.BytesIO(value))
        if least is not None and image.format == "JPEG":
            side = max(least)  # either way up: the orientation is applied afterwards
            image.draft(MODES[channels], (side, side))
        image.load()
        return _flat(ImageOps.exif_transpose(image), MODES[channels])
    except Image.DecompressionBombError:
        raise UnusableError("is an image of more than 178 million pixels. Give a smaller one.") from None
    except BROKEN as error:
        # an unknown file's message holds the address of the buffer
        why = "no known kind of image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UnusableError(f"cannot be decoded as an image ({len(value)} bytes): {why}.") from None


def _flat(image: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float64))
        top = 65535.0 if image.mode == "I" else 1.0  # Pillow reads 16-bit PNG as I, and floats are shares
        image = Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if image.has_transparency_data:
        solid = Image.new("RGBA", image.size, (255, 255, 255, 255))
        solid.alpha_composite(image.convert("RGBA"))
        image = solid
    return image if image.mode == mode else image.convert(mode)
