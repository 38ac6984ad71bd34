"""Columns, tasks, and the signature a model is called by."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

ROW = "__row__"
"""Column that every fragment carries: a row's position in its source (int64), its key where no id is declared."""


class FeatureType(StrEnum):
    """What a column is to a model.

    `number` and `category` are learnt from; `text`, `image`, `audio` and `sequence` where `prepare` says how; dates,
    ids and dropped columns are set aside.
    """

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    SEQUENCE = "sequence"
    DATE = "date"
    ID = "id"
    DROP = "drop"


class Task(StrEnum):
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        return self is not Task.REGRESSION


@dataclass(frozen=True)
class Feature:
    """One column a model reads."""

    name: str
    type: FeatureType


@dataclass(frozen=True)
class Target:
    """What a model predicts.

    `classes` are strings in the order of the model's outputs (empty for regression); for a binary task
    `positive` is one of them and always comes second.
    """

    name: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    private: bool = field(default=False, compare=False)
    """Whether its values stay out of messages, where that is known: in what trains."""


ValueType = Literal["integer", "number", "boolean", "date", "text"]
ValueKind = Literal["number", "text", "boolean", "date"]


class InputColumn(BaseModel):
    """One column of a request: its type, and what was declared of it under `data.expect`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: FeatureType
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] | None = None
    nullable: bool = True
    private: bool = False
    """Declared under `data.private`: its values stay out of packages, logs, messages and reports."""
    value_type: ValueType | None = None
    """What each value is, or its text reads as."""
    pattern: str | None = None
    """A regular expression (Rust's) that matches the whole of every value's text."""
    earliest: dt.datetime | None = None
    latest: dt.datetime | None = None
    """Of dates, without a zone: the first and the last moment allowed."""

    @property
    def dates(self) -> str:
        """The dates that are allowed, in words; empty where nothing is declared of them."""
        low, high = (
            None if end is None else f"{end:%Y-%m-%d}" if end.time() == whole else end.isoformat(" ")
            for end, whole in ((self.earliest, dt.time.min), (self.latest, dt.time.max))
        )
        if low is None:
            return "" if high is None else f"a date not after {high}"
        return f"a date not before {low}" if high is None else f"a date from {low} to {high}"


class Condition(BaseModel):
    """An expression over inputs that no request breaks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    kinds: dict[str, ValueKind]
    """Column it reads to what that column held in training."""
    private: bool = False
    """Whether a column it reads is private."""
    cleaned: bool = False
    """Whether it reads columns as preparation corrects or derives them, and not as a request gives them."""
    warns: bool = False
    """Whether a request that breaks it is answered, and counted."""


class Signature(BaseModel):
    """What a model takes and gives. Stored as `signature.json` in the package; what an endpoint validates by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: tuple[InputColumn, ...]
    target: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: str | None = None
    threshold: float = 0.5
    """Binary tasks: the probability of `positive` from which it is answered."""
    conditions: tuple[Condition, ...] = ()
    """What is declared of a row's values together."""
    cleaned: tuple[InputColumn, ...] = ()
    """What is declared of columns as preparation corrects or derives them; a request does not give these."""
    warned: tuple[InputColumn, ...] = ()
    """What is declared with `on: warn`, of columns as the model reads them: a row that breaks it is answered, and
    counted."""

    def as_target(self) -> Target:
        return Target(name=self.target, task=self.task, classes=self.classes, positive=self.positive)
