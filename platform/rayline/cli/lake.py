"""`rayline lake create | append | list | show | snapshots | read | compact | expire | ingest`"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rayline.cli._options import AsJson
from rayline.core.redact import redact

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from rayline.lake.snapshot import State, Summary

app = typer.Typer(help="The lake: tables and files in snapshots, raw and curated.", no_args_is_help=True)


class Zone(StrEnum):
    RAW = "raw"
    CURATED = "curated"


class Kind(StrEnum):
    TABLE = "table"
    FILES = "files"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The table.")]
Root = Annotated[
    str | None,
    typer.Option(
        "--lake", metavar="URI", help="A folder, s3://… or gs://…; default: RAYLINE_LAKE, else RAYLINE_HOME/lake."
    ),
]


@app.command()
def create(
    name: Name,
    zone: Annotated[Zone, typer.Option("--zone", help="raw: as it came; curated: columns are declared.")] = Zone.RAW,
    schema: Annotated[
        str | None,
        typer.Option("--schema", metavar="COLUMNS", help="NAME:TYPE, …; a ! after the type: never missing."),
    ] = None,
    like: Annotated[str | None, typer.Option("--like", metavar="DATA", help="Take the columns of this data.")] = None,
    partition: Annotated[
        list[str], typer.Option("--partition", metavar="COLUMN", help="A column that parts the files. Repeatable.")
    ] = [],
    kind: Annotated[
        Kind, typer.Option("--kind", help="table: rows; files: images, audio, text or video with labels.")
    ] = Kind.TABLE,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """Create an empty table."""
    from rayline.cli._show import print_json
    from rayline.pipeline import lake as room

    table = room.create(name, zone=zone.value, kind=kind.value, schema=schema, like=like, by=partition, lake=lake)
    columns = [str(column) for column in table.latest().columns]
    if json:
        print_json({"name": name, "zone": table.zone, "columns": columns, "partition": partition})
        return
    print(f"created {name} in the {table.zone} zone: {', '.join(columns) or 'columns come with the first batch'}")
    print(f"next    rayline lake append {name} DATA")


@app.command()
def append(
    name: Name,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Any source; for files a folder or a manifest.")],
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="ID", help="What tells it from others: twice counts once.")
    ] = None,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """Append data as one snapshot: wholly in, or wholly out."""
    from rayline.cli._show import print_json
    from rayline.pipeline import lake as room

    done = room.append(name, data, batch=batch, lake=lake)
    if json:
        print_json({"name": name, **asdict(done)})
    elif done.repeated:
        print(f"{name}: batch {batch!r} is in already, by snapshot {done.snapshot}; nothing was added")
    else:
        print(f"{name}: {done.rows:,} rows, snapshot {done.snapshot}")


@app.command("list")
def list_(lake: Root = None, json: AsJson = False) -> None:
    """List the tables, with their newest snapshots."""
    from rayline.cli._show import console, print_json
    from rayline.lake.lake import Lake

    found = Lake(lake)
    entries = found.tables()
    if json:
        print_json({"lake": found.place.shown(), "tables": [asdict(entry) for entry in entries]})
        return
    if not entries:
        print("the lake is empty. Make a table with: rayline lake create NAME")
        return
    table = _table("table", "zone", "kind", "snapshot", "written", "rows", "files", "size")
    for entry in entries:
        last = entry.last
        table.add_row(
            entry.name, entry.zone, entry.kind, str(last.number), _when(last.time), f"{last.rows:,}", f"{last.files:,}",
            _size(last.size_bytes),
        )  # fmt: skip
    console().print(table)


@app.command()
def show(name: Name, lake: Root = None, json: AsJson = False) -> None:
    """Show a table: columns, partitions, rows, bytes, snapshots, positions of streams."""
    from rich.table import Table as Grid
    from rich.text import Text

    from rayline.cli._show import console, print_json
    from rayline.lake import media
    from rayline.lake.lake import Lake

    table = Lake(lake).open(name)
    state = table.latest()
    held = media.content_bytes(table, state) if state.kind == "files" else 0
    if json:
        print_json(_told(name, state, held, table.place.shown()))
        return
    out = console()
    what = f"a table of files ({state.media or 'none yet'})" if state.kind == "files" else "a table of rows"
    out.print(f"[bold]{name}[/]  {what} in the {state.zone} zone", markup=True)
    facts = Grid.grid(padding=(0, 2, 0, 0))
    for label, value in _facts(name, state, held, table.place.shown()):
        facts.add_row(f"  {label}", Text(value, overflow="fold"))
    out.print(facts)
    columns = _table("column", "type", "missing")
    for column in state.columns:
        columns.add_row(column.name, column.kind.replace("[", r"\["), "" if column.nullable else "never")
    out.print()
    out.print(columns)


def _facts(name: str, state: State, held: int, place: str) -> Iterator[tuple[str, str]]:
    """What `show` says of a table, line by line."""
    from rayline.lake.compact import mergeable

    last, small, added = state.last, mergeable(state), _last_append(state)
    yield "rows", f"{last.rows:,}"
    yield (
        "files",
        f"{last.files:,} of Parquet, {_size(last.size_bytes)}{f', and {_size(held)} of content' if held else ''}",
    )
    if small:
        yield "", f"{small:,} are small: rayline lake compact {name}"
    if state.by:
        yield "partitions", f"{len(state.partitions):,} by {', '.join(state.by)}"
    yield "snapshots", f"{state.oldest} to {last.number}, by {last.operation} at {_when(last.time)} UTC"
    if added is not None:
        summary, rows = added
        count = "" if rows is None else f", {rows:,} rows"
        batch = "" if summary.batch is None else f", batch {summary.batch!r}"
        yield "last append", f"snapshot {summary.number} at {_when(summary.time)} UTC{count}{batch}"
    if state.batches:
        yield "batches", f"{len(state.batches):,} ids; each counts once"
    for stream, position in state.streams.items():
        yield "stream", stream
        at = position.items() if isinstance(position, dict) else [("at", position)]
        yield "", "in up to " + ", ".join(f"{part}: {number}" for part, number in at)
    yield "place", place


def _told(name: str, state: State, held: int, place: str) -> dict[str, Any]:
    from rayline.lake.compact import mergeable

    last, added = state.last, _last_append(state)
    return {
        "name": name,
        "zone": state.zone,
        "kind": state.kind,
        "media": state.media,
        "columns": [asdict(column) for column in state.columns],
        "partition": state.by,
        "partitions": len(state.partitions),
        "rows": last.rows,
        "files": last.files,
        "small_files": mergeable(state),
        "size_bytes": last.size_bytes,
        "content_bytes": held,
        "snapshots": {"oldest": state.oldest, "newest": last.number, "count": len(state.history)},
        "last_append": None if added is None else {**_json(added[0]), "added_rows": added[1]},
        "batches": len(state.batches),
        "streams": dict(state.streams),
        "place": place,
    }


def _last_append(state: State) -> tuple[Summary, int | None] | None:
    """The last snapshot that an append made and the rows it brought, if that and the one before are kept."""
    for place in range(len(state.history) - 1, -1, -1):
        summary = state.history[place]
        if summary.operation == "append":
            return summary, summary.rows - state.history[place - 1].rows if place else None
    return None


@app.command()
def snapshots(
    name: Name,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, help="Show so many; --json gives all.")] = 100,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """List a table's snapshots, newest first."""
    from rayline.cli._show import console, print_json
    from rayline.lake.lake import Lake

    history = Lake(lake).open(name).latest().history
    if json:
        print_json({"name": name, "snapshots": [_json(summary) for summary in reversed(history)]})
        return
    table = _table("snapshot", "written (UTC)", "by", "batch", "rows", "files", "size")
    for summary in reversed(history[-most:]):
        table.add_row(
            str(summary.number), _when(summary.time), summary.operation, summary.batch or "", f"{summary.rows:,}",
            f"{summary.files:,}", _size(summary.size_bytes),
        )  # fmt: skip
    console().print(table)
    if len(history) > most:
        print(f"and {len(history) - most:,} older ones; all with --most {len(history)}")


@app.command()
def read(
    name: Name,
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help=".csv or .parquet; files: a folder.")],
    snapshot: Annotated[int | None, typer.Option("--snapshot", metavar="N", help="As of this snapshot.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As of this time: ISO 8601, UTC if no zone is named.")
    ] = None,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """Write a table to a file, as it is or as it was."""
    from rayline.cli._show import print_json
    from rayline.pipeline import lake as room

    count = room.read(name, output, snapshot=snapshot, at=_moment(at), lake=lake)
    if json:
        print_json({"name": name, "rows": count, "output": redact(output)})
    else:
        print(f"wrote {count:,} rows of {name} to {redact(output)}")


@app.command()
def compact(name: Name, lake: Root = None, json: AsJson = False) -> None:
    """Merge small files into larger ones; rows, their order and their keys stay."""
    from rayline.cli._show import print_json
    from rayline.lake.compact import compact as run
    from rayline.lake.lake import Lake

    done = run(Lake(lake).open(name))
    if json:
        print_json({"name": name, **asdict(done)})
    elif done.before == done.after:
        print(f"{name}: nothing to merge in {done.before:,} files")
    else:
        print(f"{name}: {done.before:,} files became {done.after:,}, snapshot {done.snapshot}")


@app.command()
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
        print(f"{name}: gave up {done.snapshots:,} snapshots, removed {done.files:,} files; oldest is {done.oldest}")


@app.command()
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
        print(f"{name}: {added.rows:,} rows, snapshot {added.snapshot}, up to {position}", flush=True)

    done = run(
        source, name, max_batches=max_batches, seconds=seconds, max_rows=max_rows, key=key, lake=lake,
        compact_after=compact_after, on_batch=None if json else tell,
    )  # fmt: skip
    if json:
        print_json({"name": name, **asdict(done)})
    else:
        print(f"{name}: {done.rows:,} rows in {done.batches:,} micro-batches; the next begins at {done.position}")


def _moment(text: str | None) -> datetime | None:
    from rayline.core.errors import InputError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--at {text!r} is no time. Write it as 2026-01-31, or 2026-01-31T12:00:00+01:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _table(*headings: str) -> RichTable:
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for heading in headings:
        right = heading in ("rows", "files", "size", "snapshot")
        # ids are as long as people make them, and give way
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "batch", overflow="fold")
    return table


def _json(summary: Summary) -> dict[str, Any]:
    return asdict(summary)


def _when(time: str) -> str:
    return time[:19].replace("T", " ")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
