"""The lake: a raw and a curated zone, each a folder of tables.

LAKE/raw/NAME/      as it came: columns may be left to the first batch
LAKE/curated/NAME/  fit to learn from: columns are declared
    snapshots/0000000007.json   data/[COLUMN=VALUE/]….parquet   objects/ab/abcd….png
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from rayline.core.errors import InputError, NotFoundError, listing, nearest
from rayline.core.home import home
from rayline.lake.columns import Column, Columns, checked
from rayline.lake.log import Log, name_of, now
from rayline.lake.partitions import check_partitions
from rayline.lake.place import Place
from rayline.lake.snapshot import Change, Kind, State, Summary, Zone
from rayline.lake.table import Table

ZONES: tuple[Zone, ...] = get_args(Zone)
NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9_-]{0,199}"
FILES: Columns = (
    Column("path", "string", nullable=False),
    Column("size", "int64", nullable=False),
    Column("sha256", "string", nullable=False),
    Column("object", "string", nullable=False),
)
"""Columns of every files table: the name a file came with, its bytes and their digest, and where they are kept."""
MEDIA = ("image", "audio", "text", "video")


@dataclass(frozen=True)
class Entry:
    """One table in a listing."""

    name: str
    zone: Zone
    kind: Kind
    last: Summary


def root(uri: str | None = None) -> str:
    """Where the lake is: `uri`, else `RAYLINE_LAKE`, else `RAYLINE_HOME/lake`."""
    return uri or os.environ.get("RAYLINE_LAKE") or str(home() / "lake")


class Lake:
    """Tables below one URI, a local folder or `s3://`.

    Raises:
        StorageError: a place that a lake cannot be kept at.
    """

    def __init__(self, uri: str | None = None) -> None:
        self.place = Place(root(uri))

    def tables(self) -> list[Entry]:
        """Every table, by zone and name; reads one small file of each."""
        found = []
        for zone in ZONES:
            for name in self.place.folders(zone):
                log = Log(self.place.below(zone, name))
                newest = log.newest()
                if newest is not None:
                    found.append(Entry(name, zone, *newest))
        return found

    def open(self, name: str) -> Table:
        """The table of this name, in either zone.

        Raises:
            NotFoundError: there is none.
        """
        check_name(name)
        for zone in ZONES:
            place = self.place.below(zone, name)
            if place.exists(name_of(0)):
                return Table(name, zone, place)
        names = [entry.name for entry in self.tables()]
        held = f"Tables: {listing(names)}." if names else "It is empty; make one with: rayline lake create NAME"
        raise NotFoundError(f"the lake {self.place.shown()} has no table {name!r}.{nearest(name, names)} {held}")

    def create(
        self, name: str, *, zone: Zone = "raw", kind: Kind = "table", columns: Columns = (), by: Sequence[str] = ()
    ) -> Table:
        """A new table without rows: snapshot 0.

        Args:
            columns: declared columns; of a files table those beside FILES. May be empty in the raw zone, where the
                first batch brings them.
            by: partition columns.

        Raises:
            InputError: there is one of this name, or columns that a table cannot have.
            StorageError: the place cannot be written, or does not keep commits apart.
        """
        check_name(name)
        if kind == "files":
            columns = _files_columns(columns)
        if not columns and zone == "curated":
            raise InputError(
                f"a curated table declares its columns: give --schema or --like, or create {name} in --zone raw."
            )
        if columns:
            check_partitions(by, columns)
        self.place.prove_exclusive()
        made = False
        taken = [other for other in ZONES if self.place.below(other, name).exists(name_of(0))]
        if not taken:
            first = Summary(0, now(), "create", None, 0, 0, 0)
            state = State(zone, kind, tuple(by), columns, (first,))
            made = Log(self.place.below(zone, name)).begin(state, Change("create"))
        if not made:
            raise InputError(
                f"there is a table {name!r} in the {(taken or [zone])[0]} zone already. Choose another name."
            )
        return Table(name, zone, self.place.below(zone, name))


def check_name(name: str) -> str:
    """`name`, if a table may be called so.

    Raises:
        InputError: it may not.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise InputError(
            f"{name[:60]!r} cannot name a table: use letters, digits, '-' and '_' of ASCII, beginning with a letter or "
            "digit, 200 at most."
        )
    return name


def _files_columns(labels: Columns) -> Columns:
    kept = [column.name for column in labels if column.name in MEDIA]
    if kept:
        raise InputError(
            f"a files table cannot have a column {kept[0]!r}: files are read as {listing(MEDIA)}. Name it otherwise."
        )
    own = {column.name for column in FILES}
    return checked((*FILES, *(column for column in labels if column.name not in own)), "--schema")
