"""Sources on the cluster: Ray Data carries fragments to tasks, and each task reads its own.

Reading inside the task moves rows once (disk to task) where `ray.data.read_parquet` moves them through the object
store first; measured, it halves the time of a pass. What a scan returns comes back pickled, small.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import TypeVar

import polars as pl
import pyarrow as pa
import ray.data

from rayline.cluster import passes
from rayline.cluster.begun import Begun
from rayline.sources import scan as here
from rayline.sources._source import Fragment, RefusedError, Source

T = TypeVar("T")


def scan(
    source: Source,
    fn: Callable[[pl.DataFrame, Fragment], T],
    *,
    columns: Sequence[str] | None = None,
    encoded: bool = False,
    lighten: Callable[[list[T]], list[T]] | None = None,
) -> list[T]:
    """`fn(frame, fragment)` for each fragment, in tasks of Ray Data; results in fragment order.

    `frame` holds `columns` (default: all) and ROW. See `sources.scan.scan` for columns that are widened, and `encoded`;
    `cluster.passes.fan_out` for `lighten`.

    Raises:
        RaylineError: what of ours was raised in a task; of several, the first fragment's.
    """

    def work(fragment: Fragment) -> tuple[T, str | None]:
        result = fn(here.frame(source, fragment, columns, encoded=encoded), fragment)
        return result, source.notes.get(fragment.index)

    def smaller(worked: list[tuple[T, str | None]]) -> list[tuple[T, str | None]]:
        assert lighten is not None
        return list(zip(lighten([result for result, _ in worked]), [note for _, note in worked], strict=True))

    source.schema()  # decided here, once, and shipped with the source
    while True:
        results: list[T] = []
        errors = []
        outcomes = passes.outcomes(source.fragments(), work, lighten=None if lighten is None else smaller)
        for fragment, outcome in zip(source.fragments(), outcomes, strict=True):
            if isinstance(outcome, passes.Failed):
                errors.append(outcome.error)
                continue
            result, note = outcome
            results.append(result)
            if note:
                source.notes[fragment.index] = note
        refused = [error for error in errors if isinstance(error, RefusedError)]
        if len(refused) < len(errors):
            raise next(error for error in errors if not isinstance(error, RefusedError))
        if not refused:
            if columns is None:
                source.settle()
            here.tell(source)
            return results
        for error in refused:
            source.widen(error.column, error.wider)


def dataset(
    source: Source,
    columns: Sequence[str] | None = None,
    *,
    work: Callable[[pa.Table], pa.Table] | None = None,
    begun: Begun | None = None,
) -> ray.data.Dataset:
    """The rows of a source (with ROW), in order, as a stream of Arrow blocks, or what is made of them.

    Consume it within `passes.plain_errors()`: an error of ours comes out of it inside one of Ray's.

    Args:
        source: what is read.
        columns: of it; default: all.
        work: called with each fragment's rows in the task that has read them; its result is given in their place. A
            step of Ray Data behind this one would get them when the task has read all of its fragments.
        begun: takes note of fragments, by their place, while they are read and worked on.
    """
    source.schema()
    if not source.settled:  # a stream cannot begin again with a wider type
        scan(source, _nothing)

    noted = nullcontext if begun is None else begun.item

    def task(batch: pa.Table) -> Iterator[pa.Table]:
        for place, packed in zip(batch.column("index").to_pylist(), batch.column("item").to_pylist(), strict=True):
            with noted(place):
                rows = source.read(pickle.loads(packed), columns)
                yield rows if work is None else work(rows)

    fragments = passes.dataset(source.fragments())
    return fragments.map_batches(task, batch_format="pyarrow", batch_size=None, **passes.retried())


def _nothing(frame: pl.DataFrame, fragment: Fragment) -> None:  # noqa: ARG001
    return None
