"""`rayline lake create | append | list | show | snapshots | read | compact | expire | ingest`"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rayline.cli._lake_options import Name, Root
from rayline.cli._lake_show import list_, show, snapshots
from rayline.cli._lake_upkeep import compact, expire, ingest
from rayline.cli._options import AsJson
from rayline.core.redact import redact
from rayline.core.shown import counted

if TYPE_CHECKING:
    from rayline.lake.table import Appended

app = typer.Typer(help="The lake: tables and files in snapshots, raw and curated.", no_args_is_help=True)


class Zone(StrEnum):
    RAW = "raw"
    CURATED = "curated"


class Kind(StrEnum):
    TABLE = "table"
    FILES = "files"


def create(
    name: Name,
    zone: Annotated[Zone, typer.Option("--zone", help="raw: as it came; curated: columns are declared.")] = Zone.RAW,
    schema: Annotated[
        str | None,
        typer.Option(
            "--schema",
            metavar="COLUMNS",
            help="NAME:TYPE, … (integer, number, text, boolean, date, time); a ! after: never missing.",
        ),
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
        print(f"{name}: {counted(done.rows)}, snapshot {done.snapshot}")
        for line in _differing(done):
            print(line)


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
        print(f"wrote {counted(count)} of {name} to {redact(output)}")


def _differing(done: Appended) -> Iterator[str]:
    """In which columns the rows and the table differed."""
    from rayline.core.errors import listing

    if done.new_columns:
        yield f"  new columns, missing in the rows before: {listing(done.new_columns)}"
    if done.absent_columns:
        yield f"  the table's columns that these rows lack, missing in them: {listing(done.absent_columns)}"


def _moment(text: str | None) -> datetime | None:
    from rayline.core.errors import InputError

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--at {text!r} is no time. Write it as 2026-01-31, or 2026-01-31T12:00:00+01:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


app.command()(create)
app.command()(append)
app.command("list")(list_)
for command in (show, snapshots, read, compact, expire, ingest):
    app.command()(command)
