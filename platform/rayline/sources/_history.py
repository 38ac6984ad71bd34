"""A source whose rows know those before them: made once of all rows, and sent with the fragments that are read.

inner source ──scan──> entity, time and values of all rows ──> History: sorted, neighbours and windows found
                                                                  │ columns, in the order of the rows
HistoryFragment = the inner one, and its rows of the made columns <┘
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW, FeatureType
from rayline.core.errors import DataError, listing
from rayline.core.shown import counted
from rayline.sources._columns import SEQUENCE, unknown_column
from rayline.sources._history_columns import TIMES, History, microseconds
from rayline.sources._media import stream_bytes
from rayline.sources._source import Fragment, Shared, Source
from rayline.sources.scan import scan

if TYPE_CHECKING:
    from rayline.sources.history import Config, Made

NUMBERS = (pa.int64(), pa.float64(), pa.bool_())
ANY = ("lag", "count", "first", "last")
"""What can be made of columns of any kind of single values."""
CLOCKS = (pa.string(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"))


@dataclass(frozen=True)
class HistoryFragment(Fragment):
    """A fragment of the inner source, with what is made for its rows."""

    inner: Fragment = field(default_factory=lambda: Fragment(0, ""))
    made: bytes = field(default=b"", repr=False)
    """An Arrow stream."""


class HistorySource(Source):
    """The fragments, rows and keys of another source, and more columns."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.inner: Source = cast(Any, config.source).build()
        """The rows as they are."""

    def __getstate__(self) -> dict[str, Any]:
        # a fragment brings the columns made for it; all of them need not be shipped to every task
        return {key: value for key, value in self.__dict__.items() if key != "_fragments"}

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def notes(self) -> dict[int, str]:  # type: ignore[override]
        """The inner source's, and one of all fragments."""
        return self.inner.notes

    @property
    def settled(self) -> bool:  # type: ignore[override]
        """Whether the inner schema was decided on all rows; what is made was made of all rows."""
        return self.inner.settled

    def settle(self) -> None:
        self.inner.settle()

    def widen(self, column: str, wider: pa.DataType) -> None:
        self.inner.widen(column, wider)
        self.__dict__.pop("_schema", None)

    @property
    def kept(self) -> PluginConfig | None:
        kept = self.inner.kept
        return None if kept is None else self.config.model_copy(update={"source": kept})

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        return {**self.inner.made_of, **{made.name: made.columns for made in self.config.made}}

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        return self.inner.roles

    @property
    def shared(self) -> Shared | None:
        return self.inner.shared

    def spans(self, fragment: Fragment, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        assert isinstance(fragment, HistoryFragment)
        return self.inner.spans(fragment.inner, places)

    def _decide(self) -> pa.Schema:
        kinds = self._kinds()
        if not self.inner.settled:  # a later row may widen the type of a column
            self.fragments()
            kinds = self._kinds()
        made = [pa.field(made.name, _kind(made, kinds)) for made in self.config.made]
        return pa.schema([*self.inner.schema(), *made])

    def _kinds(self) -> dict[str, pa.DataType]:
        """The types of the inner columns, proven to be what history can be made of.

        Raises:
            DataError: a column that is not there, is there twice, or holds what nothing is made of.
        """
        config = self.config
        kinds = {f.name: f.type for f in self.inner.schema()}
        for name in [*config.by, *config.time, *(column for made in config.made for column in made.columns)]:
            if name not in kinds:
                raise unknown_column(self.name, name, list(kinds))
            if kinds[name] in (pa.binary(), SEQUENCE):
                raise DataError(f"{self.name}: column {name!r} holds {kinds[name]}, of which no history is made.")
        for made in config.made:
            if made.name in kinds:
                raise DataError(f"{self.name} has a column {made.name!r} already, which history makes. Rename it.")
            column = made.columns[0]
            if made.what not in (*ANY, "time", "elapsed") and kinds[column] not in NUMBERS:
                raise DataError(
                    f"{self.name}: column {column!r} holds {kinds[column]}, and {made.name!r} is made of numbers. "
                    f"Of other columns there are lags, and windows of {listing(ANY[1:])}."
                )
        _check_time(config, self.name, kinds)
        return kinds

    def _find(self) -> list[Fragment]:
        config = self.config
        kinds = self._kinds()
        columns = list(dict.fromkeys(column for made in config.made for column in made.columns))
        held = list(dict.fromkeys([*config.by, *columns]))
        wanted = list(dict.fromkeys([*held, *config.time]))

        def read(frame: pl.DataFrame, fragment: Fragment) -> pl.DataFrame:
            times = microseconds(frame, config.time, fragment.label, fragment.first_row)
            return frame.select(held).with_columns(times.alias(TIMES))

        parts = scan(self.inner, read, columns=wanted)
        history = History(pl.concat(parts), config, clock=_is_clock(config, kinds))
        if history.note:
            # beside the notes of fragments, and those of other histories
            self.notes[min([0, *self.notes]) - 1] = f"{self.name}: {history.note}"
        made = pa.table({made.name: history.column(made) for made in config.made})
        fragments: list[Fragment] = []
        start = 0
        for inner, part in zip(self.inner.fragments(), parts, strict=True):
            packed = stream_bytes(made.slice(start, part.height))
            start += part.height
            same = {each.name: getattr(inner, each.name) for each in fields(Fragment)}
            fragments.append(
                HistoryFragment(**{**same, "size_bytes": inner.size_bytes + len(packed)}, inner=inner, made=packed)
            )
        return fragments

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        assert isinstance(fragment, HistoryFragment)
        made = pa.ipc.open_stream(fragment.made).read_all()
        asked = [name for name in names if name not in made.column_names]
        table = pa.table({ROW: pa.nulls(made.num_rows)})  # keeps the number of rows where no column is asked for
        if asked:
            table = self.inner._read(fragment.inner, asked)
            if table.num_rows != made.num_rows:
                raise DataError(
                    f"{fragment.label} has {counted(table.num_rows)}, and had {made.num_rows:,} when its history was "
                    "made. It was changed meanwhile: begin again."
                )
        for name in names:
            if name in made.column_names:
                table = table.append_column(name, made.column(name))
        return table


def _kind(made: Made, kinds: Mapping[str, pa.DataType]) -> pa.DataType:
    if made.what == "time":
        return pa.timestamp("us")
    if made.what == "count":
        return pa.int64()
    if made.what in ANY:
        return kinds[made.columns[0]]
    return pa.float64()


def _is_clock(config: Config, kinds: Mapping[str, pa.DataType]) -> bool:
    return len(config.time) > 1 or kinds[config.time[0]] in CLOCKS


def _check_time(config: Config, name: str, kinds: Mapping[str, pa.DataType]) -> None:
    """Raises:
    DataError: times of a kind that cannot be ordered, or that windows of a length of time do not fit.
    """
    clock = _is_clock(config, kinds)
    where = ", ".join(map(repr, config.time))
    if len(config.time) > 1 and any(kinds[column] != pa.int64() for column in config.time):
        raise DataError(f"{name}: columns {where} are not all whole numbers, as year, month, day and hour are.")
    if not clock and kinds[config.time[0]] == pa.bool_():
        raise DataError(f"{name}: column {where} holds true and false, which order nothing. Name a column of times.")
    if clock and config.unit is not None:
        raise DataError(f"{name}: column {where} holds times. Leave data.source.unit out.")
    lengths = [window.last for windows in config.windows.values() for window in windows if window.length_us]
    if lengths and not clock and config.unit is None:
        raise DataError(
            f"{name}: column {where} holds numbers, and a window is {lengths[0]} long. Say what they count, such as "
            "data.source.unit: s, or give windows as numbers of rows."
        )
