"""What an image, a sound or a sequence is in a request, and in a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import FeatureType

_NUMBERS = (int, float, np.integer, np.floating)


class Media:
    """The values of one input that is none of single numbers or texts."""

    def __init__(self, kind: FeatureType) -> None:
        self._sequence = kind is FeatureType.SEQUENCE
        self.wanted = "a list of numbers" if self._sequence else "the encoded file as base64 text"
        self.wanted_column = "lists of numbers" if self._sequence else "encoded files, as bytes or base64 text"

    def holds(self, value: Any) -> bool:
        """Whether a value of a request can be one."""
        if not self._sequence:
            return isinstance(value, str | bytes)
        if isinstance(value, np.ndarray):
            return value.ndim == 1 and value.dtype.kind in "iuf"
        return isinstance(value, list | tuple) and all(
            item is None or (isinstance(item, _NUMBERS) and not isinstance(item, bool)) for item in value
        )

    def holds_column(self, dtype: pl.DataType) -> bool:
        """Whether the values of a column of this type can be."""
        if dtype == pl.Null:
            return True
        if not self._sequence:
            return dtype in (pl.Binary, pl.String)
        inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
        return isinstance(inner, pl.DataType) and (inner.is_numeric() or inner == pl.Null)
