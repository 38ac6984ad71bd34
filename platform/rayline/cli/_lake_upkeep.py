"""`rayline lake compact | expire | ingest`: what keeps a table small, and what keeps it growing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from rayline.cli._lake_options import Name, Root
from rayline.cli._options import AsJson
from rayline.core.shown import counted


def compact(name: Name, lake: Root = None, json: AsJson = False) -> None:
    """Merge small files into larger ones; rows, their order and their keys stay."""
    from rayline.cli._show import print_json
    from rayline.lake.compact import compact as run
    from rayline.lake.lake import Lake

    done = run(Lake(lake).open(name))
    if json:
        print_json({"name": name, **asdict(done)})
    elif done.before == done.after:
        print(f"{name}: nothing to merge in {counted(done.before, 'file')}")
    else:
        print(f"{name}: {counted(done.before, 'file')} became {done.after:,}, snapshot {done.snapshot}")


def expire(
    name: Name,
    keep: Annotated[int, typer.Option("--keep", metavar="N", help="Snapshots to keep, the newest.")],
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """Give up old snapshots and remove the files that only they need."""
    from rayline.cli._show import print_json
    from rayline.lake.expire import expire as run
    from rayline.lake.lake import Lake

    done = run(Lake(lake).open(name), keep)
    if json:
        print_json({"name": name, **asdict(done)})
    else:
        given_up, removed = counted(done.snapshots, "snapshot"), counted(done.files, "file")
        print(f"{name}: gave up {given_up}, removed {removed}; oldest is {done.oldest}")


def ingest(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A stream in YAML: '{name: kafka, brokers: …, topic: …}', or mqtt.")
    ],
    name: Name,
    max_batches: Annotated[int | None, typer.Option("--max-batches", metavar="N", help="End after so many.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", metavar="S", help="End after so long.")] = None,
    max_rows: Annotated[int, typer.Option("--max-rows", metavar="N", help="Of one micro-batch.")] = 10_000,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="What the position is kept under; default: the stream.")
    ] = None,
    compact_after: Annotated[
        int | None,
        typer.Option(
            "--compact-after",
            metavar="N",
            help="Merge small files beside the appends, once a partition ends in more than N.",
        ),
    ] = None,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """Append a stream in micro-batches, each record exactly once, until Ctrl-C."""
    from rayline.cli._show import print_json
    from rayline.pipeline.ingest import ingest as run

    def tell(added: Any, position: Any) -> None:
        print(f"{name}: {counted(added.rows)}, snapshot {added.snapshot}, up to {position}", flush=True)

    done = run(
        source, name, max_batches=max_batches, seconds=seconds, max_rows=max_rows, key=key, lake=lake,
        compact_after=compact_after, on_batch=None if json else tell,
    )  # fmt: skip
    if json:
        print_json({"name": name, **asdict(done)})
    else:
        begins = f"; the next begins at {done.position}" if done.position else ""
        print(f"{name}: {counted(done.rows)} in {counted(done.batches, 'micro-batch')}{begins}")
