"""Snapshots: what one commit changed, and the state of a table that the changes up to it make.

A snapshot is one immutable JSON file. It holds what its commit changed; every EVERY-th holds the whole state too, so
that any state is read from at most EVERY small files. Delta Lake does the same (a JSON file a commit, a checkpoint now
and then); Iceberg keeps lists of lists instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from rayline.core.errors import StorageError
from rayline.lake.columns import Column, Columns

FORMAT = 1
EVERY = 64
"""A snapshot whose number this divides holds the whole state."""

Zone = Literal["raw", "curated"]
Kind = Literal["table", "files"]
Operation = Literal["create", "append", "compact", "expire"]
Value = str | int | bool | None
"""A value of a partition column, JSON-able: dates as ISO text."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One immutable Parquet file."""

    path: str
    """Below the table's folder."""
    size_bytes: int
    groups: tuple[tuple[int, int], ...]
    """Rows, and bytes once read, of each row group."""

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.groups)

    @property
    def read_bytes(self) -> int:
        return sum(size for _, size in self.groups)


@dataclass(frozen=True)
class FileChange:
    """New files of one partition: after all others, or in place of `old`, a run of neighbours with the same rows."""

    values: tuple[Value, ...]
    new: tuple[DataFile, ...]
    old: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What a commit does."""

    operation: Operation
    files: tuple[FileChange, ...] = ()
    columns: Columns | None = None
    """The columns from here on, where they change."""
    batch: str | None = None
    digest: str | None = None
    """Of the batch's content."""
    streams: Mapping[str, Any] = field(default_factory=dict)
    """By stream, the position after the rows of this commit."""
    media: str | None = None
    """What the files of a files table are, once the first came."""
    oldest: int | None = None
    """Snapshots before this one are given up."""


@dataclass(frozen=True)
class Summary:
    """One line about a snapshot. `rows`, `files` and `size_bytes` are those of the table then."""

    number: int
    time: str
    """ISO 8601, UTC; later than that of every earlier snapshot."""
    operation: Operation
    batch: str | None
    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True)
class State:
    """A table as of one snapshot."""

    zone: Zone
    kind: Kind
    by: tuple[str, ...]
    """The partition columns."""
    columns: Columns
    history: tuple[Summary, ...]
    """Snapshots that can be read, oldest first; the last is this one."""
    partitions: Mapping[tuple[Value, ...], tuple[DataFile, ...]] = field(default_factory=dict)
    """Files in order. A partition's place here never changes, nor does a row's place in its partition."""
    batches: Mapping[str, int] = field(default_factory=dict)
    """Each batch that was ever appended, and by which snapshot."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The digest of each batch's content; of those that came before there were digests, none."""
    streams: Mapping[str, Any] = field(default_factory=dict)
    media: str | None = None
    oldest: int = 0

    @property
    def last(self) -> Summary:
        return self.history[-1]

    @property
    def number(self) -> int:
        return self.last.number

    def files(self) -> list[DataFile]:
        return [file for files in self.partitions.values() for file in files]


def base_of(number: int) -> int:
    """The snapshot from which the state at `number` is built up."""
    return number - number % EVERY


def apply(state: State, change: Change, number: int, time: str) -> State:
    """The state after `change`. Raises KeyError or ValueError where files it replaces are not there."""
    partitions = dict(state.partitions)
    rows, count, size = state.last.rows, state.last.files, state.last.size_bytes
    for part in change.files:
        present = partitions.get(part.values, ())
        place = len(present)
        gone: tuple[DataFile, ...] = ()
        if part.old:
            place = [file.path for file in present].index(part.old[0])
            gone = present[place : place + len(part.old)]
            if tuple(file.path for file in gone) != part.old:
                raise ValueError(f"files {part.old} are no neighbours in partition {part.values}")
        partitions[part.values] = present[:place] + part.new + present[place + len(gone) :]
        rows += sum(file.rows for file in part.new) - sum(file.rows for file in gone)
        count += len(part.new) - len(gone)
        size += sum(file.size_bytes for file in part.new) - sum(file.size_bytes for file in gone)
    oldest = state.oldest if change.oldest is None else change.oldest
    summary = Summary(number, time, change.operation, change.batch, rows, count, size)
    return replace(
        state,
        columns=change.columns or state.columns,
        history=(*(s for s in state.history if s.number >= oldest), summary),
        partitions=partitions,
        batches={**state.batches, change.batch: number} if change.batch is not None else state.batches,
        digests={**state.digests, change.batch: change.digest}
        if change.batch is not None and change.digest is not None
        else state.digests,
        streams={**state.streams, **change.streams},
        media=change.media or state.media,
        oldest=oldest,
    )


def to_json(state: State, change: Change, commit: str) -> dict[str, Any]:
    """The snapshot file of `state`, made by `change`; `commit` tells it from one that another process made."""
    made: dict[str, Any] = {
        "format": FORMAT,
        "commit": commit,
        "kind": state.kind,
        "summary": asdict(state.last),
        "changes": [
            {"partition": part.values, "old": part.old, "new": [_file(f) for f in part.new]} for part in change.files
        ],
    }
    if change.columns is not None:
        made["columns"] = _columns(change.columns)
    if change.digest is not None:
        made["digest"] = change.digest
    if change.streams:
        made["streams"] = dict(change.streams)
    if change.media is not None:
        made["media"] = change.media
    if change.oldest is not None:
        made["oldest"] = change.oldest
    if state.number == base_of(state.number):
        made["state"] = {
            "zone": state.zone,
            "by": state.by,
            "columns": _columns(state.columns),
            "media": state.media,
            "oldest": state.oldest,
            "batches": dict(state.batches),
            "digests": dict(state.digests),
            "streams": dict(state.streams),
            "history": [list(asdict(summary).values()) for summary in state.history],
            "partitions": [
                {"partition": values, "files": [_file(f) for f in files]} for values, files in state.partitions.items()
            ],
        }
    return made


def state_from_json(made: Mapping[str, Any]) -> State:
    """The state that a base snapshot holds."""
    kept = made["state"]
    return State(
        zone=kept["zone"],
        kind=made["kind"],
        by=tuple(kept["by"]),
        columns=_from_columns(kept["columns"]),
        history=tuple(Summary(*values) for values in kept["history"]),
        partitions={
            tuple(part["partition"]): tuple(_from_file(file) for file in part["files"]) for part in kept["partitions"]
        },
        batches=kept["batches"],
        digests=kept.get("digests", {}),
        streams=kept["streams"],
        media=kept["media"],
        oldest=kept["oldest"],
    )


def change_from_json(made: Mapping[str, Any]) -> Change:
    return Change(
        operation=made["summary"]["operation"],
        files=tuple(
            FileChange(tuple(part["partition"]), tuple(_from_file(f) for f in part["new"]), tuple(part["old"]))
            for part in made["changes"]
        ),
        columns=_from_columns(made["columns"]) if "columns" in made else None,
        batch=made["summary"]["batch"],
        digest=made.get("digest"),
        streams=made.get("streams", {}),
        media=made.get("media"),
        oldest=made.get("oldest"),
    )


def check_format(made: Any, where: str) -> None:
    """Raise unless this code reads such a snapshot.

    Raises:
        StorageError: it is no snapshot, or of another format.
    """
    found = made.get("format") if isinstance(made, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"{where} is a snapshot of format {found!r}; this Rayline reads format {FORMAT}. "
            "Use the version that wrote it."
        )


def _file(file: DataFile) -> list[Any]:
    return [file.path, file.size_bytes, file.groups]


def _from_file(kept: list[Any]) -> DataFile:
    return DataFile(kept[0], kept[1], tuple((rows, size) for rows, size in kept[2]))


def _columns(columns: Columns) -> list[list[Any]]:
    return [[column.name, column.kind, column.nullable] for column in columns]


def _from_columns(kept: list[list[Any]]) -> Columns:
    return tuple(Column(*values) for values in kept)
