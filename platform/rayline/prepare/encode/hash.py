"""Put the values of a category into a fixed number of buckets by a hash of their text.

Choose it for values that keep coming new (users, links, products) or too many to list: nothing is learnt, nothing is
unknown, and the package holds no text. Values that share a bucket are one to the model; take several times as many
buckets as values that matter. Reference: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning",
ICML 2009.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rayline.prepare.encode._encoder import EncodeConfig, Encoder
from rayline.prepare.fitted import Hashed
from rayline.prepare.training_columns import CategoryColumn


class Config(EncodeConfig):
    buckets: int = Field(default=1024, ge=2, le=1_000_000)
    form: Literal["ids", "one_hot"] = "ids"
    """`ids`: the bucket's number, for a model that learns an embedding. `one_hot`: a number column for each bucket."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Another seed shares buckets otherwise."""

    def build(self) -> Hash:
        return Hash(self)


class Hash(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Hashed:  # noqa: ARG002
        return Hashed(self._options.buckets, self._options.form, self._options.seed)
