"""Images that look the same: resized, recompressed, slightly brighter or cropped by little.

Choose it for photographs from the web or from video. Each image becomes 64 bits; two are near where at most `distance`
bits differ; what is near to a near image counts too, and the first by position stays. `dct` compares the low
frequencies and is the more robust, `difference` the brightness of neighbouring cells and is the faster. Images of one
colour, and files that are no image, are never repetitions. References: Zauner, "Implementation and benchmarking of
perceptual image hash functions", 2010; Krawetz, "Kind of like that", 2013; finding: Norouzi et al., "Fast search in
Hamming space with multi-index hashing", CVPR 2012.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from PIL import Image
from pydantic import Field

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array
from rayline.prepare.duplicates._near import Near, NearConfig, NearDuplicates, Places
from rayline.prepare.image._decode import decode
from rayline.prepare.tensors import UnusableError

SIDE, LOW = 32, 8
FLAT = 2.0
"""Grey levels of 255 within which an image is of one colour."""


class Config(NearConfig):
    column: str
    """The column of encoded images to compare."""
    distance: int = Field(default=4, ge=0, le=8)
    """Bits of 64 that may differ."""
    hash: Literal["dct", "difference"] = "dct"
    """What the bits tell."""

    def build(self) -> ImageDuplicates:
        return ImageDuplicates(self)


class ImageDuplicates(NearDuplicates):
    def __init__(self, options: Config) -> None:
        super().__init__(options.column)
        self._options = options

    def index(self, frame: pl.DataFrame) -> pa.Table:
        images = self.values(frame, "phash", "images", pl.Binary(), "a column of image files' bytes")
        hashes = [None if value is None else image_hash(value, self._options.hash) for value in images]
        table = pa.table({ROW: frame[ROW].to_numpy(), "hash": pa.array(hashes, pa.uint64())})
        return table.filter(pa.compute.is_valid(table.column("hash")))

    def compared(self, table: pa.Table, left: Places) -> tuple[Iterable[UInt64Array], Near]:
        hashes, most = table.column("hash").to_numpy()[left], self._options.distance

        def near(first: Places, second: Places) -> npt.NDArray[np.bool_]:
            return np.asarray(np.bitwise_count(hashes[first] ^ hashes[second]) <= most)

        return _keys(hashes, most), near


def image_hash(value: bytes, kind: Literal["dct", "difference"]) -> int | None:
    """64 bits of an encoded image, `None` of one colour or none at all."""
    try:
        image = decode(value, 1, (4 * SIDE, 4 * SIDE))
    except UnusableError:
        return None
    if kind == "difference":
        cells = np.asarray(image.resize((LOW + 1, LOW), Image.Resampling.BOX), np.int16)
        bits = cells[:, 1:] > cells[:, :-1]
        flat = float(np.ptp(cells)) <= FLAT
    else:
        cells = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
        flat = float(np.ptp(cells)) <= FLAT
        low = np.round(_COSINES @ cells @ _COSINES.T, 6)  # rounded, so that no machine's last bit decides
        bits = low > np.median(low.ravel()[1:])
    return None if flat else int.from_bytes(np.packbits(bits).tobytes(), "big")


def _cosines() -> npt.NDArray[np.float64]:
    """The first rows of the discrete cosine transform (II) [LOW, SIDE]."""
    frequency, place = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
    return np.asarray(np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE)))


_COSINES = _cosines()


def _keys(hashes: UInt64Array, distance: int) -> Iterator[UInt64Array]:
    """Keys such that hashes that differ in `distance` bits agree in one at least.

    The bits are cut into stretches; a key is two or three of them, of which `distance` bits leave some untouched.
    """
    kept = 2 if distance <= 4 else 3
    ends = np.linspace(0, 64, distance + kept + 1).round().astype(int).tolist()
    masks = [((1 << end) - 1) ^ ((1 << start) - 1) for start, end in itertools.pairwise(ends)]
    for chosen in itertools.combinations(masks, kept):
        yield hashes & np.uint64(sum(chosen))
