"""`rayline lake list | show | snapshots`: what is in the lake, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rayline.cli._lake_options import Name, Root
from rayline.cli._options import AsJson
from rayline.core.shown import counted

if TYPE_CHECKING:
    from rayline.lake.snapshot import State, Summary

NUMBERS = ("snapshot", "rows", "files", "size")


def list_(lake: Root = None, json: AsJson = False) -> None:
    """List the tables, with their newest snapshots."""
    from rayline.cli._show import console, make_table, print_json, print_table
    from rayline.lake.lake import Lake

    found = Lake(lake)
    entries = found.tables()
    if json:
        print_json({"lake": found.place.shown(), "tables": [asdict(entry) for entry in entries]})
        return
    if not entries:
        print("the lake is empty. Make a table with: rayline lake create NAME")
        return
    table = make_table("table", "zone", "kind", "snapshot", "written", "rows", "files", "size", numbers=NUMBERS)
    for entry in entries:
        last = entry.last
        table.add_row(
            entry.name, entry.zone, entry.kind, str(last.number), _when(last.time), f"{last.rows:,}", f"{last.files:,}",
            _size(last.size_bytes),
        )  # fmt: skip
    print_table(console(), table)


def show(name: Name, lake: Root = None, json: AsJson = False) -> None:
    """Show a table: columns, partitions, rows, bytes, snapshots, positions of streams."""
    from rich.table import Table as Grid
    from rich.text import Text

    from rayline.cli._show import console, make_table, print_json, print_table
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
    columns = make_table("column", "type", "missing")
    for column in state.columns:
        columns.add_row(column.name, column.kind.replace("[", r"\["), "" if column.nullable else "never")
    out.print()
    print_table(out, columns)


def snapshots(
    name: Name,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, help="Show so many; --json gives all.")] = 100,
    lake: Root = None,
    json: AsJson = False,
) -> None:
    """List a table's snapshots, newest first."""
    from rayline.cli._show import console, make_table, print_json, print_table
    from rayline.lake.lake import Lake

    history = Lake(lake).open(name).latest().history
    if json:
        print_json({"name": name, "snapshots": [_json(summary) for summary in reversed(history)]})
        return
    table = make_table("snapshot", "written (UTC)", "by", "batch", "rows", "files", "size", numbers=NUMBERS)
    for summary in reversed(history[-most:]):
        table.add_row(
            str(summary.number), _when(summary.time), summary.operation, summary.batch or "", f"{summary.rows:,}",
            f"{summary.files:,}", _size(summary.size_bytes),
        )  # fmt: skip
    print_table(console(), table)
    if len(history) > most:
        print(f"and {len(history) - most:,} older ones; all with --most {len(history)}")


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
        count = "" if rows is None else f", {counted(rows)}"
        batch = "" if summary.batch is None else f", batch {summary.batch!r}"
        yield "last append", f"snapshot {summary.number} at {_when(summary.time)} UTC{count}{batch}"
    if state.batches:
        yield "batches", f"{counted(len(state.batches), 'id')}; each counts once"
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
