"""Sources on the cluster: Ray Data carries fragments to tasks, and each task reads its own.

Reading inside the task moves rows once (disk to task) where `ray.data.read_parquet` moves them through the object
store first; measured, it halves the time of a pass. What a scan returns comes back pickled, small.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayTaskError

from rayline.core.errors import RaylineError
from rayline.sources import scan as here
from rayline.sources._source import Fragment, RefusedError, Source

T = TypeVar("T")
TASKS_PER_CPU = 4
RETRY_NOTE = "\nFailed to apply"
"""How the advice begins that Ray Data adds to the message of an error in a task."""


def scan(source: Source, fn: Callable[[pl.DataFrame, Fragment], T], *, columns: Sequence[str] | None = None) -> list[T]:
    """`fn(frame, fragment)` for each fragment, in tasks of Ray Data; results in fragment order.

    `frame` holds `columns` (default: all) and ROW. See `sources.scan.scan` for columns that are widened.

    Raises:
        RaylineError: what of ours was raised in a task; of several, the first fragment's.
    """
    source.schema()  # decided here, once, and shipped with the source
    while True:
        outcomes = _run(source, fn, columns)
        errors = [outcome.error for outcome in outcomes if isinstance(outcome, _Failed)]
        refused = [error for error in errors if isinstance(error, RefusedError)]
        if len(refused) < len(errors):
            raise next(error for error in errors if not isinstance(error, RefusedError))
        if not refused:
            if columns is None:
                source.settle()
            return outcomes
        for error in refused:
            source.widen(error.column, error.wider)


class _Failed:
    """A fragment's error, carried as a value: Ray Data would wrap it in its own."""

    def __init__(self, error: RaylineError) -> None:
        self.error = error


def _run(source: Source, fn: Callable[[pl.DataFrame, Fragment], T], columns: Sequence[str] | None) -> list[Any]:
    def task(batch: pa.Table) -> pa.Table:
        outcomes: list[Any] = []
        for packed in batch.column("fragment").to_pylist():
            fragment = pickle.loads(packed)
            try:
                outcomes.append(fn(here.frame(source, fragment, columns), fragment))
            except RaylineError as error:
                outcomes.append(_Failed(error))
        return pa.table({"index": batch.column("index"), "outcome": _pack(outcomes)})

    with plain_errors():
        rows = _fragments(source).map_batches(task, batch_format="pyarrow", batch_size=None).take_all()
    packed = {row["index"]: row["outcome"] for row in rows}
    return [pickle.loads(packed[fragment.index]) for fragment in source.fragments()]


def _pack(outcomes: Sequence[Any]) -> pa.Array:
    return pa.array([ray.cloudpickle.dumps(outcome) for outcome in outcomes], pa.large_binary())


def dataset(source: Source, columns: Sequence[str] | None = None) -> ray.data.Dataset:
    """The rows of a source (with ROW), in order, as a stream of Arrow blocks.

    Consume it within `plain_errors()`: an error of ours comes out of it inside one of Ray's.
    """
    source.schema()
    if not source.settled:  # a stream cannot begin again with a wider type
        scan(source, _nothing)

    def task(batch: pa.Table) -> Iterator[pa.Table]:
        for packed in batch.column("fragment").to_pylist():
            yield source.read(pickle.loads(packed), columns)

    return _fragments(source).map_batches(task, batch_format="pyarrow", batch_size=None)


def _nothing(frame: pl.DataFrame, fragment: Fragment) -> None:  # noqa: ARG001
    return None


def _fragments(source: Source) -> ray.data.Dataset:
    """The fragments as rows, in a few tasks for each CPU."""
    fragments = source.fragments()
    rows = [{"index": fragment.index, "fragment": pickle.dumps(fragment)} for fragment in fragments]
    blocks = min(len(rows), max(1, int(ray.cluster_resources().get("CPU", 1))) * TASKS_PER_CPU)
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    context.raise_original_map_exception = True  # else nothing but its text comes back
    with ray.data.DataContext.current(context):
        return ray.data.from_items(rows, override_num_blocks=blocks)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Raise an error of ours that a Ray task raised as itself, and keep Ray Data's own log off the terminal."""
    consoles = [h for h in logging.getLogger("ray.data").handlers if isinstance(h, logging.StreamHandler)]
    levels = [console.level for console in consoles]
    for console in consoles:
        console.setLevel(logging.CRITICAL + 1)
    try:
        yield
    except RayTaskError as error:
        cause = error.cause
        if not isinstance(cause, RaylineError):
            raise
        cause.args = (str(cause).partition(RETRY_NOTE)[0],)
        raise cause from None
    finally:
        for console, level in zip(consoles, levels, strict=True):
            console.setLevel(level)
