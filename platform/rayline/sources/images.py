"""Images: a folder with a folder a class, or a manifest of files with labels, boxes or masks beside them.

Columns are `path`, `label` (or the manifest's own) and `image`, the encoded bytes: they are decoded where they are
prepared (`prepare.images`). Every file's header and end are looked at when it is read, so that a cut off download is
refused by its name; `check: false` saves the look.

Of a manifest, columns of `masks` name further image files, read as their bytes too: `{name: images, path: m.jsonl,
masks: [mask]}`. Boxes and other nested values are carried as JSON text, for networks that detect things, which there
are none of yet. Reference: torchvision's `ImageFolder`, Hugging Face's `imagefolder`.
"""

from __future__ import annotations

import io
import struct

from PIL import Image, UnidentifiedImageError

from rayline.sources._media import BrokenFileError, MediaConfig

BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError, struct.error, MemoryError)
"""What Pillow raises of broken files."""


class Config(MediaConfig):
    suffixes = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tiff", ".tif")
    column = "image"
    holds = "image"

    check: bool = True
    """Whether each file's header and end are looked at; one without its end is decoded to tell whether all is there."""
    masks: tuple[str, ...] = ()
    """Columns of the manifest that name files of masks, or other images, beside it; a row without one has none."""

    @property
    def beside(self) -> tuple[str, ...]:
        return self.masks

    def value(self, data: bytes) -> bytes:
        if self.check:
            _check(data)
        return data


def _check(data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            if not _has_end(image.format or "", data):
                image.load()
    except Image.DecompressionBombError:
        raise BrokenFileError("is an image of more than 178 million pixels") from None
    except UnidentifiedImageError:
        raise BrokenFileError(f"is no known kind of image ({len(data):,} bytes)") from None
    except BROKEN as error:
        raise BrokenFileError(f"is a broken image ({len(data):,} bytes): {error}") from None


def _has_end(kind: str, data: bytes) -> bool:
    if kind in ("JPEG", "MPO"):
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")  # the end of an image after the last scan's start
    if kind == "PNG":
        return b"IEND" in data[-64:]
    if kind == "GIF":
        return data.rstrip(b"\0").endswith(b";")
    if kind == "WEBP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return False
