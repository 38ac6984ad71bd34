"""Decode images to pixels of one size: what convolutional networks and vision transformers read.

Choose it for every image column. `fit: stretch` changes the shape of things, `crop` loses the rims, `pad` adds black
ones; where the shape matters (digits, signs, faces) prefer `crop` or `pad`. Photographs are turned upright as their
EXIF orientation says. `scale: unit` gives 0 to 1; `standard` brings each channel to mean 0 and variance 1 over the
training images where the profile measured them, and by ImageNet's constants where it did not. Reference: Russakovsky et
al., "ImageNet Large Scale Visual Recognition Challenge", IJCV 2015.

H height · W width · C channels
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image, ImageOps
from pydantic import BeforeValidator, Field

from rayline.prepare.image._decode import decode
from rayline.prepare.tensors import Arrays, TensorConfig, TensorStep, inner_of

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

Fit = Literal["stretch", "crop", "pad"]
Side = Annotated[int, Field(ge=1, le=4096)]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey (ITU-R BT.601), as Pillow mixes them."""
LEAST_STD = 1e-3
"""Of a channel that hardly varies, so that noise is not blown up."""


def square(value: Any) -> Any:
    """Height and width from one number, as options give a square."""
    return (value, value) if isinstance(value, int) else value


class Config(TensorConfig):
    size: Annotated[tuple[Side, Side], BeforeValidator(square)] = (64, 64)
    """Height and width in pixels; one number for a square."""
    fit: Fit = "stretch"
    """How an image of another shape is brought to it."""
    channels: Literal[1, 3] = 3
    """1: grey, 3: red, green and blue."""
    scale: Literal["unit", "standard"] = "unit"

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Pixels:  # noqa: ARG002
        mean, std, learnt = (0.0,) * self.channels, (1.0,) * self.channels, False
        if self.scale == "standard":
            mean, std, learnt = _channels(inner_of(column), self.channels)
        return Pixels(self.size, self.fit, mean, std, learnt=learnt)

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Pixels:  # noqa: ARG003
        size = (value["size"][0], value["size"][1])
        return Pixels(size, value["fit"], tuple(value["mean"]), tuple(value["std"]), learnt=value["learnt"])


class Pixels(TensorStep):
    """`(pixel / 255 - mean) / std` for each channel."""

    def __init__(
        self, size: tuple[int, int], fit: Fit, mean: tuple[float, ...], std: tuple[float, ...], *, learnt: bool
    ) -> None:
        self._size = size
        self._fit = fit
        self._mean = mean
        self._std = std
        self._learnt = learnt
        offset = np.array(mean)[:, None] * 255
        # every value a pixel can have, C x 256: looked up, so that no arithmetic differs between batches
        self._levels = ((np.arange(256.0)[None] - offset) / (255 * np.array(std)[:, None])).astype(np.float32)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._mean), *self._size)

    @property
    def levels(self) -> tuple[tuple[float, float], ...]:
        return tuple((float(every[0]), float(every[-1])) for every in self._levels)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        height, width = self._size
        image = decode(value, len(self._mean), (2 * height, 2 * width))
        pixels_HWC = np.asarray(sized(image, self._size, self._fit)).reshape(height, width, -1)
        return np.stack([self._levels[c][pixels_HWC[:, :, c]] for c in range(len(self._mean))])

    def to_json(self) -> dict[str, Any]:
        return {
            "size": list(self._size),
            "fit": self._fit,
            "mean": list(self._mean),
            "std": list(self._std),
            "learnt": self._learnt,
        }

    def account(self) -> dict[str, Any]:
        return {"mean": list(self._mean), "std": list(self._std), "from": "training" if self._learnt else "constants"}


def sized(
    image: Image.Image,
    size: tuple[int, int],
    fit: Fit,
    resample: Image.Resampling = Image.Resampling.BILINEAR,
) -> Image.Image:
    """An image brought to a height and width."""
    width_height = (size[1], size[0])
    if image.size == width_height:
        return image
    if fit == "crop":
        return ImageOps.fit(image, width_height, resample)
    if fit == "pad":
        return ImageOps.pad(image, width_height, resample)
    return image.resize(width_height, resample)


def _channels(inner: Mapping[str, Any] | None, channels: int) -> tuple[tuple[float, ...], tuple[float, ...], bool]:
    """Mean and deviation a channel, and whether the training images gave them."""
    means: tuple[float, ...] = IMAGENET_MEAN
    variances: tuple[float, ...] = tuple(std * std for std in IMAGENET_STD)
    learnt = inner is not None and bool(inner.get("mean")) and bool(inner.get("variance"))
    if inner is not None and learnt:
        means, variances = (tuple(float(v) for v in np.ravel(inner[key])) for key in ("mean", "variance"))
    if channels == 1 and len(means) == 3:
        # channels of one photograph rise and fall together: the deviation of their mix is the mix of theirs, about
        means = (math.fsum(m * share for m, share in zip(means, LUMA, strict=True)),)
        variances = (math.fsum(math.sqrt(v) * share for v, share in zip(variances, LUMA, strict=True)) ** 2,)
    elif channels == 3 and len(means) == 1:
        means, variances = means * 3, variances * 3
    return means, tuple(max(math.sqrt(v), LEAST_STD) for v in variances), learnt
