"""Numbers as they were prepared, one input each. The plain choice: fastest, and enough where effects are smooth."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from rayline.core.prepared import Layout
from rayline.models.encoders._encoder import Encoder, EncoderConfig


class Config(EncoderConfig):
    reads: ClassVar[Literal["numbers", "categories"]] = "numbers"

    def build(self, layout: Layout) -> Encoder:
        return NumberEncoder(len(layout.numbers))


class NumberEncoder(Encoder):
    def __init__(self, columns: int) -> None:
        super().__init__()
        self.width = columns

    def forward(self, numbers_BF: Tensor) -> Tensor:
        return numbers_BF
