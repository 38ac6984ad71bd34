"""Inputs that are neither numbers nor categories: text, images, sound, sequences. One value a row becomes one array.

Families `text`, `image`, `audio` and `sequence` hold the steps; each learns from a training column and is afterwards
nothing but JSON and arrays.

n values
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

Arrays = Mapping[str, npt.NDArray[Any]]
FLOAT_LIMIT = 1e15
"""Outputs are kept within this, so that no arithmetic in a float32 network overflows."""


class UnusableError(ValueError):
    """Why a value cannot be turned into an array, in words without the value."""


class UnusableValueError(DataError):
    """A value that no array can be made of, and its place `[i]` among those that were given."""

    def __init__(self, column: str, place: int, why: str) -> None:
        super().__init__(f"column {column!r} [{place}]: {why}")
        self.column, self.place, self.why = column, place, why

    def __reduce__(self) -> tuple[Any, ...]:
        return UnusableValueError, (self.column, self.place, self.why)


class TensorStep(ABC):
    """A fitted step. A row's array depends on that row's value alone, bit for bit."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of one row's array."""

    @property
    def dtype(self) -> type[np.float32] | type[np.int32]:
        """float32, or int32 for ids."""
        return np.float32

    @property
    def ids(self) -> int:
        """How many ids there are (0 is padding, 1 unknown) where the arrays hold ids; 0 where they hold numbers."""
        return 0

    @property
    def levels(self) -> tuple[tuple[float, float], ...]:
        """Of an image: what black and white are, for each channel."""
        return ()

    def __call__(self, values: Sequence[Any], column: str) -> npt.NDArray[Any]:
        """Arrays [n, *shape] of n values: `str` for text, `bytes` for images and sound, a list of floats for a
        sequence; `None` for missing, which gives zeros.

        Raises:
            UnusableValueError: a value that is none.
        """
        made = np.zeros((len(values), *self.shape), self.dtype)
        for place, value in enumerate(values):
            if value is None:
                continue
            try:
                made[place] = self._row(value)
            except UnusableError as error:
                raise UnusableValueError(column, place, str(error)) from None
        return made

    def of_column(self, column: pl.Series) -> npt.NDArray[Any]:
        """As of the column's values, to the last bit."""
        return self(column.to_list(), column.name)

    def _row(self, value: Any) -> npt.NDArray[Any]:
        """The array of one value that is not missing.

        Raises:
            UnusableError: nothing can be made of it.
        """
        raise NotImplementedError

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """All plain values of the state."""

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All arrays of the state."""
        return {}

    def account(self) -> dict[str, Any]:
        """What was learnt, for `prepare --explain`."""
        return {}

    def hidden(self, key: str) -> TensorStep:  # noqa: ARG002
        """The same step for a private column: no value of it, nor part of one, is in the state.

        `key` is for digests (see `fitted.digest`). A step that keeps only numbers is hidden as it is.
        """
        return self


class TensorConfig(PluginConfig, ABC):
    @abstractmethod
    def learn(self, column: ColumnProfile, sample: pl.Series) -> TensorStep:
        """From the profile of a training column and its values in the profile's sample of rows.

        The sample of an image or sound column holds no bytes, only nulls: their statistics are in the profile.
        """

    @classmethod
    @abstractmethod
    def restore(cls, value: Mapping[str, Any], arrays: Arrays) -> TensorStep:
        """The inverse of `to_json` and `arrays`."""


def inner_of(column: ColumnProfile) -> Mapping[str, Any] | None:
    """What the profile knows of the elements within a column's values; `None` where it measured none.

    Of sequences: `count`, `mean`, `variance`, `minimum`, `maximum` of their numbers, `lengths`. Of images: `mean` and
    `variance` a channel, as shares of full brightness. Of sounds: `seconds`. See `profile/inner.py`.
    """
    inner: Mapping[str, Any] | None = getattr(column, "inner", None)
    return inner or None
