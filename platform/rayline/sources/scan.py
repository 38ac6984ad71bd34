"""Runs a function over every fragment of a source, in this process, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import polars as pl
import pyarrow as pa

from rayline.sources._source import Fragment, RefusedError, Source

log = logging.getLogger(__name__)
T = TypeVar("T")
FEW_ROWS = 4096
"""Rows of a piece of a table below which pieces are put together."""
_TOLD: dict[str, set[str]] = {}


def scan(
    source: Source,
    fn: Callable[[pl.DataFrame, Fragment], T],
    *,
    columns: Sequence[str] | None = None,
    encoded: bool = False,
    lighten: Callable[[list[T]], list[T]] | None = None,  # noqa: ARG001
) -> list[T]:
    """`fn(frame, fragment)` for each fragment, results in fragment order. `frame` holds `columns` and ROW.

    `lighten` is for results that travel (`sources.on_ray`): here nothing does.

    With `encoded`, text columns may be categorical (see `Source.read`).

    Where a large CSV file refuses a value late, the column is widened and the scan begins again, so that all
    results come from the same types.

    Raises:
        DataError: as `Source.read`.
    """
    while True:
        try:
            results = [
                fn(frame(source, fragment, columns, encoded=encoded), fragment) for fragment in source.fragments()
            ]
        except RefusedError as refused:
            source.widen(refused.column, refused.wider)
            continue
        if columns is None:
            source.settle()
        tell(source)
        return results


def tell(source: Source) -> None:
    """Log what reading left out, once a process and source."""
    for _, note in sorted(source.notes.items()):
        if note not in _TOLD.setdefault(source.name, set()):
            _TOLD[source.name].add(note)
            log.warning(note)


def frame(
    source: Source, fragment: Fragment, columns: Sequence[str] | None = None, *, encoded: bool = False
) -> pl.DataFrame:
    """One fragment as a Polars frame."""
    return as_frame(source.read(fragment, columns, encoded=encoded))


def as_frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a Polars frame. Many pieces of few rows become one: each would cost as much as a long one."""
    pieces = table.column(0).num_chunks if table.num_columns else 0
    if pieces > 1 and table.num_rows < pieces * FEW_ROWS:
        table = table.combine_chunks()
    made = pl.from_arrow(table)
    assert isinstance(made, pl.DataFrame)
    return made
