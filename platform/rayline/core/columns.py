"""Columns, tasks, and the signature a model is called by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

ROW = "__row__"
"""Column that every fragment carries: a row's position in its source (int64), its key where no id is declared."""


class FeatureType(StrEnum):
    """What a column is to a model. Only `number` and `category` are learnt from; the rest are set aside."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
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

    def as_target(self) -> Target:
        return Target(name=self.target, task=self.task, classes=self.classes, positive=self.positive)
