"""What the steps learn: small values from which both forms of a preparation are built.

A number goes through fill, clip and one affine map; a category through fill and a vocabulary. A step plug-in
returns one of these, so a new algorithm is one file: it never writes the two forms itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Clip:
    """Numbers below `low` become `low`, above `high` become `high`."""

    low: float
    high: float


@dataclass(frozen=True)
class Affine:
    """`(x + offset) * factor`, in this order and in float64."""

    offset: float
    factor: float


@dataclass(frozen=True)
class Vocabulary:
    """The known texts of a category in the order of their ids, and what a model is given for them.

    `ids`: one id a row (see `core.prepared`). `one_hot`: one number column a value, and one for missing where
    training had missing values; an unknown value is zero in all of them.
    """

    values: tuple[str, ...]
    form: Literal["ids", "one_hot"] = "ids"
    missing: bool = True
    """Whether training had missing values (`one_hot` alone reads it)."""
    key: str = ""
    """Of a private column: `values` are keyed digests of the texts, which are then nowhere kept. Empty otherwise."""

    def hidden(self, key: str) -> Vocabulary:
        """The same vocabulary with digests under `key` in place of its texts."""
        return replace(self, values=tuple(digest(text, key) for text in self.values), key=key)


def digest(text: str, key: str) -> str:
    """What stands for a private text. It hides texts from who reads files, not from who guesses each of them."""
    return hashlib.blake2b(text.encode(), key=key.encode(), digest_size=12).hexdigest()
