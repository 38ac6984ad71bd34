"""What judging a model's predictions found; plain data that goes to JSON and comes back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter

from rayline.core.columns import Task
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.curves import Bin, Curve


@dataclass(frozen=True)
class Slice:
    """Every metric over the rows of one value (or range) of one column."""

    column: str
    value: str
    rows: int
    small: bool
    """Too few rows to rest a conclusion on."""
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class ClassScores:
    """One class of a classification task."""

    name: str
    rows: int
    answered: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Fit:
    """Regression: a sample of rows, and the spread of errors (predicted minus true) over all rows."""

    truth: tuple[float, ...]
    prediction: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    """Errors in each of the bins between `edges`; those beyond the outer edges count in the outer bins."""
    bias: float
    """Mean error."""
    within: dict[str, float]
    """Share of rows ("50", "90", "95" per cent) to the absolute error they stay within."""


@dataclass(frozen=True)
class Judgement:
    """The whole judgement of predictions on one set of rows."""

    task: Task
    rows: int
    metrics: dict[str, Estimate]
    confidence: float
    threshold: float = 0.5
    classes: tuple[str, ...] = ()
    slices: tuple[Slice, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows by true class (outer) and class answered (inner), in the order of `classes`."""
    by_class: tuple[ClassScores, ...] = ()
    roc: tuple[Curve, ...] = ()
    pr: tuple[Curve, ...] = ()
    calibration: tuple[Bin, ...] = ()
    fit: Fit | None = None
    notes: tuple[str, ...] = field(default=())
    """What a reader should know before trusting the figures, in words."""

    def values(self) -> dict[str, float | None]:
        """Metric to value, `None` where the rows do not define it."""
        return {name: estimate.value for name, estimate in self.metrics.items()}

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Judgement:
        return TypeAdapter(cls).validate_python(value)
