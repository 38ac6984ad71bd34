"""Compaction: small files become larger ones, as a new snapshot with the same rows.

Choose it after many small appends, such as a stream's: each file costs a reader one opening and, on S3, one request.
Neighbours within a partition are merged, so that every row keeps its place and its key; old snapshots keep their files.

`compact` merges all there is to merge. `compact(after=N)` goes along with appends: it looks at partitions that more
than N small files end, and merges the newest of them with older ones not much larger than all these together. So a row
is written again about as often as its file's size doubles, and not with each turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rayline.core.errors import RunError, StorageError
from rayline.lake import parquet
from rayline.lake.snapshot import Change, DataFile, FileChange, State, Value, apply
from rayline.lake.table import Table

SMALL_BYTES = parquet.FILE_BYTES // 2
"""Files that take less than this once read are merged with their neighbours."""
SPAN = 2
"""How many times larger than all that came after it together a file may be that is merged with it."""
TURNS = 3


@dataclass(frozen=True)
class Compacted:
    snapshot: int
    """The newest snapshot, whether compaction made it or found nothing to do."""
    before: int
    """Files."""
    after: int


def compact(table: Table, *, after: int | None = None) -> Compacted:
    """Merge small files.

    Args:
        after: merge only the newest files of partitions that more than so many small ones end.

    Raises:
        RunError: other compactions were faster, several times.
        DataError: a file is gone or damaged.
        StorageError: the place cannot be written.
    """
    for _ in range(TURNS):
        state = table.latest()
        runs = list(_runs(state) if after is None else _newest(state, after))
        if not runs:
            return Compacted(state.number, state.last.files, state.last.files)
        change = Change("compact", _merged(table, state, runs))

        def plan(newest: State, change: Change = change) -> Change | None:
            return change if _fits(newest, change) else None

        newest, made = table.log.commit(plan)
        if made:
            gained = sum(len(part.old) - len(part.new) for part in change.files)
            return Compacted(newest.number, newest.last.files + gained, newest.last.files)
        table.place.delete([file.path for part in change.files for file in part.new])
    raise RunError(
        f"{table.name}: other compactions were faster {TURNS} times. Nothing was changed; run one at a time."
    )


def mergeable(state: State) -> int:
    """How many files `compact` would merge."""
    return sum(len(files) for _, files in _runs(state))


def due(state: State, after: int) -> bool:
    """Whether `compact(after=after)` would do something."""
    return any(True for _ in _newest(state, after))


def _newest(state: State, after: int) -> Iterator[tuple[tuple[Value, ...], tuple[DataFile, ...]]]:
    """The newest files of each partition that more than `after` small ones end, and older ones that fit them."""
    for values, files in state.partitions.items():
        first = len(files)
        while first and files[first - 1].read_bytes < SMALL_BYTES:
            first -= 1
        if len(files) - first <= after:
            continue
        place = len(files)
        size = 0
        while place > first:
            more = files[place - 1].read_bytes
            # a file that is larger is left for when as much has come behind it
            enough = len(files) - place >= max(2, after // 2)
            if size + more > parquet.FILE_BYTES or (enough and more > SPAN * size):
                break
            place, size = place - 1, size + more
        if len(files) - place > 1:
            yield values, files[place:]


def _runs(state: State) -> Iterator[tuple[tuple[Value, ...], tuple[DataFile, ...]]]:
    """Neighbours worth merging, at most a full file together."""
    for values, files in state.partitions.items():
        run: list[DataFile] = []
        size = 0
        for file in files:
            small = file.read_bytes < SMALL_BYTES
            if not small or size + file.read_bytes > parquet.FILE_BYTES:
                if len(run) > 1:
                    yield values, tuple(run)
                run, size = [], 0
            if small:
                run.append(file)
                size += file.read_bytes
        if len(run) > 1:
            yield values, tuple(run)


def _merged(
    table: Table, state: State, runs: Sequence[tuple[tuple[Value, ...], tuple[DataFile, ...]]]
) -> tuple[FileChange, ...]:
    """Every run as larger files; none of them stays where one cannot be made."""
    made: list[FileChange] = []
    try:
        for values, files in runs:
            made.extend(_merge(table, state, values, files))
    except BaseException:
        with suppress(StorageError):  # what is left is removed when the table is expired
            table.place.delete([file.path for part in made for file in part.new])
        raise
    return tuple(made)


def _merge(table: Table, state: State, values: tuple[Value, ...], files: tuple[DataFile, ...]) -> Iterator[FileChange]:
    weights = "size" if state.kind == "files" else None
    writer = parquet.Writer(table.place, state.columns, state.by, weights=weights)
    try:
        for piece in parquet.pieces(files, 0, values):
            writer.write(table.read(state, piece))
        written = writer.finish()
    except BaseException:
        writer.discard()
        raise
    for part in written:
        yield FileChange(values, part.new, tuple(file.path for file in files))


def _fits(state: State, change: Change) -> bool:
    try:
        apply(state, change, state.number + 1, state.last.time)
    except (KeyError, ValueError):
        return False
    return True
