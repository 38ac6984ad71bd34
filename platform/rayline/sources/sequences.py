"""Sequences: one file a sequence, or windows over one long table with a time column.

One file a sequence: each column of a file becomes one column of lists, and tables of labels and groups are joined by an
id that is part of the file's name:

    {name: sequences, path: "dataset/*.csv", labels: [target.csv, groups.csv], pattern: "trace_(.+)"}

Long form (`time` is given): rows are grouped by `id`, sorted by `time`, brought to one step by `every`, and cut in
windows of `length` steps; `target` is a column's value `horizon` steps after a window's end, so that forecasting is
regression:

    {name: sequences, path: air.csv, time: [year, month, day, hour], every: 1h, length: 24, target: pm2.5}

A window's `time` is that of its last step. Windows overlap where `step` is below `length` (with `target`: `length +
horizon`): split by time with a gap of so many steps, or by group on the `id`; a split with one reading on both sides is
leakage. A sequence's id is set aside unless `data.features` types it. A long table is held in memory whole while it is
cut. Reference: Hyndman and Athanasopoulos, "Forecasting: Principles and Practice", 2021, section 5.8.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rayline.core.catalog import PluginConfig, Spelt
from rayline.sources._sequence_files import SequenceFiles
from rayline.sources._source import Source
from rayline.sources._windows import WindowSource

DURATION = re.compile(r"(\d+)(us|ms|s|m|h|d|w)")
MICROSECONDS = {"us": 1, "ms": 10**3, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
MICROSECONDS["w"] = 7 * MICROSECONDS["d"]
OF_FILES = ("labels", "pattern", "header")
OF_LONG_FORM = ("every", "length", "step", "target", "horizon", "keep")

Names = Annotated[
    tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value), Spelt(one=True)
]


class Config(PluginConfig):
    path: str
    """Files (folder, glob, URL), one a sequence; or the one table of the long form."""
    id: str | None = None
    """Long form: the column that tells sequences apart; `null`: there is one. Files: what the column of ids is called,
    in the tables of `labels` too; `null`: as their first column."""
    columns: Names | None = None
    """The columns that are channels; `null`: all columns of numbers."""
    labels: Names = ()
    """Files: tables (paths or globs) with a row a sequence, joined by its id."""
    pattern: str | None = None
    """Files: a regular expression found in a file's name (without its ending), whose first group is the id; `null`: the
    digits that all names end with, or else the whole names."""
    header: Names | None = None
    """Files: names of the columns, for files without a header line."""
    time: Names = ()
    """Long form: the column of times; or those of year, month, day, and hour, minute, second as there are."""
    every: str | Annotated[float, Field(gt=0)] | None = None
    """Long form: the length of a step, within which values are averaged: 1h, 15m, 10s; a number for times that are
    numbers. `null`: each row is a step."""
    length: int | None = Field(default=None, ge=1)
    """Long form: steps of a window; `null`: all steps of an id."""
    step: int = Field(default=1, ge=1)
    """Long form: steps from one window to the next."""
    target: str | None = None
    """Long form: the column whose value `horizon` steps after a window's end is its `target`."""
    horizon: int = Field(default=1, ge=1)
    keep: Names = ()
    """Long form: columns whose value at a window's last step is kept beside it: labels, places, seasons."""

    @field_validator("time")
    @classmethod
    def _date(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) not in (0, 1, 3, 4, 5, 6):
            raise ValueError("give one column, or those of year, month, day and then hour, minute, second")
        return value

    @field_validator("every")
    @classmethod
    def _duration(cls, value: Any) -> Any:
        found = DURATION.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, str) and (found is None or not int(found[1])):
            raise ValueError("give a number and a unit of us, ms, s, m, h, d, w, such as 15m")
        return value

    @field_validator("pattern")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        try:
            groups = 1 if value is None else re.compile(value).groups
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if not groups:
            raise ValueError("put the id in brackets, such as trace_(.+)")
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Config:
        others = OF_FILES if self.time else OF_LONG_FORM
        # by value, not by what was set: a rendered spec gives every option
        odd = [name for name in others if getattr(self, name) != type(self).model_fields[name].default]
        if odd:
            form = "the long form, which `time` asks for" if self.time else "one file a sequence (`time` is not given)"
            raise ValueError(f"{odd[0]} has no meaning in {form}")
        if self.time and self.length is None and self.id is None:
            raise ValueError("give length, the steps of a window, or id, the column that tells sequences apart")
        if self.target is not None and self.length is None:
            raise ValueError("target needs length, the steps of a window; labels of whole sequences go to keep")
        return self

    @property
    def step_size(self) -> int | float | None:
        """`every` in microseconds, or as the number it is."""
        if isinstance(self.every, str):
            match = DURATION.fullmatch(self.every)
            assert match is not None
            return int(match[1]) * MICROSECONDS[match[2]]
        return self.every

    @classmethod
    def from_text(cls, text: str) -> Config | None:  # noqa: ARG003
        """Claims nothing: a path alone does not say that its rows are steps."""
        return None

    def build(self) -> Source:
        return WindowSource(self) if self.time else SequenceFiles(self)
