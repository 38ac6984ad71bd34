"""Compaction keeps every row, its order and its place; expiry removes what nothing needs, and that alone."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import pyarrow as pa
import pytest
from lake_parts import append, content, create, places

from rayline.core.errors import DataError, InputError, RunError, StorageError
from rayline.lake import parquet
from rayline.lake.columns import parse
from rayline.lake.compact import compact, due
from rayline.lake.expire import expire
from rayline.lake.lake import Lake
from rayline.lake.log import GUARD_S
from rayline.lake.place import Place
from rayline.lake.table import Table

EVERY = 8


@pytest.fixture(autouse=True)
def whole_states_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.lake.snapshot.EVERY", EVERY)


def keys(table: Table) -> list[tuple[int, int, dict[str, object]]]:
    """Every row with its partition and its place there."""
    state = table.latest()
    return [
        (piece.partition, piece.first_row + n, row)
        for piece in table.pieces(state)
        for n, row in enumerate(table.read(state, piece).to_pylist())
    ]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_compaction_keeps_rows_order_and_places(uri: str) -> None:
    table = create(uri)
    for batch in range(6):
        append(uri, batch)
    before, old = keys(table), content(table, table.at(3))
    done = compact(table)
    assert (done.snapshot, done.before, done.after) == (7, 12, 2)
    assert keys(Lake(uri).open("people")) == before
    assert content(table, table.at(3)) == old
    again = compact(table)
    assert (again.snapshot, again.before, again.after) == (7, 2, 2)
    append(uri, 6)
    assert keys(Lake(uri).open("people"))[: 6 * 3] == before[: 6 * 3]


def test_compaction_leaves_files_that_are_large_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FILE_BYTES", 3_000)
    monkeypatch.setattr("rayline.lake.compact.SMALL_BYTES", 1_500)
    table = create(str(tmp_path), by=())
    for batch, count in enumerate([1, 1, 100, 1, 1, 1, 30, 30]):
        append(str(tmp_path), batch, count=count)
    before = keys(table)
    compact(table)
    assert [file.rows for file in table.latest().files()] == [2, 100, 63]
    assert keys(table) == before


@pytest.mark.parametrize("after", [4, 16])
def test_compaction_beside_appends_keeps_files_few_and_writes_a_row_seldom(tmp_path: Path, after: int) -> None:
    uri = str(tmp_path)
    table = create(uri)
    count = written = 0
    for batch in range(80):
        append(uri, batch, count=2 + 2 * (batch % 3))
        before = set(table.latest().files())
        compact(table, after=after)
        new = set(table.latest().files()) - before
        written += sum(file.rows for file in new)
        count += 2 + 2 * (batch % 3)
        for files in table.latest().partitions.values():
            assert len(files) <= after
    assert not due(table.latest(), after)
    assert places(table) == {batch: list(range(2 + 2 * (batch % 3))) for batch in range(80)}
    found = keys(table)
    compact(table)
    assert keys(table) == found
    assert written < count * (2 + math.log2(80))


def test_compaction_beside_appends_touches_only_partitions_that_are_due(tmp_path: Path) -> None:
    uri = str(tmp_path)
    table = create(uri)
    for batch in range(3):
        append(uri, batch)
    for batch in range(3, 8):
        append(uri, batch, count=1)  # of Bonn alone
    assert due(table.latest(), 7)
    assert not due(table.latest(), 8)
    compact(table, after=7)
    assert {values: len(files) for values, files in table.latest().partitions.items()} == {("Bonn",): 1, ("Rome",): 3}
    assert compact(table, after=7).snapshot == 9


def test_expiry_removes_what_only_old_snapshots_need(uri: str) -> None:
    table = create(uri)
    for batch in range(4):
        append(uri, batch)
    compact(table)
    append(uri, 4)
    rows = content(table)
    done = expire(table, 2)
    assert (done.oldest, done.snapshots, done.files) == (5, 5, 8)
    table = Lake(uri).open("people")
    assert content(table) == rows
    assert content(table, table.at(5)) == [row for row in rows if row["batch"] < 4]
    with pytest.raises(InputError, match="has no snapshot 4; it has 5 to 7. It was expired"):
        table.at(4)
    assert len(Place(uri).tree("raw/people/data")) == 4
    assert append(uri, 2).repeated
    assert expire(table, 50).files == 0
    with pytest.raises(InputError, match="keep at least 1"):
        expire(table, 0)


def test_expiry_leaves_what_is_young_and_takes_what_is_left_over(tmp_path: Path) -> None:
    uri, folder = str(tmp_path), tmp_path / "raw" / "people"
    table = create(uri)
    append(uri, 0)
    strays = ["data/city=Bonn/dead.parquet", "snapshots/.0000000002.json.1.tmp"]
    for name in strays:
        (folder / name).write_bytes(b"left by a kill")
    named = files(folder) - set(strays)
    assert expire(table, 9).files == 0
    assert files(folder) == named | set(strays)
    past = time.time() - GUARD_S - 60
    for name in files(folder):  # all are old, and still only those that nothing names go
        os.utime(folder / name, (past, past))
    assert expire(table, 9).files == 2
    assert files(folder) == named


def test_old_snapshot_files_go_except_those_that_a_kept_one_builds_on(tmp_path: Path) -> None:
    uri, folder = str(tmp_path), tmp_path / "raw" / "people" / "snapshots"
    table = create(uri, by=())
    for batch in range(EVERY + 7):
        append(uri, batch, count=1)
    expire(table, 5, guard_s=-60)
    # 11 to 15 are kept; their states are built from the whole state in 8, and number 0 keeps the name
    last = EVERY + 8
    assert sorted(files(folder)) == [f"{n:010}.json" for n in (0, *range(EVERY, last + 1))]
    table = Lake(uri).open("people")
    assert [summary.number for summary in table.latest().history] == list(range(EVERY + 3, last + 1))
    for number in range(EVERY + 3, last + 1):
        assert len(places(table, table.at(number))) == min(number, EVERY + 7)
    with pytest.raises(InputError, match="already"):
        create(uri)
    assert append(uri, 3, count=1).repeated
    assert Lake(uri).tables()[0].last.number == last


def test_an_expiry_killed_after_its_commit_is_finished_by_the_next(tmp_path: Path) -> None:
    uri = str(tmp_path)
    table = create(uri)
    for batch in range(3):
        append(uri, batch)
    compact(table)
    deleted: list[list[str]] = []
    table.place.delete = deleted.append  # type: ignore[method-assign]
    expire(table, 1)
    assert len(deleted[0]) == 6
    assert expire(Lake(uri).open("people"), 1, guard_s=-60).files >= 6
    found = list((tmp_path / "raw" / "people" / "data").rglob("*.parquet"))
    assert len(found) == 2


def test_a_reader_of_an_expired_snapshot_is_told(tmp_path: Path) -> None:
    uri = str(tmp_path)
    table = create(uri)
    append(uri, 0)
    append(uri, 1)
    pinned = table.latest()
    compact(table)
    expire(table, 1)
    with pytest.raises(DataError, match="is gone: its snapshot was expired"):
        content(table, pinned)


def test_an_append_that_took_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = str(tmp_path)
    table = create(uri)
    monkeypatch.setattr("rayline.lake.arrival.GUARD_S", -1.0)
    with pytest.raises(RunError, match="took more than 12 hours"):
        append(uri, 0)
    assert table.latest().number == 0
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_process_that_looked_away_does_not_take_an_expired_number_for_a_free_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path)
    idle = create(uri, by=())
    for batch in range(2 * EVERY):
        append(uri, batch, count=1)
    expire(Lake(uri).open("people"), 1, guard_s=-60)
    assert not (tmp_path / "raw" / "people" / "snapshots" / "0000000001.json").exists()
    monkeypatch.setattr("rayline.lake.log.GUARD_S", 0.0)  # as if a day had passed
    made = content(idle)
    assert len(made) == 2 * EVERY
    one = next(idle.batches(idle.latest()))
    assert idle.append(one.schema, [one]).snapshot == 2 * EVERY + 2
    assert places(Lake(uri).open("people"))[0] == [0, 0]


def test_a_compaction_that_fails_leaves_no_files(tmp_path: Path) -> None:
    """Of several partitions, those that had been merged already stayed behind."""
    table = create(str(tmp_path))
    for batch in range(4):
        append(str(tmp_path), batch)
    last = list(table.latest().partitions.values())[-1][-1]
    damaged = tmp_path / "raw/people" / last.path
    damaged.write_bytes(b"PAR1" + damaged.read_bytes()[4:-200] + b"PAR1")
    before = files(tmp_path)
    with pytest.raises(DataError, match="is damaged"):
        compact(table)
    assert files(tmp_path) == before


def test_a_snapshot_whose_file_is_gone_is_told(tmp_path: Path) -> None:
    table = create(str(tmp_path))
    for batch in range(4):
        append(str(tmp_path), batch)
    (tmp_path / "raw/people/snapshots/0000000002.json").unlink()
    table = Table("people", "raw", Place(str(tmp_path / "raw/people")))
    with pytest.raises(StorageError, match=r"lacks snapshots that its newest one builds on\. Restore them from a copy"):
        table.latest()
    newer = Lake(str(tmp_path)).create("newer", columns=parse("a:int64"))
    for _ in range(3):
        newer.append(pa.schema([("a", pa.int64())]), [pa.table({"a": [1]})])
    (tmp_path / "raw/newer/snapshots/0000000002.json").unlink()
    with pytest.raises(StorageError, match="snapshot 2 is read from: it was expired just now, or deleted by hand"):
        newer.at(2)
