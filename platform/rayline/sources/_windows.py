"""Windows over the steps of one long table.

W windows, each `[start, end)` of the steps
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW, FeatureType
from rayline.core.errors import DataError
from rayline.core.shown import counted
from rayline.sources import _steps
from rayline.sources._columns import SEQUENCE, canonical_schema
from rayline.sources._media import stream_bytes
from rayline.sources._source import Fragment, Shared, Source
from rayline.sources._steps import ID, TARGET, TIME, Steps

if TYPE_CHECKING:
    from rayline.sources.sequences import Config

IntArray = npt.NDArray[np.int64]
FRAGMENT_VALUES = 4 << 20
"""Values of the windows of one fragment, about."""
NOTE = -1
"""The place among a source's notes of what is said of all fragments."""


@dataclass(frozen=True)
class WindowFragment(Fragment):
    """Some windows, with the steps they are cut from."""

    steps: bytes = field(default=b"", repr=False)
    """An Arrow stream."""
    spans: bytes = field(default=b"", repr=False)
    """int64 [W, 2]: start and end of each window within `steps`."""
    first_step: int = 0
    """Steps of the table, of all sequences, before `steps`."""


class WindowSource(Source):
    """Fragments are runs of windows, by id and time."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __getstate__(self) -> dict[str, Any]:
        # a fragment brings the steps it needs; all of them need not be shipped to every task
        return {key: value for key, value in self.__dict__.items() if key != "_fragments"}

    @property
    def name(self) -> str:
        return self.config.path

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        return {self.config.id: FeatureType.ID} if self.config.id else {}

    @property
    def shared(self) -> Shared | None:
        config = self.config
        if config.length is None or config.step >= config.length + self._told:
            return None
        steps = config.length + self._told
        held = f"{config.length} steps" + (f" and tells of the next {config.horizon}" if self._told else "")
        return Shared(
            f"a window has {held}, and windows begin every {config.step} step{'s' if config.step > 1 else ''}",
            (*_splits(config, steps), f"data.source.step: {steps}"),
        )

    def spans(self, fragment: Fragment, places: IntArray) -> IntArray:
        assert isinstance(fragment, WindowFragment)
        spans = np.frombuffer(fragment.spans, np.int64).reshape(-1, 2)[places] + fragment.first_step
        reaching: IntArray = spans + np.array([0, self._told])
        return reaching

    @property
    def _told(self) -> int:
        """Steps after a window's end up to the one that it tells, where other windows hold that one's value."""
        config = self.config
        return self._ahead if config.columns is None or config.target in config.columns else 0

    def _find(self) -> list[Fragment]:
        steps = _steps.read(self.config)
        spans = self._spans(steps)
        lengths = (spans[:, 1] - spans[:, 0]) * len(steps.channels)
        fragments: list[Fragment] = []
        start = 0
        for end in _cuts(lengths):
            first, last = int(spans[start, 0]), int(spans[end - 1, 1]) + self._ahead
            part = steps.frame.slice(first, last - first).to_arrow()
            fragments.append(
                WindowFragment(
                    len(fragments),
                    f"{self.name} windows {start + 1} to {end}",
                    first_row=start,
                    size_bytes=int(lengths[start:end].sum()) * 8,
                    steps=stream_bytes(part.cast(canonical_schema(part.schema, self.name))),
                    spans=(spans[start:end] - first).tobytes(),
                    first_step=first,
                )
            )
            start = end
        return fragments

    @property
    def _ahead(self) -> int:
        return self.config.horizon if self.config.target else 0

    def _decide(self) -> pa.Schema:
        first = self.fragments()[0]
        assert isinstance(first, WindowFragment)
        steps = pa.ipc.open_stream(first.steps).read_all().schema
        return pa.schema(
            [pa.field(self._shown(f.name), SEQUENCE if self._is_channel(f.name) else f.type) for f in steps]
        )

    def _is_channel(self, stored: str) -> bool:
        return stored not in (ID, TIME, TARGET, *self.config.keep)

    def _shown(self, stored: str) -> str:
        return {ID: self.config.id or "", TIME: _steps.time_name(self.config), TARGET: "target"}.get(stored, stored)

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        assert isinstance(fragment, WindowFragment)
        steps = pa.ipc.open_stream(fragment.steps).read_all()
        spans = np.frombuffer(fragment.spans, np.int64).reshape(-1, 2)
        lengths = spans[:, 1] - spans[:, 0]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(spans[:, 0] - offsets[:-1], lengths) + np.arange(offsets[-1])
        columns = {ROW: pa.nulls(len(spans))}  # keeps the number of rows where no column is asked for
        for stored in steps.column_names:
            name = self._shown(stored)
            if name not in names:
                continue
            column = steps.column(stored).combine_chunks()
            if self._is_channel(stored):
                values = column.take(pa.array(places))
                columns[name] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
            else:
                last = spans[:, 1] - 1 + (self._ahead if stored == TARGET else 0)
                columns[name] = column.take(pa.array(last))
        return pa.table(columns)

    def _spans(self, steps: Steps) -> IntArray:
        """Starts and ends of the windows that are whole, hold a value, and have a target where one is asked for.

        Raises:
            DataError: there is none.
        """
        config = self.config
        if config.length is None:
            spans = np.stack([steps.bounds[:-1], steps.bounds[1:]], axis=1)
        else:
            begins = [
                np.arange(begin, end - config.length - self._ahead + 1, config.step, dtype=np.int64)
                for begin, end in zip(steps.bounds, steps.bounds[1:], strict=False)
            ]
            every = np.concatenate(begins)
            spans = np.stack([every, every + config.length], axis=1)
        if not len(spans):
            more = f" and {config.horizon} more" if config.target else ""
            raise DataError(
                f"{self.name}: no sequence has {counted(config.length or 0, 'step')}{more}; the longest has "
                f"{int(np.diff(steps.bounds).max()):,}. Give a smaller data.source.length."
            )
        held = steps.frame.select(pl.any_horizontal(pl.col(c).is_not_null() for c in steps.channels)).to_series()
        count = np.concatenate([[0], np.cumsum(held.to_numpy())])
        empty = count[spans[:, 1]] == count[spans[:, 0]]
        lost = np.zeros(len(spans), bool)
        if config.target is not None:
            known = steps.frame[TARGET].is_not_null().to_numpy()
            lost = ~empty & ~known[spans[:, 1] - 1 + config.horizon]
        reasons = [
            (int(empty.sum()), "nothing in them"),
            (int(lost.sum()), f"no {config.target!r} {config.horizon} step{'s' if config.horizon > 1 else ''} later"),
        ]
        said = [f"{number:,} ha{'s' if number == 1 else 've'} {why}" for number, why in reasons if number]
        if said:
            self.notes[NOTE] = (
                f"{self.name}: of {counted(len(spans), 'window')} {' and '.join(said)}; they are left out."
            )
        if bool((empty | lost).all()):
            raise DataError(f"{self.notes[NOTE]} None is left. Correct the table, or choose other columns.")
        kept: IntArray = spans[~empty & ~lost]
        return kept


def _splits(config: Config, steps: int) -> list[str]:
    """Splits that leave windows on one side which begin fewer than `steps` steps apart."""
    time, gap = _steps.time_name(config), ""
    if isinstance(config.every, str):
        number, unit = int(config.every.rstrip("usmhdw")), config.every.lstrip("0123456789")
        gap = f"{number * steps}{'min' if unit == 'm' else unit}"
    elif config.id is None:
        gap = str(-(-steps // config.step))  # of several sequences, rows of one time are no longer than one step apart
    found = [f"data.split: {{name: time, by: {time}, gap: {gap}}}"] if gap else []
    return found + ([f"data.split: {{name: group, by: {config.id}}}"] if config.id else [])


def _cuts(lengths: IntArray) -> list[int]:
    """Ends of runs of windows of about FRAGMENT_VALUES values."""
    run = (np.cumsum(lengths) - 1) // FRAGMENT_VALUES
    return [*(np.flatnonzero(np.diff(run)) + 1).tolist(), len(lengths)]
