"""Streams: each record exactly once, whatever is killed when."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from lake_parts import Children, FileStream, content

from kafka_cluster import Cluster
from rayline.core.errors import DataError, RunError, StorageError
from rayline.lake.columns import parse
from rayline.lake.ingest import ingest
from rayline.lake.lake import Lake
from rayline.lake.table import Table


def say(path: Path, first: int, last: int) -> None:
    with path.open("a") as out:
        out.writelines(json.dumps({"n": n, "half": n / 2}) + "\n" for n in range(first, last))


def to_the_end(uri: str, spoken: Path, said: int) -> None:
    table = Lake(uri).open("events")
    while table.latest().last.rows < said:
        assert ingest(table, FileStream(str(spoken)), max_batches=1, seconds=5).batches == 1


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    return tmp_path / "lake.stream"


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Lake(str(tmp_path / "lake")).create("events", columns=parse("n:int64!, half:float64"))


def numbers(table: Table) -> list[int]:
    return [row["n"] for row in content(Lake(table.place.uri.removesuffix("/raw/events")).open("events"))]


def test_the_error_of_the_last_compaction_is_not_lost(
    table: Table, spoken: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody foresaw it")

    monkeypatch.setattr("rayline.lake.ingest.compact", broken)
    say(spoken, 0, 12)
    with pytest.raises(ZeroDivisionError, match="nobody foresaw it"):
        ingest(table, FileStream(str(spoken)), max_rows=3, max_batches=3, compact_after=2)
    assert not caplog.records

    def gone(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # what ended it is what is raised, and the other is told beside it
        ingest(table, FileStream(str(spoken)), max_rows=3, max_batches=1, compact_after=2, on_batch=gone)
    assert "events was not compacted: ZeroDivisionError: nobody foresaw it" in caplog.text
    assert numbers(table) == list(range(12))


def test_a_second_call_goes_on_where_the_first_ended(table: Table, spoken: Path) -> None:
    say(spoken, 0, 25)
    stream = FileStream(str(spoken))
    done = ingest(table, stream, max_rows=10, max_batches=2)
    assert (done.batches, done.rows, done.position) == (2, 20, {"0": 20})
    assert stream.committed == [{"0": 10}, {"0": 20}]
    say(spoken, 25, 31)
    again = FileStream(str(spoken))
    done = ingest(table, again, max_rows=10, seconds=0.05)
    assert (done.batches, done.rows, done.position) == (2, 11, {"0": 31})
    assert again.committed[0] == {"0": 20}  # what the last process may not have come to say
    assert numbers(table) == list(range(31))
    assert ingest(table, FileStream(str(spoken)), seconds=0.01).batches == 0


def test_streams_have_positions_of_their_own(table: Table, spoken: Path) -> None:
    say(spoken, 0, 3)
    ingest(table, FileStream(str(spoken)), max_batches=1)
    ingest(table, FileStream(str(spoken)), max_batches=1, key="other")
    assert table.latest().streams == {"lines": {"0": 3}, "other": {"0": 3}}
    assert numbers(table) == [0, 1, 2] * 2


def test_positions_survive_compaction_and_whole_states(table: Table, spoken: Path) -> None:
    say(spoken, 0, 70)
    ingest(table, FileStream(str(spoken)), max_rows=1, seconds=5, max_batches=70)
    assert Lake(table.place.uri.removesuffix("/raw/events")).open("events").latest().streams == {"lines": {"0": 70}}


def test_compaction_goes_along_with_the_appends(table: Table, spoken: Path) -> None:
    say(spoken, 0, 300)
    done = ingest(table, FileStream(str(spoken)), max_rows=3, max_batches=100, compact_after=8)
    assert (done.batches, done.rows) == (100, 300)
    assert numbers(table) == list(range(300))
    again = Lake(table.place.uri.removesuffix("/raw/events")).open("events")
    operations = [summary.operation for summary in again.latest().history]
    assert operations.count("append") == 100
    assert operations.count("compact") >= 2
    assert len(again.latest().files()) < 60  # it may lag behind, and is not waited for
    ingest(again, FileStream(str(spoken)), seconds=0.01, compact_after=8)
    assert again.latest().streams == {"lines": {"0": 300}}


def test_a_compaction_that_fails_stops_no_append(
    table: Table, spoken: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("cannot write x: No space left on device.")

    monkeypatch.setattr("rayline.lake.ingest.compact", full)
    say(spoken, 0, 30)
    assert ingest(table, FileStream(str(spoken)), max_rows=3, max_batches=10, compact_after=2).rows == 30
    assert "events was not compacted: cannot write x: No space left on device. Rows still come in" in caplog.text
    assert numbers(table) == list(range(30))


def test_two_processes_on_one_stream_do_not_take_the_same_records(table: Table, spoken: Path) -> None:
    say(spoken, 0, 20)
    uri = table.place.uri.removesuffix("/raw/events")

    class Overtaken(FileStream):
        def poll(self, max_rows: int, timeout_s: float) -> Any:
            found = super().poll(max_rows, timeout_s)
            ingest(Lake(uri).open("events"), FileStream(str(spoken)), max_rows=4, max_batches=1)
            return found

    with pytest.raises(RunError, match=r"another process reads lines into events: the table is at \{'0': 4\}"):
        ingest(table, Overtaken(str(spoken)), max_rows=10)
    assert numbers(table) == [0, 1, 2, 3]
    assert len(list(Path(uri).rglob("*.parquet"))) == 1


def test_a_record_that_does_not_fit_stops_before_it(table: Table, spoken: Path) -> None:
    say(spoken, 0, 4)
    spoken.write_text(spoken.read_text() + '{"n": null, "half": 1}\n')
    with pytest.raises(DataError, match=r"lines from \{'0': 4\}: column 'n' has no value in row 1"):
        ingest(table, FileStream(str(spoken)), max_rows=4)
    assert numbers(table) == [0, 1, 2, 3]


def test_killed_at_each_line_nothing_is_lost_or_doubled(table: Table, spoken: Path, children: Children) -> None:
    uri = table.place.uri.removesuffix("/raw/events")
    said = 0
    for line in range(1, 20_000, 67):
        say(spoken, said, said + 20)  # three micro-batches
        said += 20
        if not children.killed_at_line(line, "ingest", uri):
            break
        found = numbers(table)
        assert found == list(range(len(found)))
        assert len(found) - (said - 20) in (0, 7, 14, 20)
        to_the_end(uri, spoken, said)
        assert numbers(table) == list(range(said))
    assert line > 600
    assert numbers(table) == list(range(said))


@pytest.mark.parametrize("action", ["ingest for ever", "ingest and compact for ever"])
def test_killed_at_random_moments(table: Table, spoken: Path, children: Children, action: str) -> None:
    uri, chance = table.place.uri.removesuffix("/raw/events"), random.Random(0)
    spoken.touch()
    said = 0
    for _ in range(12):
        with children.running(action, uri):
            until = time.monotonic() + chance.uniform(0.05, 0.3)
            while time.monotonic() < until:
                say(spoken, said, said + 3)
                said += 3
                time.sleep(0.01)
        found = numbers(table)
        assert found == list(range(len(found)))
    assert 0 < len(found) <= said
    to_the_end(uri, spoken, said)
    assert numbers(table) == list(range(said))
    compacted = [summary for summary in table.latest().history if summary.operation == "compact"]
    assert bool(compacted) == ("compact" in action)


def test_kafka_killed_at_random_moments(tmp_path: Path, children: Children) -> None:
    uri, chance = str(tmp_path / "lake"), random.Random(3)
    lake = Lake(uri).create("events", columns=parse("n:int64!, _partition:int64, _offset:int64"))
    cluster = Cluster()
    try:
        (tmp_path / "lake.stream").write_text(cluster.brokers)
        cluster.send("events", [{"n": n} for n in range(50)])
        sent = 50
        for _ in range(4):
            before = lake.latest().number
            with children.running("ingest kafka", uri):
                while lake.latest().number == before or chance.random() < 0.9:
                    cluster.send("events", [{"n": n} for n in range(sent, sent + 50)], first=sent)
                    sent += 50
                    time.sleep(0.02)
        pid = children.start("ingest kafka", uri, sent)
        assert children.wait(pid) == 0
    finally:
        cluster.close()
    rows = content(Lake(uri).open("events"))
    assert sorted(row["n"] for row in rows) == list(range(sent))
    assert len({(row["_partition"], row["_offset"]) for row in rows}) == sent
