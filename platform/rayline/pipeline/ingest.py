"""`rayline lake ingest`: a stream into a table of the lake, each record exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from rayline.core import catalog
from rayline.core.errors import InputError, listing
from rayline.lake.ingest import MAX_ROWS, Ingested
from rayline.lake.ingest import ingest as run
from rayline.lake.lake import Lake
from rayline.lake.table import Appended
from rayline.pipeline.given import as_config


def ingest(
    source: str,
    name: str,
    *,
    max_batches: int | None = None,
    seconds: float | None = None,
    max_rows: int = MAX_ROWS,
    key: str | None = None,
    compact_after: int | None = None,
    lake: str | None = None,
    on_batch: Callable[[Appended, Any], None] | None = None,
) -> Ingested:
    """Append micro-batches of a stream until there were `max_batches`, `seconds` have passed, or Ctrl-C.

    Begins where the table's newest snapshot says that the last call ended. `key` is what the table keeps that position
    under; default: the stream's own, the same however its brokers are listed. `compact_after` is how many small files
    a partition may end in before they are merged; `None`: any number.

    Raises:
        InputError: a source without an end to wait for, or a limit below 1.
        NotFoundError: there is no such table.
        DataError, RunError, StorageError: as `rayline.lake.ingest.ingest`.
    """
    for option, value in (
        ("--max-batches", max_batches),
        ("--seconds", seconds),
        ("--max-rows", max_rows),
        ("--compact-after", compact_after),
    ):
        if value is not None and value <= 0:
            raise InputError(f"{option} {value}: give more than 0.")
    config = as_config(source)
    if not hasattr(config, "stream"):
        kinds = [kind for kind in catalog.names("source") if hasattr(catalog.config_class("source", kind), "stream")]
        raise InputError(
            f"{source!r} has an end, so there is nothing to wait for: rayline lake append {name} {source}. "
            f"Streams: {listing(kinds)}."
        )
    table = Lake(lake).open(name)
    if table.latest().kind == "files":
        raise InputError(f"{name} is a table of files, and a stream gives rows. Create one without --kind files.")
    with closing(config.stream()) as stream:
        return run(
            table,
            stream,
            key=key,
            max_batches=max_batches,
            seconds=seconds,
            max_rows=max_rows,
            compact_after=compact_after,
            on_batch=on_batch,
        )
