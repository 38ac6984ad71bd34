"""What an augmenter is: a change of training rows as a batch is about to be learnt from.

It works on tensors wherever they are, so that a GPU can do it. What happens to a row follows from its key, the seed
and the epoch (see `_draw.py`), never from the batch or the worker; only augmenters that mix rows read one other row,
their partner in the batch.

B rows · C channels · H height · W width · K classes
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from rayline.core.catalog import PluginConfig
from rayline.prepare.augment._draw import Draw

Kind = Literal["image", "audio", "text", "sequence", "number", "any"]
Share = Field(default=0.5, ge=0, le=1)


class Examples(NamedTuple):
    """Rows of a batch."""

    numbers: Tensor
    """Float32 [B, F]."""
    categories: Tensor
    """Int32 [B, C]."""
    tensors: tuple[Tensor, ...]
    """An array [B, …] an input."""
    target: Tensor
    """Float32 [B], or int64 [B] of classes; float32 [B, K], shares of the classes, once rows are mixed."""
    keys: Tensor
    """Int64 [B]: names each row, a repetition of it apart."""
    partner: Tensor
    """Int64 [B]: the place of the row that each may be mixed with, which has this one for partner."""


class Inputs(NamedTuple):
    """Which inputs an augmenter changes."""

    places: tuple[int, ...]
    """Of arrays in `tensors`; for number columns, in `numbers`."""
    levels: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Of each image: what black and white are, a channel."""
    classes: int = 0
    """Of a multi-class target, 0 for others."""


class Augmenter(ABC):
    mixes: ClassVar[bool] = False
    """Whether rows are mixed with their partners."""

    @abstractmethod
    def __call__(self, examples: Examples, inputs: Inputs, draw: Draw) -> Examples: ...


class AugmentConfig(PluginConfig, ABC):
    kind: ClassVar[Kind]
    """The inputs it works on."""
    ranks: ClassVar[tuple[int, ...]] = ()
    """Dimensions of a row's array that it works on; empty for any."""

    p: float = Share
    """Share of the rows that are changed in an epoch."""

    @abstractmethod
    def build(self) -> Augmenter: ...


class ColumnsConfig(AugmentConfig, ABC):
    """Options of augmenters that can be held to some columns."""

    columns: tuple[str, ...] = ()
    """The columns to change; without, all of its kind."""


class ArrayAugmenter(Augmenter, ABC):
    """Changes each array by itself; several arrays of a row are changed alike (stereo images, channels of a signal)."""

    apart: ClassVar[bool] = False
    """Whether several arrays of a row draw numbers of their own."""

    def __init__(self, p: float) -> None:
        self._p = p

    def __call__(self, examples: Examples, inputs: Inputs, draw: Draw) -> Examples:
        chosen_B = draw.chosen(self._p)
        tensors = list(examples.tensors)
        for place, levels in zip(inputs.places, inputs.levels or [()] * len(inputs.places), strict=True):
            array = tensors[place]
            changed = self._changed(array, draw.apart(place) if self.apart else draw, levels)
            tensors[place] = torch.where(chosen_B.reshape(-1, *[1] * (array.ndim - 1)), changed, array)
        return examples._replace(tensors=tuple(tensors))

    @abstractmethod
    def _changed(self, array: Tensor, draw: Draw, levels: tuple[tuple[float, float], ...]) -> Tensor:
        """Every row of `array` [B, …] changed; `levels` are those of an image."""


def spread(values_B: Tensor, array: Tensor) -> Tensor:
    """Values a row as [B, 1, …], to be used with `array` [B, …]."""
    return values_B.reshape(-1, *[1] * (array.ndim - 1))


def ordered(low_high: tuple[float, float]) -> tuple[float, float]:
    """For validators of ranges.

    Raises:
        ValueError: the low end is above the high one.
    """
    if low_high[0] > low_high[1]:
        raise ValueError(f"give the low end first; not {list(low_high)}")
    return low_high
