"""A pass of Ray Data over a list of items, such as the fragments of a source: each task works on its own items.

Only what the work returns comes back, pickled; errors of ours come back as themselves, and Ray Data's log stays off
the terminal.
"""

from __future__ import annotations

import logging
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError

from rayline.cluster.begun import Begun
from rayline.cluster.environment import RETRIES
from rayline.core.errors import RaylineError, RunError, listing

T = TypeVar("T")
R = TypeVar("R")
TASKS_PER_CPU = 4
ITEMS_PER_TASK = 4
"""A task of fewer costs more than it evens out: results of one task are made smaller together, and Ray Data looks for
tasks that are done every tenth of a second."""
IN_USE = re.compile(r"was (?P<used>[\d.]+GB)(?: used)? / (?P<all>[\d.]+GB)")
"""Memory of a machine, in the message of an error of Ray's memory monitor."""
RETRY_NOTE = "\nFailed to apply"
"""How the advice begins that Ray Data adds to the message of an error in a task."""


@dataclass(frozen=True)
class Failed:
    """An item's error, carried as a value: Ray Data would wrap it in its own."""

    error: RaylineError


def fan_out(
    items: Sequence[T], work: Callable[[T], R], *, lighten: Callable[[list[R]], list[R]] | None = None
) -> list[R]:
    """`work(item)` for each item, in tasks on the cluster; results in the order of the items.

    Args:
        items: what is worked on; pickled.
        work: called in a task.
        lighten: makes the results of one task, as many and in order, smaller before they travel. Which items a task has
            depends on the cluster: what is made of all results must not.

    Raises:
        RaylineError: what of ours was raised in a task; of several, the first item's.
    """
    results: list[R] = []
    for outcome in outcomes(items, work, lighten=lighten):
        if isinstance(outcome, Failed):
            raise outcome.error
        results.append(outcome)
    return results


def outcomes(
    items: Sequence[T], work: Callable[[T], R], *, lighten: Callable[[list[R]], list[R]] | None = None
) -> list[R | Failed]:
    """As `fan_out`, with errors of ours as `Failed` in the place of results."""
    begun = Begun()

    def task(batch: pa.Table) -> pa.Table:
        done: list[Any] = []
        for index, packed in zip(batch.column("index").to_pylist(), batch.column("item").to_pylist(), strict=True):
            try:
                with begun.item(index):
                    done.append(work(pickle.loads(packed)))
            except RaylineError as error:
                done.append(Failed(error))
        if lighten is not None:
            lighter = iter(lighten([outcome for outcome in done if not isinstance(outcome, Failed)]))
            done = [outcome if isinstance(outcome, Failed) else next(lighter) for outcome in done]
        packed_again = pa.array([ray.cloudpickle.dumps(outcome) for outcome in done], pa.large_binary())
        return pa.table({"index": batch.column("index"), "outcome": packed_again})

    with plain_errors(lambda: [_name(items[index]) for index in begun.unfinished()]):
        pieces = dataset(items, reserve=False)
        rows = pieces.map_batches(task, batch_format="pyarrow", batch_size=None, **retried()).take_all()
    packed = {row["index"]: row["outcome"] for row in rows}
    return [pickle.loads(packed[index]) for index in range(len(items))]


def retried() -> dict[str, Any]:
    """Options of `map_batches`: how often a task whose process died begins again.

    As plain options: with `ray_remote_args_fn` Ray Data would no longer run one step after the other in one task.
    """
    # nothing else sets it in this version of Ray, which warns of the way it is given and names no other
    warnings.filterwarnings("ignore", message="`ray_remote_args` is deprecated", category=DeprecationWarning)
    return {"max_retries": RETRIES}


def dataset(items: Sequence[Any], *, reserve: bool = True) -> ray.data.Dataset:
    """The items, pickled in a column `item` beside their `index`, in a few blocks for each CPU, order kept.

    Without `reserve` every CPU is used at once, and nothing holds tasks back where blocks outgrow the object store:
    for passes whose results are small.
    """
    rows = [{"index": index, "item": pickle.dumps(item)} for index, item in enumerate(items)]
    cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    blocks = min(len(rows), max(cpus, min(cpus * TASKS_PER_CPU, -(-len(rows) // ITEMS_PER_TASK))))
    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    # reserving resources for each operator runs one task at a time on two CPUs: measured, half the speed
    context.op_resource_reservation_enabled = reserve
    context.raise_original_map_exception = True  # else nothing but its text comes back
    with ray.data.DataContext.current(context):
        return ray.data.from_items(rows, override_num_blocks=blocks)


@contextmanager
def plain_errors(unfinished: Callable[[], Sequence[str]] = tuple) -> Iterator[None]:
    """Raise an error of ours that a Ray task raised as itself, and one of processes that died as ours; keep Ray Data's
    own log off the terminal.

    Args:
        unfinished: names what processes worked on when they died, where that is known.
    """
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
    except OutOfMemoryError as error:
        raise RunError(
            f"there is too little memory to work on {_what(unfinished())}: Ray killed the process that did so, and "
            f"those that began its work anew. {_memory(error)}Write the data in smaller pieces (files, row groups) or "
            "with fewer columns, give Ray fewer CPUs so that fewer pieces are worked on at once, or take a machine "
            "with more memory."
        ) from error
    except (WorkerCrashedError, NodeDiedError) as error:
        raise RunError(
            f"a process that worked on {_what(unfinished())} died, and so did those that began its work anew: "
            f"{_first(error)} Mostly it needs more memory than there is: give fewer CPUs to Ray, or write the data in "
            "smaller pieces."
        ) from error
    finally:
        for console, level in zip(consoles, levels, strict=True):
            console.setLevel(level)


def _first(error: Exception) -> str:
    """The first sentence of one of Ray's messages."""
    return str(error).strip().partition(". ")[0].partition("\n")[0].rstrip(".") + "."


def _name(item: object) -> str:
    return str(getattr(item, "label", item))


def _what(unfinished: Sequence[str]) -> str:
    return listing(unfinished, 3) if unfinished else "the data"


def _memory(error: OutOfMemoryError) -> str:
    """How much of the machine's memory was in use, where Ray tells it."""
    found = IN_USE.search(str(error))
    return "" if found is None else f"{found['used']} of {found['all']} were in use. "
