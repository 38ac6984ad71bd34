"""Categories as learnt vectors (entity embeddings), the usual choice for category ids.

Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016. All columns share one table and one
width, so that a row costs one look-up however many columns it has.
"""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from rayline.core.prepared import Layout
from rayline.models.encoders._encoder import Encoder, EncoderConfig


class Config(EncoderConfig):
    reads: ClassVar[Literal["numbers", "categories"]] = "categories"

    width: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Numbers in a vector. `auto`: grows with the most ids of any column, from 4 to 32."""

    def build(self, layout: Layout) -> Encoder:
        width = auto_width(max(layout.sizes)) if self.width == "auto" else self.width
        return CategoryEncoder(layout.sizes, width)


def auto_width(ids: int) -> int:
    """The width for a column of `ids` ids: their square root to the next multiple of 4, from 4 to 32.

    >>> [auto_width(ids) for ids in (3, 42, 1000)]
    [4, 8, 32]
    """
    return min(32, -(-math.isqrt(ids) // 4) * 4)


class CategoryEncoder(Encoder):
    offsets: Tensor  # [C]

    def __init__(self, sizes: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.width = width * len(sizes)
        self.table = nn.Embedding(sum(sizes), width)
        nn.init.normal_(self.table.weight, std=width**-0.5)
        offsets = [0, *accumulate(sizes)][:-1]
        # made from the layout, so it is no part of the weights
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.int32), persistent=False)

    def forward(self, categories_BC: Tensor) -> Tensor:
        vectors_BCW: Tensor = self.table(categories_BC + self.offsets)
        return vectors_BCW.flatten(1)
