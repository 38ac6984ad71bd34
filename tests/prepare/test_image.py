"""Encoded images become pixels."""

from __future__ import annotations

import io
import struct
import zlib
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError
from rayline.prepare.image.pixels import Pixels

PHOTO = Image.fromarray(load_sample_image("china.jpg"))


def learn(inner: Any = None, **options: Any) -> Pixels:
    config: Any = catalog.resolve("image", {"name": "pixels", **options})
    column = cast(Any, SimpleNamespace(name="x", inner=inner))
    return config.learn(column, pl.Series("x", [None], pl.Binary))  # type: ignore[no-any-return]


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    packed = io.BytesIO()
    image.save(packed, kind, **options)
    return packed.getvalue()


def grey(rows: list[list[int]]) -> Image.Image:
    return Image.fromarray(np.array(rows, np.uint8))


def test_pixels_of_the_right_size_are_kept_exactly() -> None:
    digits = load_digits().images[:20] * 15.9375
    values = [encoded(Image.fromarray(digit.astype(np.uint8))) for digit in digits]
    made = learn(size=8, channels=1)(values, "x")
    np.testing.assert_array_equal(made[:, 0], (digits.astype(np.uint8) / 255).astype(np.float32))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG"])
def test_every_kind_of_file_gives_about_the_same_pixels(kind: str) -> None:
    small = PHOTO.resize((48, 32))
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    made = learn(size=(32, 48))([encoded(small, kind, **options)], "x")[0]
    expected = np.asarray(small).transpose(2, 0, 1) / 255
    assert np.abs(made - expected).mean() < {"GIF": 0.05, "JPEG": 0.02}.get(kind, 1e-7)


def test_channels_come_first_and_one_is_grey() -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    made = learn(size=4)([encoded(red)], "x")[0]
    assert made[0].min() == 1
    assert made[1:].max() == 0
    assert learn(size=4, channels=1)([encoded(red)], "x")[0].max() == pytest.approx(0.299, abs=0.003)


def test_a_photograph_is_turned_upright() -> None:
    upright = PHOTO.resize((40, 60))
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its left side; to be turned by 90 degrees clockwise
    lying = encoded(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    step = learn(size=(60, 40))
    np.testing.assert_array_equal(step([lying], "x"), step([encoded(upright)], "x"))


def test_another_shape_is_stretched_cropped_or_padded() -> None:
    wide = encoded(grey([[0, 255, 255, 0]] * 2))
    stretched, cropped, padded = (
        learn(size=2, channels=1, fit=fit)([wide], "x")[0, 0] for fit in ("stretch", "crop", "pad")
    )
    assert (stretched > 0.2).all()
    assert (stretched < 0.8).all()
    np.testing.assert_array_equal(cropped, np.ones((2, 2)))
    tall = learn(size=(4, 2), channels=1, fit="pad")([wide], "x")[0, 0]
    assert (tall > 0).any(axis=1).sum() == 1  # two pixels wide, one high, between black ones
    assert (tall > 0).all(axis=1).sum() == 1
    assert padded.shape == (2, 2)


def test_a_large_photograph_decoded_small_is_nearly_the_same() -> None:
    photo = encoded(PHOTO, "JPEG", quality=95)  # 640 x 427, of which a JPEG decoder can give an eighth
    made = learn(size=(40, 60))([photo], "x")[0]
    expected = np.asarray(PHOTO.resize((60, 40), Image.Resampling.BILINEAR)).transpose(2, 0, 1) / 255
    assert np.abs(made - expected).mean() < 0.02


@pytest.mark.parametrize(
    ("image", "level"),
    [
        (Image.new("RGBA", (4, 4), (0, 0, 0, 0)), 1.0),
        (Image.new("LA", (4, 4), (0, 0)), 1.0),
        (Image.new("RGBA", (4, 4), (0, 0, 0, 255)), 0.0),
        (Image.new("1", (4, 4), 1), 1.0),
        (Image.fromarray(np.full((4, 4), 51 << 8, np.uint16)), 0.2),
    ],
    ids=["transparent", "transparent grey", "opaque", "bits", "16 bits"],
)
def test_odd_modes_become_pixels(image: Image.Image, level: float) -> None:
    for channels in (1, 3):
        made = learn(size=4, channels=channels)([encoded(image)], "x")
        np.testing.assert_allclose(made, level, atol=0.003)


def test_standard_scales_by_what_the_profile_measured() -> None:
    inner = {"mean": [0.2, 0.4, 0.6], "variance": [0.01, 0.04, 0.09]}
    made = learn(inner, size=4, scale="standard")([encoded(Image.new("RGB", (4, 4), (51, 102, 255)))], "x")[0]
    np.testing.assert_allclose(made[:, 0, 0], [0, 0, 0.4 / 0.3], atol=1e-6)
    one = learn({"mean": [0.2], "variance": [0.01]}, size=4, scale="standard", channels=1)
    np.testing.assert_allclose(one([encoded(Image.new("L", (4, 4), 102))], "x"), 2.0, atol=1e-5)


def test_standard_without_a_measure_uses_constants_and_says_so() -> None:
    step = learn(size=4, scale="standard")
    assert step.account()["from"] == "constants"
    made = step([encoded(Image.new("RGB", (4, 4), (124, 116, 104)))], "x")
    np.testing.assert_allclose(made, 0, atol=0.01)
    assert learn(size=4, scale="standard", channels=1).shape == (1, 4, 4)


def test_a_channel_that_does_not_vary_stays_finite() -> None:
    step = learn({"mean": [0.5] * 3, "variance": [0.0] * 3}, size=4, scale="standard")
    assert np.isfinite(step([encoded(PHOTO)], "x")).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_file_that_is_cut_off_is_refused(kind: str, share: float) -> None:
    whole = encoded(PHOTO.resize((64, 64)), kind)
    with pytest.raises(DataError, match=r"column 'photo' \[1\]: cannot be decoded as an image"):
        learn(size=16)([whole, whole[: int(len(whole) * share)]], "photo")


def test_a_file_of_another_kind_is_refused_without_its_content() -> None:
    with pytest.raises(DataError, match=r"no known kind of image\.$") as error:
        learn()([b"secret text that is no image"], "x")
    assert "secret" not in str(error.value)
    assert "0x" not in str(error.value)


def test_an_image_that_would_fill_the_memory_is_refused() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(DataError, match="more than 178 million pixels"):
        learn()([bomb], "x")


def test_sizes_out_of_bounds_are_refused() -> None:
    for size in (0, [3], 5000):
        with pytest.raises(SpecError, match="size"):
            catalog.resolve("image", {"name": "pixels", "size": size})
