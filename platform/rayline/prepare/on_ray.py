"""Prepared shards by Ray Data: fragments stream through map tasks that read, prepare and write them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import ray
import ray.data

from rayline.core.columns import Target
from rayline.core.errors import RaylineError
from rayline.prepare.preparation import Preparation
from rayline.prepare.shards import Assign, Source, total, write_fragment

TASKS_PER_CPU = 4


def write_shards(
    source: Source,
    preparation: Preparation,
    target: Target,
    assign: Assign,
    folder: str,
    *,
    columns: Sequence[str] = (),
) -> dict[str, int]:
    """Prepare every fragment on the cluster; arguments, result and files are those of `prepare.shards.write_shards`.

    The task reads its fragment itself: blocks handed over from a read task would be written to the object store and
    read again (half the speed on two cores, see DESIGN). Only the counts come back.

    Raises:
        DataError: rows that cannot be read or prepared.
        StorageError: the folder cannot be written.
    """
    fragments = source.fragments()

    def prepare(row: dict[str, Any]) -> dict[str, Any]:
        place = int(row["id"])
        outcome: dict[str, int] | RaylineError
        try:
            outcome = write_fragment(
                source, fragments[place], preparation, target, assign=assign, folder=folder, columns=columns
            )
        except RaylineError as error:  # carried as a value: Ray Data would wrap it in an error of its own
            outcome = error
        return {"place": place, "outcome": pickle.dumps(outcome)}

    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    with ray.data.DataContext.current(context):
        tasks = max(1, int(ray.cluster_resources().get("CPU", 1))) * TASKS_PER_CPU
        rows = ray.data.range(len(fragments), override_num_blocks=min(len(fragments), tasks)).map(prepare).take_all()
    written = []
    for row in sorted(rows, key=lambda row: row["place"]):
        outcome = pickle.loads(row["outcome"])
        if isinstance(outcome, RaylineError):
            raise outcome
        written.append(outcome)
    return total(written)
