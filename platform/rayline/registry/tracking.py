"""Runs: settings, metric curves and files of one pass of the line, kept in MLflow."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from rayline.core import files
from rayline.core.errors import NotFoundError, StorageError
from rayline.core.redact import redact
from rayline.registry.store import artifact_root, ask, client, local

T = TypeVar("T")

METRICS_A_CALL = 1000
PARAMS_A_CALL = 100
LONGEST_PARAM = 6000
"""What MLflow's stores take."""


class Run:
    """One run in MLflow, made by `start` or `find`; all that is logged shows on the run's page there."""

    def __init__(self, run_id: str, artifact_uri: str) -> None:
        self.id = run_id
        self.artifact_uri = artifact_uri

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Settings, flattened: `{"train": {"epochs": 3}}` is logged as `train.epochs`; credentials in URIs are not."""
        from mlflow.entities import Param

        flat = [Param(_key(key), _clip(redact(str(value)))) for key, value in _flatten(params)]
        for batch in _batches(flat, PARAMS_A_CALL):
            self._log(params=batch)

    def log_metrics(self, metrics: Mapping[str, float | None]) -> None:
        """Single values, such as the metrics on the test rows."""
        self.log_history([{"epoch": 0, **metrics}])

    def log_history(self, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Curves: one mapping an epoch, its number under `epoch`; values that are not numbers are left out."""
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        points = [
            Metric(_key(key), float(value), now_ms, int(epoch["epoch"]))
            for epoch in epochs
            for key, value in epoch.items()
            if key != "epoch" and isinstance(value, int | float)
        ]
        for batch in _batches(points, METRICS_A_CALL):
            self._log(metrics=batch)

    def log_folder(self, folder: str, name: str) -> str:
        """Copy a local `folder` to the run's files as `name`, and return the URI it has there."""
        if self._behind_server:
            ask(lambda store: store.log_artifacts(self.id, folder, name))
        else:
            files.copy_folder(folder, files.join(self.artifact_uri, name))
        return files.join(self.artifact_uri, name)

    def finish(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Close the run; MLflow shows it as running until then."""
        ask(lambda store: store.set_terminated(self.id, status))

    @property
    def _behind_server(self) -> bool:
        # other places are written by pyarrow, as everything else is: one set of credentials, and no boto3
        return self.artifact_uri.startswith("mlflow-artifacts:")

    def _log(self, **batch: Any) -> None:
        ask(lambda store: store.log_batch(self.id, **batch))


def start(experiment: str, name: str, *, storage: str | None = None, tags: Mapping[str, str] | None = None) -> Run:
    """Begin a run called `name` of `experiment` (made if need be), its files below `storage` or `RAYLINE_HOME`.

    An experiment keeps its files where it was first told to; runs that keep theirs elsewhere go to a second one,
    named after the place.

    Raises:
        StorageError: the tracking store cannot be used.
    """
    experiment_id = _experiment(experiment, artifact_root(storage))
    made = ask(lambda store: store.create_run(experiment_id, run_name=name, tags=dict(tags or {})))
    assert made is not None
    return Run(made.info.run_id, local(made.info.artifact_uri))


def find(run_id: str) -> Run:
    """A run made earlier.

    Raises:
        NotFoundError: the store has no run of this id.
    """
    found = ask(lambda store: store.get_run(run_id))
    if found is None:
        raise NotFoundError(
            f"there is no run {run_id!r} in the tracking store. `rayline models show` names a version's run."
        )
    return Run(found.info.run_id, local(found.info.artifact_uri))


def download(run_id: str, name: str, folder: str) -> str:
    """Copy what the run keeps as `name` behind a tracking server to below the local `folder`; returns its path."""
    return str(client().download_artifacts(run_id, name, folder))


def _experiment(name: str, root: str | None) -> str:
    for candidate in (name, f"{name} in {root}"):
        experiment_id, place = _experiment_called(candidate, root)
        if root is None or place.startswith(root.partition("?")[0] + "/"):
            return experiment_id
    raise StorageError(f"MLflow keeps the files of {name!r} elsewhere than in {root}. Give the spec another name.")


def _experiment_called(name: str, root: str | None) -> tuple[str, str]:
    """The id of the experiment and where its files lie; made below `root` if there is none of this name."""
    found = ask(lambda store: store.get_experiment_by_name(name))
    if found is None:
        place = None if root is None else files.join(root, uuid.uuid4().hex[:8])
        ask(lambda store: store.create_experiment(name, artifact_location=place))
        found = ask(lambda store: store.get_experiment_by_name(name))  # another process may have made it
    if found is None or found.lifecycle_stage == "deleted":
        raise StorageError(f"the experiment {name!r} is deleted in MLflow. Restore it there, or use another name.")
    return str(found.experiment_id), local(str(found.artifact_location))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _key(name: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", name)[:250]  # what MLflow allows in a name


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST_PARAM else text[: LONGEST_PARAM - 1] + "…"


def _batches(items: list[T], size: int) -> Iterator[list[T]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
