"""Count a text's words in a fixed number of buckets, weighted by how rare they are (hashed tf-idf).

Choose it first: it needs no vocabulary, meets new words without harm, and a small network on it is hard to beat on
topics and sentiment of plain prose. The order of words is lost but for `ngrams`; two words may share a bucket, so give
more `buckets` to large vocabularies. Where order matters, use `tokens`. Weights are learnt from the profile's sample of
training rows: `ln((1 + n) / (1 + n_bucket)) + 1`, and each text's vector is brought to length 1, as scikit-learn does.
Reference: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, model_validator

from rayline.core.seeds import splitmix64
from rayline.prepare.tensors import Arrays, TensorStep
from rayline.prepare.text._words import Splitter, WordsConfig

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

HASH_SEED = 0
"""Of the function from words to buckets; a stored state depends on it, so it never changes."""


class Config(WordsConfig):
    buckets: int = Field(default=2048, ge=2, le=1 << 20)
    """Numbers a text becomes, four bytes each. On 7,600 news of four topics a linear model's accuracy was 0.73 with
    1,024, 0.77 with 2,048, 0.81 with 4,096 and 0.83 with 8,192."""
    ngrams: tuple[int, int] = (1, 1)
    """Runs of so many words (characters) are counted, from the first number to the second."""
    sublinear: bool = False
    """Whether a word's count enters as 1 + ln(count)."""
    idf: bool = True
    """Whether words that are in many training texts weigh less."""

    @model_validator(mode="after")
    def _ordered(self) -> Config:
        if not 1 <= self.ngrams[0] <= self.ngrams[1] <= 8:
            raise ValueError(f"ngrams must be from 1 to 8 in order, such as [1, 2]; not {list(self.ngrams)}")
        return self

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Hashing:  # noqa: ARG002
        step = Hashing(self.splitter, self.ngrams, np.ones(self.buckets), sublinear=self.sublinear)
        texts = np.zeros(self.buckets, np.int64)
        values = sample.drop_nulls().to_list()
        for value in values:
            texts[step.count(value)[0]] += 1
        idf = np.log((1 + len(values)) / (1 + texts)) + 1 if self.idf else np.ones(self.buckets)
        return Hashing(self.splitter, self.ngrams, idf, sublinear=self.sublinear, texts=len(values))

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Hashing:
        return Hashing(
            Splitter.from_json(value["words"]),
            (value["ngrams"][0], value["ngrams"][1]),
            np.asarray(arrays["idf"], np.float64),
            sublinear=value["sublinear"],
            texts=value["texts"],
        )


class Hashing(TensorStep):
    """`idf`, a weight a bucket, float64 [buckets]."""

    def __init__(
        self,
        split: Splitter,
        ngrams: tuple[int, int],
        idf: npt.NDArray[np.float64],
        *,
        sublinear: bool,
        texts: int = 0,
    ) -> None:
        self._split = split
        self._ngrams = ngrams
        self._idf = idf
        self._sublinear = sublinear
        self._texts = texts

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._idf),)

    def count(self, value: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The buckets of a text, ascending, and the signed count of each. Half of the words count negatively, so that
        words in one bucket tend to cancel rather than add up.
        """
        words = self._split(value)
        joint = " " if self._split.unit == "word" else ""
        grams = [
            joint.join(words[at : at + n])
            for n in range(self._ngrams[0], self._ngrams[1] + 1)
            for at in range(len(words) - n + 1)
        ]
        codes = np.fromiter((zlib.crc32(gram.encode(errors="replace")) for gram in grams), np.uint64, len(grams))
        hashes = splitmix64(codes, HASH_SEED)
        signs = 1.0 - 2.0 * (hashes >> np.uint64(63)).astype(np.float64)
        buckets, inverse = np.unique((hashes % np.uint64(len(self._idf))).astype(np.int64), return_inverse=True)
        return buckets, np.bincount(inverse, signs, len(buckets)).astype(np.float64)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        row = np.zeros(len(self._idf))
        buckets, counts = self.count(value)
        if self._sublinear:
            counts = np.sign(counts) * (1 + np.log(np.maximum(np.abs(counts), 1)))
        weights = counts * self._idf[buckets]
        length = math.sqrt(math.fsum(weights * weights))
        if length:
            row[buckets] = weights / length
        return row

    def to_json(self) -> dict[str, Any]:
        return {
            "words": self._split.to_json(),
            "ngrams": list(self._ngrams),
            "sublinear": self._sublinear,
            "texts": self._texts,
        }

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {"idf": self._idf}

    def account(self) -> dict[str, Any]:
        return {"buckets": len(self._idf), "texts": self._texts}
