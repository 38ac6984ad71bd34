"""Sets that a library hands over whole: one fragment, loaded once a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from rayline.core.errors import DataError
from rayline.sources._columns import canonical_schema, check_names
from rayline.sources._source import Fragment, Source


class LoadedSource(Source):
    """The table that `load(config)` returns; a task in another process loads it again rather than being sent it."""

    def __init__(self, name: str, load: Callable[[Any], pa.Table], config: Any, columns: Sequence[str] | None) -> None:
        self._name = name
        self._load = partial(load, config)
        self._columns = columns

    @property
    def name(self) -> str:
        return self._name

    def _find(self) -> list[Fragment]:
        table = self._load()
        if not table.num_rows:
            raise DataError(f"{self.name} has no rows.")
        return [Fragment(0, self.name, size_bytes=table.nbytes)]

    def _decide(self) -> pa.Schema:
        return canonical_schema(self._load().schema, self.name, self._columns)

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:  # noqa: ARG002
        return self._load().select(names)


def from_pandas(frame: pd.DataFrame, where: str) -> pa.Table:
    """A frame as a table: categories and bytes as text, whole numbers as integers.

    Raises:
        DataError: two columns of one name, or a column of mixed types.
    """
    check_names([str(name) for name in frame.columns], where)
    columns = {}
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            values = column.astype(object)
            columns[str(name)] = pa.array([None if value is None or value != value else str(value) for value in values])  # noqa: PLR0124
        elif column.dtype == object and any(isinstance(value, bytes) for value in column):
            columns[str(name)] = pa.array([value.decode(errors="replace") for value in column])
        elif column.dtype.kind == "f":
            columns[str(name)] = numbers(column.to_numpy())
        else:
            try:
                columns[str(name)] = pa.array(column, from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise DataError(f"{where}: column {name!r} is of mixed types: {type(error).__name__}.") from None
    return pa.table(columns)


def numbers(values: np.ndarray) -> pa.Array:
    """Numbers as integers where all are whole; NaN as null."""
    whole = bool(np.all(np.isfinite(values)) and np.all(values == np.round(values)) and np.all(np.abs(values) < 2**53))
    return pa.array(values.astype(np.int64) if whole else values.astype(np.float64), from_pandas=True)
