"""Files whose damage shows when they are decoded: the error names the file, wherever in a fragment it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rayline.core.errors import DataError
from rayline.pipeline import fitting
from rayline.pipeline.collect import collect
from rayline.prepare.shards import write_shards
from rayline.sources.scan import scan
from rayline.spec import load


def images(folder: Path) -> Path:
    """Two classes of images; of y/7.png two bytes in the middle are others."""
    rng = np.random.default_rng(0)
    for label in ("x", "y"):
        (folder / label).mkdir(parents=True)
        for place in range(12):
            pixels = rng.integers(0, 255, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{place}.png")
    damaged = folder / "y" / "7.png"
    data = bytearray(damaged.read_bytes())
    for place in (len(data) // 2, len(data) // 2 + 1):
        data[place] ^= 255
    damaged.write_bytes(data)
    return folder


@pytest.mark.parametrize("prepare", [{}, {"derive": {"first": "path == 'x/0.png'"}}], ids=["plain", "derived"])
def test_an_image_that_cannot_be_decoded_is_named(prepare: dict[str, Any], tmp_path: Path) -> None:
    source = str(images(tmp_path / "images"))
    found = collect(load({"name": "d", "data": {"source": source, "target": "label"}, "prepare": prepare}), scan)
    fitted = fitting.fit(found, (*found.features, *found.tensors), print)
    with pytest.raises(DataError, match=r"^row \d+ of y/7\.png, column 'image': cannot be decoded as an image"):
        write_shards(
            found.source, fitted, found.target, found.assign, str(tmp_path / "out"), columns=found.assign.columns
        )
