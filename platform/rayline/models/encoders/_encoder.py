"""What every encoder is: a module with a width that may learn from training rows before the first step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import nn

from rayline.core.catalog import PluginConfig
from rayline.core.prepared import Layout, Prepared


class Encoder(nn.Module):
    """Encodes all columns of one type: numbers [B, F] float32 or category ids [B, C] int32 to [B, width]."""

    width: int

    def learn(self, inputs: Prepared) -> None:
        """Set what is taken from training rows rather than by gradient; nothing by default."""


class EncoderConfig(PluginConfig, ABC):
    """Options of an encoder."""

    reads: ClassVar[Literal["numbers", "categories"]]
    """Which columns of `Prepared` it takes."""

    @abstractmethod
    def build(self, layout: Layout) -> Encoder:
        """The encoder of the columns of its type in `layout`, with weights drawn from torch's current seed."""
