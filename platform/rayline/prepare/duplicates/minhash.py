"""Texts that are nearly the same: most of their shingles are shared.

Choose it for free text that was copied with small changes (syndicated news, templates, edited posts). Texts are folded
(case, space, punctuation) and cut into overlapping shingles; two are near where the estimated share of common shingles
(Jaccard's index) reaches `threshold`; what is near to a near text counts too, and the first by position stays. The
estimate's standard error is √(J(1-J)/permutations), 0.035 at 0.8; pairs at the threshold are looked at with a chance
above 99.5%. Fragments tell one byte a permutation, 128 a row. References: Broder, "On the resemblance and containment
of documents", 1997; Indyk and Motwani, STOC 1998 (bands); Li and König, "b-bit minwise hashing", WWW 2010 (one byte).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field

from rayline.core.columns import ROW
from rayline.core.seeds import UInt64Array, derive, splitmix64
from rayline.prepare.duplicates._near import Near, NearConfig, NearDuplicates, Places

DETECTED = 0.995
"""Chance at least with which two texts at the threshold become candidates."""
CHARACTERS_AT_ONCE = 1 << 20
BASE = np.uint64(0x9E3779B97F4A7C15)

Signatures = npt.NDArray[np.uint8]


class Config(NearConfig):
    column: str
    """The text column to compare; rows without a text are never repetitions."""
    threshold: float = Field(default=0.8, gt=0.1, le=1.0)
    """Share of common shingles from which two texts are near."""
    shingle: int = Field(default=5, ge=1, le=50)
    """Length of a shingle."""
    unit: Literal["characters", "words"] = "characters"
    """What a shingle is counted in."""
    permutations: int = Field(default=128, ge=64, le=256)
    """Hash functions; the error falls with their square root."""
    seed: int = 0

    def build(self) -> MinHashDuplicates:
        return MinHashDuplicates(self)


class MinHashDuplicates(NearDuplicates):
    def __init__(self, options: Config) -> None:
        super().__init__(options.column)
        self._options = options

    def index(self, frame: pl.DataFrame) -> pa.Table:
        options = self._options
        texts = self.values(frame, "minhash", "texts", pl.String(), "a text column")
        folded = [fold(text or "") for text in texts.to_list()]
        present = np.array([bool(text) for text in folded], np.bool_)
        rows = frame[ROW].to_numpy()[present]
        found = self._signatures([text for text in folded if text])
        width = pa.binary(options.permutations)
        return pa.table(
            {
                ROW: rows,
                "signature": pa.FixedSizeBinaryArray.from_buffers(width, len(rows), [None, pa.py_buffer(found)]),
            }
        )

    def compared(self, table: pa.Table, left: Places) -> tuple[Iterable[UInt64Array], Near]:
        options = self._options
        packed = b"".join(_bytes(chunk) for chunk in table.column("signature").chunks)
        signatures = np.frombuffer(packed, np.uint8).reshape(-1, options.permutations)[left]
        band = band_rows(options.permutations, options.threshold)

        def near(first: Places, second: Places) -> npt.NDArray[np.bool_]:
            agree = np.empty(len(first), np.float64)
            for at in range(0, len(first), 1 << 16):
                some = slice(at, at + (1 << 16))
                agree[some] = (signatures[first[some]] == signatures[second[some]]).mean(axis=1)
            # one byte agrees by chance once in 256
            return np.asarray((agree - 1 / 256) / (1 - 1 / 256) >= options.threshold - 1e-9)

        return _bands(signatures, band), near

    def _signatures(self, texts: list[str]) -> Signatures:
        """One byte of the smallest hash of each text's shingles [n, permutations], for each permutation."""
        options = self._options
        factors = splitmix64(
            np.arange(options.permutations, dtype=np.uint64), derive(options.seed, "minhash")
        ) | np.uint64(1)
        found = np.empty((len(texts), options.permutations), np.uint8)
        done = 0
        for batch in _batches(texts):
            hashes, starts = shingles(batch, options.shingle, options.unit)
            for place, factor in enumerate(factors):
                least = np.minimum.reduceat(hashes * factor, starts)
                # the smallest hash's low bits are mixed, for they follow from its high ones
                found[done : done + len(batch), place] = splitmix64(least, place) >> np.uint64(56)
            done += len(batch)
        return found


def fold(text: str) -> str:
    """The text without what copies differ in by chance: case, accents' encoding, punctuation, runs of space.

    >>> fold("  Hello,\\tWORLD! ")
    'hello world'
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())


def shingles(
    texts: Sequence[str], length: int, unit: Literal["characters", "words"]
) -> tuple[UInt64Array, npt.NDArray[np.int64]]:
    """Hashes of all shingles of all texts [m], one text after the other, and where each text's begin [n].

    A text that is shorter than a shingle is one shingle.
    """
    if unit == "words":
        units = [_word_codes(text) for text in texts]
        sizes = np.array([len(codes) for codes in units])
        codes = np.concatenate(units)
    else:
        sizes = np.array([len(text) for text in texts])
        codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    mixed = splitmix64(codes, 0)
    padded = np.concatenate([mixed, np.zeros(length, np.uint64)])
    ends = np.repeat(np.cumsum(sizes), sizes)
    rolled = np.zeros(len(mixed), np.uint64)
    at = np.arange(len(mixed))
    for step in range(length):
        # beyond a text's end nothing is added: only the first shingle of a short text gets there
        rolled = rolled * BASE + np.where(at + step < ends, padded[step : step + len(mixed)], np.uint64(0))
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    whole = (at + length <= ends) | (at == first)
    counts = np.maximum(sizes - length + 1, 1)
    return splitmix64(rolled[whole], 1), np.cumsum(counts) - counts


def band_rows(permutations: int, threshold: float) -> int:
    """How many bytes a band has, the more the fewer candidates: the most that still detect pairs at the threshold."""
    best = 1
    for rows in range(1, 9):
        if 1 - (1 - threshold**rows) ** (permutations // rows) >= DETECTED:
            best = rows
    return best


def _word_codes(text: str) -> UInt64Array:
    return pl.Series(text.split(" ")).hash(seed=0).to_numpy()


def _bands(signatures: Signatures, rows: int) -> Iterator[UInt64Array]:
    """A key for each band of `rows` bytes (8 at most), the bytes themselves."""
    for start in range(0, signatures.shape[1] - rows + 1, rows):
        key = np.zeros((len(signatures), 8), np.uint8)
        key[:, :rows] = signatures[:, start : start + rows]
        yield key.view(np.uint64)[:, 0]


def _batches(texts: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _bytes(chunk: pa.FixedSizeBinaryArray) -> bytes:
    width = chunk.type.byte_width
    return bytes(chunk.buffers()[1])[chunk.offset * width : (chunk.offset + len(chunk)) * width]
