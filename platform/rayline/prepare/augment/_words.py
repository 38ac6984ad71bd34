"""What augmenters of texts share: arrays of ids [B, L], 0 after the last word.

B rows · L ids a text
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from rayline.core.prepared import MISSING_ID
from rayline.prepare.augment._augmenter import ColumnsConfig, Kind


class WordsConfig(ColumnsConfig, ABC):
    """Options of every augmenter of words."""

    kind: ClassVar[Kind] = "text"
    ranks: ClassVar[tuple[int, ...]] = (1,)
    rate: float = Field(default=0.1, gt=0, lt=1)
    """Share of a text's words, about."""


def present(ids_BL: Tensor) -> Tensor:
    """Bool [B, L]: where there is a word."""
    return ids_BL != MISSING_ID
