"""Divide rows by their time: train before validation before test, with a gap between.

Choose it where a model will be asked about the future: what it is judged on is later than all it has learnt. Rows of
one instant stay together. Folds are an expanding window: training rows are cut into k + 1 stretches of even size, each
but the first is held out once, and what comes before it, less the gap, is learnt from. Rows later than all seen are
test rows. Reference: Bergmeir and Benítez, "On the use of cross-validation for time series predictor evaluation",
Information Sciences 2012; the gap: López de Prado, "Advances in Financial Machine Learning", 2018, ch. 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pydantic import Field, field_validator

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.shown import counted
from rayline.prepare.split._instants import Instants, instants, is_clock, microseconds
from rayline.prepare.split._parts import (
    OUT,
    TEST,
    VALIDATION,
    Assignment,
    Parts,
    SharesConfig,
    Splitter,
    check_folds,
    check_repeat,
    followed,
    gathered,
    mark_dropped,
)

MOST_WINDOWS = 60
"""Folds at most: each needs two stretches where there is a gap, and an int8 counts them."""


class Config(SharesConfig):
    by: str
    """The column of dates, times or numbers that orders the rows."""
    gap: int | str = Field(default=0)
    """Left out before what is held out: a length of time (`7d`, `12h`, `30min`, `2w`), or a number of rows."""

    @field_validator("gap")
    @classmethod
    def _length(cls, value: int | str) -> int | str:
        if isinstance(value, str):
            microseconds(value)
        elif value < 0:
            raise ValueError("a gap is not negative")
        return value

    @property
    def reads(self) -> dict[str, str]:
        return {"by": self.by}

    def build(self) -> TimeSplitter:
        return TimeSplitter(self)

    @classmethod
    def restore(cls, value: Mapping[str, Any]) -> TimeAssignment:
        return TimeAssignment(
            value["by"], tuple(value["ends"]), tuple(value["starts"]), tuple(map(tuple, value["windows"]))
        )


class TimeSplitter(Splitter):
    def __init__(self, options: Config) -> None:
        self._options = options

    def reads(self, key: str, target: str) -> tuple[str, ...]:  # noqa: ARG002 (time alone decides)
        return (self._options.by,)

    def index(self, frame: pl.DataFrame, key: str, target: str) -> pa.Table:  # noqa: ARG002
        column = followed(frame, self._options.by)
        if isinstance(self._options.gap, str) and not is_clock(column.dtype):
            raise SpecError(
                f"data.split.gap: {self._options.gap!r} is a length of time, and {column.name!r} holds numbers. "
                "Give a number of rows."
            )
        return pa.table({ROW: frame[ROW].to_numpy(), "time": instants(column, "data.split.by")})

    def fit(
        self,
        indexes: Sequence[pa.Table],
        folds: int = 1,
        *,
        dropped: npt.NDArray[np.int64] | None = None,
        repeat: int = 0,
    ) -> TimeAssignment:
        check_folds(folds, MOST_WINDOWS)
        check_repeat(repeat, "time")
        table = gathered(indexes, dropped)
        times: Instants = np.sort(table.column("time").to_numpy())
        options, rows = self._options, len(times)
        starts: list[Any] = []
        ends: list[Any] = []
        left = times
        for share in (options.test, options.validation):
            start = end = None
            if share and rows:
                start = self._start(left, round(share * rows))
                end = self._end(left, start)
                left = left[left < end]
                if not len(left):
                    raise DataError(f"{_few(options.by, times)} Nothing is left before the gap: lower data.split.gap.")
            starts.append(start)
            ends.append(end)
        return TimeAssignment(options.by, tuple(ends[::-1]), tuple(starts[::-1]), self._windows(left, folds))

    def _start(self, times: Instants, rows: int) -> Any:
        """Where the last `rows` begin, as nearly as rows of one instant let it, and not with the first of all."""
        if len(times) < 2:
            raise DataError(_few(self._options.by, times))
        place = len(times) - min(max(rows, 1), len(times) - 1)
        at = times[place]
        first, after = np.searchsorted(times, at, "left"), np.searchsorted(times, at, "right")
        # the whole instant goes to the side that it puts nearer to the share
        later = after < len(times) and (first == 0 or after - place < place - first)
        if first == 0 and not later:
            raise DataError(_few(self._options.by, times))
        return times[after if later else first].item()

    def _end(self, times: Instants, start: Any) -> Any:
        """Before when rows may be learnt from, where `start` begins what is held out."""
        if isinstance(self._options.gap, str):
            return start - microseconds(self._options.gap)
        first = int(np.searchsorted(times, start, "left"))
        return times[max(first - self._options.gap, 0)].item()

    def _windows(self, times: Instants, folds: int) -> tuple[tuple[Any, Any], ...]:
        """Of each fold: before when is learnt, and when its own rows begin."""
        if folds == 1:
            return ()
        found: list[tuple[Any, Any]] = []
        for fold in range(folds):
            start = self._start(times, len(times) * (folds - fold) // (folds + 1))
            end = self._end(times, start)
            if end <= times[0] or (found and start <= found[-1][1]):
                raise DataError(
                    f"{_few(self._options.by, times)} {folds} folds in time need more, or a smaller gap: "
                    "lower tune.folds or data.split.gap."
                )
            found.append((end, start))
        return tuple(found)


@dataclass(frozen=True)
class TimeAssignment(Assignment):
    """Microseconds, or numbers of the column; each `ends` is exclusive, and rows between it and the start are out."""

    by: str
    ends: tuple[Any, Any]
    """Where training ends, and where validation ends; `None` where nothing is held out after it."""
    starts: tuple[Any, Any]
    """Where validation and test begin."""
    windows: tuple[tuple[Any, Any], ...] = ()
    """Of each fold: where what it learns from ends, and where what it is judged on begins."""

    @property
    def folds(self) -> int:  # type: ignore[override]
        return max(len(self.windows), 1)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.by,)

    @property
    def _stretches(self) -> list[Any]:
        """Where stretches of training rows begin; the first has no beginning."""
        return sorted({edge for window in self.windows for edge in window})

    def judged_parts(self, fold: int) -> tuple[int, ...]:
        return tuple(range(self._part(self.windows[fold][1]), self._after(fold)))

    def training_parts(self, fold: int) -> tuple[int, ...]:
        return tuple(range(self._part(self.windows[fold][0])))

    def _part(self, edge: Any) -> int:
        return self._stretches.index(edge) + 1

    def _after(self, fold: int) -> int:
        return self._part(self.windows[fold + 1][1]) if fold + 1 < len(self.windows) else len(self._stretches) + 1

    def parts(self, frame: pl.DataFrame, *, dropped: npt.NDArray[np.int64] | None = None) -> Parts:
        times = instants(followed(frame, self.by), "data.split.by")
        # as they are: stretches of fractions would be cut to whole numbers by a fragment that has no others
        stretches = np.array(self._stretches) if self._stretches else np.zeros(0)
        parts = np.searchsorted(stretches, times, side="right").astype(np.int8)
        for part, end, start in zip((VALIDATION, TEST), self.ends, self.starts, strict=True):
            if start is not None:
                parts[times >= end] = OUT
                parts[times >= start] = part
        return mark_dropped(parts, frame, dropped)

    def to_json(self) -> dict[str, Any]:
        windows = [list(window) for window in self.windows]
        ends, starts = list(self.ends), list(self.starts)
        return {"split": "time", "by": self.by, "ends": ends, "starts": starts, "windows": windows}


def _few(by: str, times: Instants) -> str:
    different = counted(len(np.unique(times)), "different time")
    return f"{by!r} has {different} in {counted(len(times))}, too few for data.split: time."
