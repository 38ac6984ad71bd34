"""The long form of sequences: a table's rows grouped by id, sorted by time, and brought to one step.

S steps of all sequences, one after the other
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.errors import DataError
from rayline.core.shown import counted
from rayline.sources import _files
from rayline.sources._columns import unknown_column
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

if TYPE_CHECKING:
    from rayline.sources.sequences import Config

SPARSE = 50
"""Steps for each row of the table from which its times are thought to be wrong …"""
MANY_STEPS = 10_000_000
"""… where there are more steps than this."""
ID, TIME, TARGET = "__id__", "__time__", "__target__"


class Steps(NamedTuple):
    """Columns ID, TIME, the channels, kept columns and TARGET, as there are; and where each sequence begins."""

    frame: pl.DataFrame
    bounds: npt.NDArray[np.int64]
    """[sequences + 1], the last of them the number of steps."""
    channels: list[str]


def read(config: Config) -> Steps:
    """The steps of the whole table.

    Raises:
        DataError: it cannot be read, lacks a column, or has rows without an id or a time.
    """
    rows, channels = _rows(config)
    keys = [ID] if config.id else []
    if keys and rows[ID].null_count():
        lost = rows[ID].null_count()
        raise DataError(
            f"{config.path}: {counted(lost)} ha{'s' if lost == 1 else 've'} no id in column {config.id!r}. Give each "
            "one, or take such rows out."
        )
    frame = rows.sort([*keys, TIME], maintain_order=True)
    if config.every is not None:
        frame = _regular(frame, keys, channels, config)
    begins = np.zeros(1, np.int64)
    if keys:
        begins = np.flatnonzero((frame[ID] != frame[ID].shift()).fill_null(value=True).to_numpy()).astype(np.int64)
    return Steps(frame, np.append(begins, frame.height), channels)


def time_name(config: Config) -> str:
    """What the column of times is called."""
    return config.time[0] if len(config.time) == 1 else "time"


def _rows(config: Config) -> tuple[pl.DataFrame, list[str]]:
    table: Any = as_source(_files.absolute(config.path))
    source = table.build()
    schema = source.schema()
    ids, targets = [config.id] if config.id else [], [config.target] if config.target else []
    channels = _channels(config, schema)
    wanted = list(dict.fromkeys([*ids, *config.time, *channels, *config.keep, *targets]))
    frame = pl.concat(scan(source, lambda rows, _: rows, columns=wanted))
    columns = [
        *(frame[name].alias(ID) for name in ids),
        _times(frame, config).alias(TIME),
        *(frame[name].cast(pl.Float64) for name in channels),
        *(frame[name] for name in config.keep),
        *(frame[name].alias(TARGET) for name in targets),
    ]
    return pl.DataFrame(columns), channels


def _channels(config: Config, schema: pa.Schema) -> list[str]:
    """The columns that become lists; the others that are named are looked for too."""
    aside = {config.id, *config.time, *config.keep}
    numbers = [f.name for f in schema if f.type in (pa.int64(), pa.float64())]
    channels = list(config.columns or [name for name in numbers if name not in aside])
    for name in (config.id, *config.time, *channels, *config.keep, config.target):
        if name is not None and name not in schema.names:
            raise unknown_column(config.path, name, schema.names)
    for name in channels:
        if name not in numbers:
            raise DataError(f"{config.path}: column {name!r} holds no numbers, as a channel does. Name it under keep.")
    made = [config.id, time_name(config), *channels, *config.keep, "target" if config.target else None]
    for name in made:
        if name is not None and made.count(name) > 1:
            raise DataError(
                f"{config.path}: column {name!r} would be there twice. Rename it, or name the channels without it: "
                "data.source.columns."
            )
    if not channels:
        raise DataError(f"{config.path} has no column of numbers to make a channel of.")
    return channels


def _times(frame: pl.DataFrame, config: Config) -> pl.Series:
    """Datetimes, or numbers."""
    names = config.time
    where = f"column {names[0]!r}" if len(names) == 1 else f"columns {', '.join(names)}"
    missing = frame.select(pl.any_horizontal(pl.col(name).is_null() for name in names)).to_series()
    if missing.any():
        raise DataError(f"{config.path} row {int(missing.arg_max() or 0) + 1} has no time in {where}.")
    try:
        if len(names) > 1:
            return frame.select(pl.datetime(*(pl.col(name).cast(pl.Int64) for name in names))).to_series()
        times = frame[names[0]]
        if times.dtype == pl.String:
            times = times.str.to_datetime(time_unit="us")
        elif times.dtype == pl.Date:
            times = times.cast(pl.Datetime("us"))
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError):
        hold = "holds" if len(names) == 1 else "hold"
        raise DataError(
            f"{config.path} row {_first_wrong(frame, names) + 1:,}: {where} {hold} no time. Write "
            "times as 2024-05-31 13:45:00, or give the columns of year, month, day and hour."
        ) from None
    if times.dtype.is_numeric() and isinstance(config.every, str):
        raise DataError(f"{config.path}: {where} holds numbers. Give data.source.every as a number of their unit.")
    if not times.dtype.is_numeric() and isinstance(config.every, float):
        raise DataError(f"{config.path}: {where} holds times. Give data.source.every with a unit, such as 15m.")
    return times


def _first_wrong(frame: pl.DataFrame, names: Sequence[str]) -> int:
    """The place of the first row whose time is none."""
    for place, values in enumerate(frame.select(names).iter_rows()):
        try:
            pl.Series(values).str.to_datetime() if len(names) == 1 else dt.datetime(*values)
        except (pl.exceptions.PolarsError, ValueError, OverflowError, TypeError):
            return place
    return 0  # each alone is a time, and they are not written alike


def _regular(frame: pl.DataFrame, keys: list[str], channels: list[str], config: Config) -> pl.DataFrame:
    """One row a step, from the first to the last time of each id; numbers averaged, of kept columns the last value."""
    size = config.step_size
    dtype = frame[TIME].dtype
    if isinstance(size, int) and not dtype.is_numeric():
        place = pl.col(TIME).cast(pl.Int64) // size
    else:
        place = (pl.col(TIME) / size).floor().cast(pl.Int64)
    averaged = [*channels, TARGET] if TARGET in frame.columns and frame[TARGET].dtype.is_numeric() else channels
    others = [name for name in frame.columns if name not in (*averaged, *keys, TIME)]
    held = (
        frame.with_columns(place.alias(TIME))
        .group_by([*keys, TIME], maintain_order=True)
        .agg(*(pl.col(name).mean() for name in averaged), *(pl.col(name).drop_nulls().last() for name in others))
    )
    ends = held.group_by(keys or pl.lit(0).alias("all"), maintain_order=True).agg(
        pl.col(TIME).min().alias("from"), (pl.col(TIME).max() + 1).alias("to")
    )
    steps = int((ends["to"] - ends["from"]).sum())
    if steps > max(MANY_STEPS, SPARSE * frame.height):
        raise DataError(
            f"{config.path}: steps of {config.every} from its first to its last time are {steps:,}, for "
            f"{counted(frame.height)}. Give a longer data.source.every, or correct times that are far off."
        )
    grid = ends.select(*keys, pl.int_ranges("from", "to").alias(TIME)).explode(TIME)
    whole = grid.join(held, on=[*keys, TIME], how="left", maintain_order="left").select(frame.columns)
    time = pl.col(TIME) * size
    return whole.with_columns((time if dtype.is_numeric() else time.cast(pl.Int64).cast(dtype)).alias(TIME))
