"""Decode masks to the numbers they hold: which class each pixel of an image beside is of.

Choose it for columns of masks, such as those that `{name: images, masks: [mask]}` reads, with the `size` and `fit` of
the image's own step: `prepare.columns: {mask: {image: {name: mask, size: 64}}}`. Values come as they are stored, 0 to
255 (of a palette the places in it, of one bit 0 and 1, of 16 bits 0 to 65535), neither scaled nor mixed: the nearest
pixel is taken. Of coloured images, and of those with transparency, the grey value is. A mask is an input here; networks
whose target is one there are none of yet. Reference: Everingham et al., "The PASCAL Visual Object Classes (VOC)
Challenge", IJCV 2010, whose masks are palettes.

H height · W width
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image, ImageOps
from pydantic import BeforeValidator

from rayline.prepare.image._decode import BROKEN, decode
from rayline.prepare.image.pixels import Fit, Side, sized, square
from rayline.prepare.tensors import Arrays, TensorConfig, TensorStep

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

NUMBERED = ("1", "P", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes whose stored values are not what a conversion to grey gives."""


class Config(TensorConfig):
    size: Annotated[tuple[Side, Side], BeforeValidator(square)] = (64, 64)
    """Height and width in pixels; one number for a square."""
    fit: Fit = "stretch"
    """How a mask of another shape is brought to it; `pad` adds zeros."""

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Mask:  # noqa: ARG002
        return Mask(self.size, self.fit)

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Mask:  # noqa: ARG003
        return Mask((value["size"][0], value["size"][1]), value["fit"])


class Mask(TensorStep):
    """The stored value of the pixel nearest to each."""

    def __init__(self, size: tuple[int, int], fit: Fit) -> None:
        self._size = size
        self._fit = fit

    @property
    def shape(self) -> tuple[int, ...]:
        return (1, *self._size)

    @property
    def levels(self) -> tuple[tuple[float, float], ...]:
        return ((0.0, 255.0),)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        numbers = Image.fromarray(_stored(value).astype(np.int32))  # of 32 bits, so that nothing is mixed or cut
        return np.asarray(sized(numbers, self._size, self._fit, Image.Resampling.NEAREST), np.float32)[None]

    def to_json(self) -> dict[str, Any]:
        return {"size": list(self._size), "fit": self._fit}


def _stored(value: Any) -> npt.NDArray[Any]:
    """The numbers that a file holds, H x W.

    Raises:
        UnusableError: no bytes, no image, or one that is cut off or broken.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            image = Image.open(io.BytesIO(value))
            if image.mode in NUMBERED:
                image.load()
                return np.asarray(ImageOps.exif_transpose(image))
        except (Image.DecompressionBombError, *BROKEN):
            pass  # said below in the words that every image step has
    return np.asarray(decode(value, 1))
