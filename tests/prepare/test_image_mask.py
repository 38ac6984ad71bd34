"""Encoded masks become the numbers they hold."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from PIL import Image

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.prepare.tensors import TensorStep

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 5, (12, 18)).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    packed = io.BytesIO()
    image.save(packed, kind)
    return packed.getvalue()


def step(**options: Any) -> TensorStep:
    config: Any = catalog.resolve("image", {"name": "mask", **options})
    column = cast(Any, SimpleNamespace(name="x", inner=None))
    return config.learn(column, pl.Series("x", [None], pl.Binary))  # type: ignore[no-any-return]


def palette(values: Any) -> Image.Image:
    image = Image.fromarray(values).convert("P")
    image.putdata(values.ravel().tolist())
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9, 128, 128, 0])
    return image


FILES: dict[str, tuple[Image.Image, Any]] = {
    "grey": (Image.fromarray(CLASSES), CLASSES),
    "palette": (palette(CLASSES), CLASSES),
    "one bit": (Image.fromarray(CLASSES > 2), CLASSES > 2),
    "16 bits": (Image.fromarray(CLASSES.astype(np.uint16) * 1000), CLASSES.astype(np.float64) * 1000),
    "coloured grey": (Image.fromarray(np.repeat(CLASSES[:, :, None], 3, axis=2)), CLASSES),
}


@pytest.mark.parametrize("case", FILES)
def test_values_come_as_they_are_stored(case: str) -> None:
    image, expected = FILES[case]
    made = step(size=(12, 18))([encoded(image), None], "x")
    assert (made.shape, made.dtype) == ((2, 1, 12, 18), np.float32)
    np.testing.assert_array_equal(made[0, 0], expected)
    assert not made[1].any()


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", [7, 30, (40, 11)])
def test_no_value_is_made_that_was_not_there(fit: str, size: Any) -> None:
    spread = CLASSES.astype(np.int64) * 50
    made = step(size=size, fit=fit)([encoded(Image.fromarray(spread.astype(np.uint8)))], "x")
    assert set(np.unique(made)) <= set(np.unique(spread))
    assert len(np.unique(made)) > 2


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_mask_lies_where_its_image_does(fit: str) -> None:
    """A square in the middle of a wide image: both steps move it to the same place."""
    image = np.zeros((40, 60), np.uint8)
    image[10:30, 20:40] = 255
    shown: Any = catalog.resolve("image", {"name": "pixels", "size": 20, "fit": fit, "channels": 1})
    pixels = shown.learn(SimpleNamespace(name="x", inner=None), pl.Series("x", [None], pl.Binary))
    made = step(size=20, fit=fit)([encoded(Image.fromarray(image // 255 * 3))], "x")[0, 0]
    there = pixels([encoded(Image.fromarray(image))], "x")[0, 0] > 0.5
    np.testing.assert_array_equal(made == 3, there)


@pytest.mark.parametrize("data", [b"", b"no image", encoded(palette(CLASSES))[:60], "text"])
def test_a_broken_mask_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match=r"column 'mask' \[0\]: (cannot be decoded as an image|holds str)"):
        step()([data], "mask")
