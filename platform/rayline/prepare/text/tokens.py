"""Replace each word by its number in a vocabulary: ids for an embedding, in the order of the text.

Choose it where the order of words matters and there are thousands of texts to learn embeddings from; for fewer,
`hashing` learns faster. The vocabulary is the most frequent words of the profile's sample of training rows; 0 pads, 1
is a word that is not in it. Longer texts lose their end. Reference: Bengio et al., "A Neural Probabilistic Language
Model", JMLR 2003.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from rayline.core.prepared import FIRST_ID, UNKNOWN_ID
from rayline.prepare.fitted import digest
from rayline.prepare.tensors import Arrays, TensorStep
from rayline.prepare.text._words import Splitter, WordsConfig

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

WHOLE_SHARE = 0.95
MOST_LENGTH = 512


class Config(WordsConfig):
    size: int = Field(default=20_000, ge=1)
    """Words that are known, at most."""
    min_count: int = Field(default=2, ge=1)
    """Rarer words of the sample are not known."""
    length: int | None = Field(default=None, ge=1)
    """Ids a text becomes; `null`: as many as hold 95% of the training texts whole, up to 512."""

    def learn(self, column: ColumnProfile, sample: pl.Series) -> Tokens:  # noqa: ARG002
        split = self.splitter
        counts: Counter[str] = Counter()
        lengths = []
        for value in sample.drop_nulls().to_list():
            words = split(value)
            counts.update(words)
            lengths.append(len(words))
        known = sorted((word for word, rows in counts.items() if rows >= self.min_count), key=lambda w: (-counts[w], w))
        length = self.length
        if length is None:
            reach = sorted(lengths)[math.ceil(WHOLE_SHARE * len(lengths)) - 1] if lengths else 1
            length = min(max(reach, 1), MOST_LENGTH)
        return Tokens(split, tuple(known[: self.size]), length)

    @classmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> Tokens:  # noqa: ARG003
        return Tokens(Splitter.from_json(value["words"]), tuple(value["known"]), value["length"], value["key"])


class Tokens(TensorStep):
    """`known` words in the order of their ids, from 2; digests of them under `key` where one is given."""

    def __init__(self, split: Splitter, known: tuple[str, ...], length: int, key: str = "") -> None:
        self._split = split
        self._known = known
        self._length = length
        self._key = key
        self._ids = {word: place for place, word in enumerate(known, start=FIRST_ID)}

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._length,)

    @property
    def dtype(self) -> type[np.int32]:
        return np.int32

    @property
    def ids(self) -> int:
        return FIRST_ID + len(self._known)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        row = np.zeros(self._length, np.int32)
        words = self._split(value)[: self._length]
        if self._key:
            words = [digest(word, self._key) for word in words]
        row[: len(words)] = [self._ids.get(word, UNKNOWN_ID) for word in words]
        return row

    def to_json(self) -> dict[str, Any]:
        return {"words": self._split.to_json(), "known": list(self._known), "length": self._length, "key": self._key}

    def account(self) -> dict[str, Any]:
        return {"known": len(self._known), "length": self._length}

    def hidden(self, key: str) -> Tokens:
        return Tokens(self._split, tuple(digest(word, key) for word in self._known), self._length, key)
