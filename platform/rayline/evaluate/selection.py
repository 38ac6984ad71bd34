"""Which metrics are taken: the one a task is optimised for, and those a spec asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from rayline.core import catalog
from rayline.core.columns import Task
from rayline.core.errors import SpecError, listing
from rayline.evaluate.metrics._metric import Metric

_DEFAULT = {Task.BINARY: "roc_auc", Task.MULTICLASS: "log_loss", Task.REGRESSION: "mse"}

# the order of tables; metrics added later come after these
_ORDER = (
    "roc_auc",
    "pr_auc",
    "accuracy",
    "f1",
    "precision",
    "recall",
    "log_loss",
    "calibration_error",
    "r2",
    "rmse",
    "mae",
    "mse",
)


def default_metric(task: Task) -> str:
    """The metric that stands for quality where none is named: what search optimises and importance measures."""
    return _DEFAULT[task]


def build_metric(name: str) -> Metric:
    """The metric called `name`, with its default options.

    Raises:
        UnknownNameError: no metric has this name.
    """
    return cast(Metric, catalog.config_class("metric", name)().build())  # type: ignore[attr-defined]


def metrics_for(task: Task, asked: Iterable[str] | str = "auto") -> dict[str, Metric]:
    """The metrics of a spec's `evaluate.metrics`, in the order of tables; `auto`: all that fit the task.

    Raises:
        SpecError: a metric is asked for that does not fit the task.
    """
    fitting = {name: metric for name in catalog.names("metric") if task in (metric := build_metric(name)).tasks}
    if asked == "auto":
        return {name: fitting[name] for name in sorted(fitting, key=_place)}
    for name in asked:
        if name not in fitting:
            build_metric(name)
            raise SpecError(f"evaluate: {name} is no metric of a {task} task. Choose from: {listing(sorted(fitting))}.")
    return {name: fitting[name] for name in sorted(set(asked), key=_place)}


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)
