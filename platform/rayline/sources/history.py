"""Another source's rows with columns of what came before them: lags, differences, windows, and time gone by.

Choose it where what an entity did last tells what it does next (a machine's readings, a customer's orders), each row
being an answer of its own; for a network over the steps themselves choose `sequences`. Rows are told apart `by` an
entity and ordered by `time`:

    {name: history, source: readings.parquet, by: machine, time: measured,
     lags: {temperature: [1, 2]},                             temperature_lag_1, temperature_lag_2
     diffs: {temperature: 1},                                 temperature_diff_1: this one less the one before
     windows: {temperature: {last: 7d, of: [mean, std]}},     temperature_mean_7d, temperature_std_7d
     elapsed: true}                                           measured_elapsed: seconds since the row before

Only rows of a strictly earlier time count: rows of one entity and instant do not see each other, and where later rows
count them they stand in the order of their values. So results do not depend on the order of rows or files. An entity's
first rows lack what they have not got; a row without its entity or time has no history and is in no other's. Rows keep
their keys. History is made of the source's rows as they are, before `prepare` corrects, drops or sets aside any: have
the inner source say what stands for a missing value.

A model asks an endpoint's callers for these columns as for any other: whoever calls knows what came before.
`rayline predict` makes them itself, as in training, of DATA that lacks them: give it the rows before too.

History of the target is taken where no held-out row can be in a training row's past (split by this time, or by this
entity), and refused elsewhere. The columns it is made of are held in memory, once, while it is made, and what is made,
8 bytes a value, as long as the source is used (1.2 GB at the peak for two million rows and twelve columns made); each
task is sent what it reads. Names follow feature_engine's and
Polars'. Reference: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 2021, section 7.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.core.declared import Declared
from rayline.sources._history import HistorySource
from rayline.sources._source import Source
from rayline.sources.sequences import DURATION, MICROSECONDS
from rayline.spec.sections import as_source

Statistic = Literal["count", "sum", "mean", "std", "min", "max", "median", "first", "last"]
LONGEST_US = 100_000 * 366 * MICROSECONDS["d"]
"""Of a window; times and lengths together stay within 64 bits."""
TIME = "time"
"""What a time of several columns is called."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    # not min_length: of a list whose elements are refused, pydantic would say that it is empty too
    if not value:
        raise ValueError("give at least one")
    return value


# one alone stands for a list of it here too, below the columns of a mapping
_ONE = BeforeValidator(_listed), AfterValidator(_some), Spelt(one=True)
_SOURCE = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    ]
}
Rows = Annotated[int, Field(ge=1, le=1 << 40)]
Steps = Annotated[tuple[Rows, ...], *_ONE]
Inner = Annotated[
    # its own schema, for that of all sources would hold itself
    PluginConfig, Plugin("source", free_text=True), BeforeValidator(as_source), WithJsonSchema(_SOURCE)
]


class Window(Declared):
    """Rows before a row."""

    last: Rows | str
    """How far back: a number of rows, or a length of time such as 90s, 15m, 12h, 7d, 4w, its beginning included."""
    of: Annotated[tuple[Statistic, ...], AfterValidator(_some)]
    """What is told of the values that are there: count, sum, mean, std, min, max, median, first, last."""
    include_current: bool = False
    """Whether the row itself is its window's last; then a length of time begins after its beginning. Never of the
    target."""
    min_samples: int = Field(default=1, ge=1)
    """Values there must be; with fewer all but `count` are missing. `std` needs two at least."""

    @field_validator("last")
    @classmethod
    def _length(cls, value: int | str) -> int | str:
        found = DURATION.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, str) and (found is None or not int(found[1])):
            raise ValueError("give a number of rows, or a number and a unit of us, ms, s, m, h, d, w, such as 7d")
        if found is not None and int(found[1]) * MICROSECONDS[found[2]] > LONGEST_US:
            raise ValueError("give no more than 100,000 years")
        return value

    @property
    def length_us(self) -> int | None:
        """A length of time in microseconds; `None` for rows."""
        found = DURATION.fullmatch(str(self.last))
        return None if found is None else int(found[1]) * MICROSECONDS[found[2]]


class Made(NamedTuple):
    """One column that is made."""

    name: str
    columns: tuple[str, ...]
    """What it is made of."""
    what: str
    """time, lag, diff, elapsed, or a statistic."""
    rows: int = 1
    """How many rows back a lag or a difference looks."""
    window: Window | None = None

    @property
    def holds_current(self) -> bool:
        """Whether a row's own value has a part in it."""
        return self.what in ("time", "diff", "elapsed") or (self.window is not None and self.window.include_current)


class Config(PluginConfig):
    source: Inner
    """The rows: any source, as text or `{name: …}`."""
    by: tuple[str, ...] = ()
    """The column or columns that tell entities apart; `null`: all rows are one series."""
    time: Annotated[tuple[str, ...], AfterValidator(_some)]
    """The column of dates, times or numbers that orders rows; or those of year, month, day, and hour, minute, second
    as there are, which are joined in a further column `time`."""
    unit: Literal["us", "ms", "s", "m", "h", "d", "w"] | None = None
    """What a time that is a number counts, so that windows can be lengths of time; `null`: it has no unit."""
    lags: dict[str, Steps] = Field(default={})
    """Column to how many rows back: `{load: [1, 24]}` makes load_lag_1 and load_lag_24."""
    diffs: dict[str, Steps] = Field(default={})
    """Column of numbers to how many rows back: `{load: 1}` makes load_diff_1, the row's value less the earlier."""
    windows: dict[str, Annotated[tuple[Window, ...], *_ONE]] = Field(default={})
    """Column to windows over its earlier values: `{load: {last: 24, of: [mean, max]}}` makes load_mean_24 and
    load_max_24."""
    elapsed: bool = False
    """Whether to tell the seconds since the row before (numbers without a unit: their difference): measured_elapsed."""

    @field_validator("by", "time")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name, number in Counter(value).items() if number > 1]
        if twice:
            raise ValueError(f"names {twice[0]!r} twice")
        return value

    @field_validator("time")
    @classmethod
    def _date(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) == 2:
            raise ValueError("give one column, or those of year, month, day and then hour, minute, second")
        if len(value) > 6:
            raise ValueError("give no more than the columns of year, month, day, hour, minute, second")
        return value

    @model_validator(mode="after")
    def _something(self) -> Config:
        times = Counter(made.name for made in self.made)
        twice = [name for name, number in times.items() if number > 1]
        if twice:
            raise ValueError(f"column {twice[0]!r} would be made twice")
        if not set(times) - {TIME}:
            raise ValueError("nothing is to be made: give lags, diffs, windows or elapsed")
        if self.unit is not None and len(self.time) > 1:
            raise ValueError("unit is that of one column of numbers, and time names several")
        return self

    @property
    def time_name(self) -> str:
        """The column that holds the time."""
        return self.time[0] if len(self.time) == 1 else TIME

    @property
    def made(self) -> tuple[Made, ...]:
        """The columns that are made, in order."""
        found = [Made(TIME, self.time, "time")] if len(self.time) > 1 else []
        found += [Made(f"{name}_lag_{n}", (name,), "lag", n) for name, rows in self.lags.items() for n in rows]
        found += [Made(f"{name}_diff_{n}", (name,), "diff", n) for name, rows in self.diffs.items() for n in rows]
        found += [
            Made(f"{name}_{of}_{window.last}", (name,), of, window=window)
            for name, windows in self.windows.items()
            for window in windows
            for of in window.of
        ]
        if self.elapsed:
            found.append(Made(f"{self.time_name}_elapsed", self.time, "elapsed"))
        return tuple(found)

    @classmethod
    def from_text(cls, text: str) -> Config | None:  # noqa: ARG003
        """Claims nothing: a path alone does not say what came before what."""
        return None

    def hide(self, columns: Iterable[str]) -> None:
        """Have no message of the inner source show values of `columns`."""
        if hasattr(self.source, "hide"):
            self.source.hide(columns)

    def build(self) -> Source:
        return HistorySource(self)
