"""Columns made of the earlier rows of each row's entity.

N rows in their source's order, K of them with entity and time, sorted by both
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core import moments
from rayline.core.errors import DataError, listing
from rayline.sources import _rolling
from rayline.sources._rolling import Floats, Ints
from rayline.sources.sequences import MICROSECONDS

if TYPE_CHECKING:
    from rayline.sources.history import Config, Made, Window

TIMES = "__time__"
PLACE = "__place__"
SECOND = 1_000_000


def microseconds(frame: pl.DataFrame, columns: Sequence[str], label: str, first_row: int) -> pl.Series:
    """Dates and times as microseconds since 1970, numbers as they are; missing where any column is.

    Raises:
        DataError: a value that is no time, with its row.
    """
    if len(columns) > 1:
        return _joined(frame.select(columns), label, first_row)
    values = frame[columns[0]]
    found = moments.instants(values)
    wrong = moments.unread(values, found)
    if wrong.any():
        raise _no_time(label, first_row, int(wrong.arg_max() or 0), columns)
    return found


def _joined(frame: pl.DataFrame, label: str, first_row: int) -> pl.Series:
    try:
        return frame.select(pl.datetime(*frame.columns, time_unit="us").cast(pl.Int64)).to_series()
    except pl.exceptions.PolarsError:
        for place, row in enumerate(frame.iter_rows()):
            try:
                if None not in row:
                    dt.datetime(*row)
            except (ValueError, OverflowError):
                raise _no_time(label, first_row, place, frame.columns) from None
        raise


def _no_time(label: str, first_row: int, place: int, columns: Sequence[str]) -> DataError:
    where = f"column {columns[0]!r}" if len(columns) == 1 else f"columns {listing(map(repr, columns))}"
    return DataError(
        f"{label} row {first_row + place + 1}: {where} hold{'s' if len(columns) == 1 else ''} no time. Write times as "
        "2024-05-31 13:45:00 (ISO 8601), or give the columns of year, month, day and hour."
    )


class History:
    """The rows sorted, and for each where its entity and its instant begin."""

    def __init__(self, frame: pl.DataFrame, config: Config, *, clock: bool) -> None:
        """
        Args:
            frame: columns `by`, TIMES, and those that others are made of, of all rows in their order.
            config: what is made.
            clock: whether TIMES are microseconds.

        Raises:
            DataError: no row has its entity and its time.
        """
        keys = list(config.by)
        known = frame.select(pl.all_horizontal(pl.col(*keys, TIMES).is_not_null())).to_series()
        self._config = config
        self._unit_us = MICROSECONDS[config.unit] if config.unit is not None else 1 if clock else None
        self._all_times = frame[TIMES]
        placed = frame.with_columns(pl.int_range(frame.height, dtype=pl.Int64).alias(PLACE)).filter(known)
        named = listing([*keys, config.time_name])
        if not placed.height:
            raise DataError(f"history: no row has {named}. Name other columns under data.source.by and time.")
        values = [name for name in placed.columns if name not in (*keys, TIMES, PLACE)]
        rows = placed.sort([*keys, TIMES])
        shared = _begins(rows, [*keys, TIMES])
        ties = _shared(shared)
        if ties:  # whichever way round the source has them
            rows = placed.sort([*keys, TIMES, *values])
        self._rows = rows
        self._times = rows[TIMES].to_numpy()
        self._entity_K = _runs(_begins(rows, keys))
        self._instant_K = _runs(shared)
        self._inverse_N = np.full(frame.height, -1, np.int64)
        self._inverse_N[rows[PLACE].to_numpy()] = np.arange(rows.height)
        self._found_starts: dict[tuple[int | str, bool], Ints] = {}
        self.note = _note(frame.height - rows.height, ties, named)
        """What people should know of the rows; empty where there is nothing."""

    def column(self, made: Made) -> pa.Array:
        """One column that is made, in the order of the source's rows [N]."""
        if made.what == "time":
            return self._all_times.to_arrow().cast(pa.timestamp("us"))
        values = self._rows[made.columns[0]] if made.what != "elapsed" else self._rows[TIMES]
        found = self._before(made, values) if made.window is None else self._over(made.what, values, made.window)
        there = self._inverse_N >= 0
        return found.take(pa.array(self._inverse_N, mask=~there))

    def _before(self, made: Made, values: pl.Series) -> pa.Array:
        """The value some rows back, or the difference to it [K]."""
        source = self._instant_K - made.rows
        there = source >= self._entity_K
        if made.what == "lag":
            return _taken(values, source, there)
        if made.what == "elapsed":
            now = self._times
            apart = (now - now[np.maximum(source, 0)]).astype(np.float64)
            return pa.array(apart * (self._unit_us or SECOND) / SECOND, mask=~there)
        now = _floats(values)
        apart = now - now[np.maximum(source, 0)]
        return pa.array(apart, mask=~there | np.isnan(apart))

    def _over(self, what: str, values: pl.Series, window: Window) -> pa.Array:
        """A statistic of a window [K]."""
        starts, own = self._starts(window), window.include_current
        valid = values.is_not_null().to_numpy()
        counts = _rolling.counts(valid, starts, self._instant_K, own=own)
        if what == "count":
            return pa.array(counts)
        enough = counts >= window.min_samples
        if what in ("first", "last"):
            find = _rolling.first if what == "first" else _rolling.last
            found = find(valid, starts, self._instant_K, own=own)
            return _taken(values, found, enough & (found >= 0))
        numbers = _rolling.number(what, _floats(values), starts, self._instant_K, own=own)  # type: ignore[arg-type]
        return pa.array(numbers, mask=~enough | np.isnan(numbers))

    def _starts(self, window: Window) -> Ints:
        """Where each row's window begins; it ends where the row's instant does [K]."""
        key = (window.last, window.include_current)
        if key not in self._found_starts:
            self._found_starts[key] = self._find_starts(window)
        return self._found_starts[key]

    def _find_starts(self, window: Window) -> Ints:
        length_us = window.length_us
        if length_us is None:
            rows = int(window.last) - window.include_current
            return np.maximum(self._instant_K - rows, self._entity_K)
        assert self._unit_us is not None
        length = length_us // self._unit_us if not length_us % self._unit_us else length_us / self._unit_us
        distinct, keys = self._ranks
        since = np.searchsorted(distinct, self._times - length, "right" if window.include_current else "left")
        found = np.searchsorted(keys, self._entity_K * (len(distinct) + 1) + since)
        return np.minimum(found, self._instant_K).astype(np.int64)

    @cached_property
    def _ranks(self) -> tuple[npt.NDArray[Any], Ints]:
        """All times there are, in order; and for each row its entity and its time's rank among them as one number,
        since an entity and microseconds together need more than 64 bits [K]."""
        ordered = np.sort(self._times)
        distinct = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
        return distinct, self._entity_K * (len(distinct) + 1) + np.searchsorted(distinct, self._times)


def _begins(rows: pl.DataFrame, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Whether each row is the first of those that agree in `columns` [K]."""
    if not columns:
        one = np.zeros(rows.height, np.bool_)
        one[:1] = True
        return one
    changed = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in columns)
    begins: npt.NDArray[np.bool_] = rows.select(changed.fill_null(value=True)).to_series().to_numpy()
    return begins


def _shared(begins: npt.NDArray[np.bool_]) -> int:
    """How many rows are in runs of more than one."""
    lengths = np.diff(np.append(np.flatnonzero(begins), len(begins)))
    return int(lengths[lengths > 1].sum())


def _runs(begins: npt.NDArray[np.bool_]) -> Ints:
    """Where the run of each row begins [K]."""
    places = np.arange(len(begins), dtype=np.int64)
    return np.maximum.accumulate(np.where(begins, places, 0))


def _floats(values: pl.Series) -> Floats:
    found: Floats = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return found


def _taken(values: pl.Series, places: Ints, there: npt.NDArray[np.bool_]) -> pa.Array:
    column = values.to_arrow()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column.take(pa.array(places, mask=~there))


def _note(lost: int, ties: int, named: str) -> str:
    said = []
    if lost:
        said.append(f"rows without a value of {named}: {lost:,}, which have no history and are in no other row's")
    if ties:
        said.append(f"rows whose {named} another has too: {ties:,}; rows of one instant do not see each other")
    return "; ".join(said) and f"history: {'; '.join(said)}."
