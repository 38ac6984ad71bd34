"""Tables, processes that die on cue, and a stream in a file, for the tests of this room."""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pytest

import rayline.lake
import rayline.sources
from rayline.core.errors import DataError, StorageError
from rayline.lake import media
from rayline.lake.arrival import Arrival
from rayline.lake.columns import parse
from rayline.lake.compact import compact
from rayline.lake.expire import expire
from rayline.lake.ingest import ingest
from rayline.lake.lake import Lake
from rayline.lake.snapshot import State
from rayline.lake.table import Appended, Table
from rayline.sources import kafka, mqtt

ROOMS = tuple(os.path.dirname(str(room.__file__)) for room in (rayline.lake, rayline.sources))
BATCH_ROWS = 6
COLUMNS = parse("batch:int64!, place:int64!, city:string, share:float64")


def rows(batch: int, count: int = BATCH_ROWS) -> pa.Table:
    """A batch of `count` rows in two cities, which know their places."""
    return pa.table(
        {
            "batch": pa.array([batch] * count, pa.int64()),
            "place": pa.array(range(count), pa.int64()),
            "city": pa.array(["Rome" if n % 2 else "Bonn" for n in range(count)]),
            "share": pa.array([n / 4 for n in range(count)]),
        }
    )


def create(uri: str, name: str = "people", by: tuple[str, ...] = ("city",)) -> Table:
    return Lake(uri).create(name, columns=COLUMNS, by=by)


def append(uri: str, batch: int, name: str = "people", count: int = BATCH_ROWS) -> Appended:
    made = rows(batch, count)
    return Lake(uri).open(name).append(made.schema, [made], batch=str(batch))


def content(table: Table, state: State | None = None) -> list[dict[str, Any]]:
    return [row for part in table.batches(state or table.latest()) for row in part.to_pylist()]


def places(table: Table, state: State | None = None) -> dict[int, list[int]]:
    """By batch, the places of its rows, as they are found (those of Bonn first)."""
    found: dict[int, list[int]] = {}
    for row in content(table, state):
        found.setdefault(row["batch"], []).append(row["place"])
    return {batch: sorted(place) for batch, place in sorted(found.items())}


def between(monkeypatch: pytest.MonkeyPatch, done: Callable[[], object]) -> None:
    """Have `done` happen while an append is being planned."""
    agreed = Arrival._agreed

    def later(arrival: Arrival, newest: State) -> object:
        monkeypatch.setattr(Arrival, "_agreed", agreed)
        done()
        return agreed(arrival, newest)

    monkeypatch.setattr(Arrival, "_agreed", later)


def act(action: str, uri: str, number: int) -> None:
    """What a child does."""
    ACTIONS[action](uri, number)


def _append_for_ever(uri: str, number: int) -> None:
    for batch in itertools.count(number):
        append(uri, batch)


def _append_several(uri: str, number: int) -> None:
    """`number` is a hundred times whose batches these are, and how many."""
    first, count = number // 100 * 100, number % 100
    for batch in range(first, first + count):
        append(uri, batch)


def _compact_several(uri: str, number: int) -> None:
    for _ in range(number):
        compact(Lake(uri).open("people"), after=2)


def _expire_several(uri: str, number: int) -> None:
    for _ in range(number):
        expire(Lake(uri).open("people"), 8)


def _read_several(uri: str, number: int) -> None:
    """Reads the newest snapshot again and again: batches are whole, and none is ever lost."""
    seen: set[int] = set()
    found: dict[int, list[int]] = {}
    answered = 0
    for _ in range(2 * number):
        table = Lake(uri).open("people")
        with suppress(DataError):  # eight snapshots have come since: whoever reads that slowly is told
            found = places(table)
            answered += 1
        assert all(place == list(range(BATCH_ROWS)) for place in found.values())
        assert seen <= set(found)
        seen = set(found)
    assert answered > number


def _append_beyond_the_disk(uri: str, number: int) -> None:
    for most, count in ((20_000, 200_000), (0, 1)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # a write beyond fails as on a full disk
        with pytest.raises(StorageError, match="cannot write"):
            append(uri, number, count=count)


def _append_files(uri: str, _: int) -> None:
    media.append_files(Lake(uri).open("pictures"), media.found_below(uri + ".files", "label"), batch="1")


def _ingest(uri: str, max_batches: int | None, compact_after: int | None = None) -> None:
    stream = FileStream(uri + ".stream")
    ingest(Lake(uri).open("events"), stream, max_rows=7, max_batches=max_batches, compact_after=compact_after)


def kafka_stream(uri: str) -> Any:
    """The topic `events` of the brokers that a file beside the lake names."""
    brokers = Path(uri + ".stream").read_text()
    return kafka.Config(brokers=brokers, topic="events", metadata=("partition", "offset")).stream()


def mqtt_stream(uri: str) -> Any:
    """The topic `events/+` of the broker that a file beside the lake names; its journal lies there too."""
    os.environ["RAYLINE_HOME"] = uri + ".home"
    return mqtt.Config(url=Path(uri + ".stream").read_text(), topic="events/+").stream()


class _EnoughError(Exception):
    """The table has as many rows as it was to have."""


def _ingest_broker(stream: Callable[[str], Any]) -> Callable[[str, int], None]:
    """Ingests without an end, or until the table has so many rows."""

    def run(uri: str, number: int) -> None:
        table = Lake(uri).open("events")

        def look(*_: object) -> None:
            if number and table.latest().last.rows >= number:
                raise _EnoughError

        with closing(stream(uri)) as opened, suppress(_EnoughError):
            look()
            ingest(table, opened, max_rows=30, on_batch=look)

    return run


ACTIONS: dict[str, Callable[[str, int], object]] = {
    "append": append,
    "append for ever": _append_for_ever,
    "append several": _append_several,
    "compact several": _compact_several,
    "expire several": _expire_several,
    "read several": _read_several,
    "append beyond the disk": _append_beyond_the_disk,
    "append files": _append_files,
    "compact": lambda uri, _: compact(Lake(uri).open("people")),
    "compact newest": lambda uri, _: compact(Lake(uri).open("people"), after=2),
    "expire": lambda uri, _: expire(Lake(uri).open("people"), 3),
    "ingest": lambda uri, _: _ingest(uri, 3),
    "ingest for ever": lambda uri, _: _ingest(uri, None),
    "ingest and compact for ever": lambda uri, _: _ingest(uri, None, 3),
    "ingest kafka": _ingest_broker(kafka_stream),
    "ingest mqtt": _ingest_broker(mqtt_stream),
}


class Children:
    """Forks children off a process that has imported the room and done nothing else, which takes milliseconds."""

    def __init__(self) -> None:
        self._host = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("forking.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, action: str, uri: str, number: int = 0, line: int = 0) -> int:
        """The process id of a child that does `action`, until it is about to run the `line`-th line of the rooms."""
        return self._ask(action=action, uri=uri, number=number, line=line)

    def wait(self, pid: int) -> int:
        """Its exit code, negative for a signal; anything but a good end or a kill is a failure."""
        code = self._ask(wait=pid)
        assert code in (0, -signal.SIGKILL), f"exit code {code}"
        return code

    def killed_at_line(self, line: int, action: str, uri: str, number: int = 0) -> bool:
        """Whether the child was killed; if not, it came to its end."""
        return bool(self.wait(self.start(action, uri, number, line)))

    @contextmanager
    def running(self, action: str, uri: str, number: int = 0) -> Iterator[int]:
        """A child at work within, killed at the end."""
        pid = self.start(action, uri, number)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            self.wait(pid)

    def close(self) -> None:
        assert self._host.stdin is not None
        self._host.stdin.close()
        self._host.wait(10)

    def _ask(self, **what: Any) -> int:
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(json.dumps(what).encode() + b"\n")
        self._host.stdin.flush()
        return int(self._host.stdout.readline())


def die_at_line(line: int) -> None:
    """Have this process killed when it is about to run the `line`-th line of the code of the lake and the sources."""
    left = line

    def trace(frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        nonlocal left
        if not frame.f_code.co_filename.startswith(ROOMS):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


@dataclass(frozen=True)
class Lines:
    """What a stream gives: lines of its file."""

    table: pa.Table
    start: dict[str, int]
    end: dict[str, int]


class FileStream:
    """An append-only file as a stream: one JSON object a line; the position is how many lines were read."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.name = self.key = "lines"
        self.at = 0
        self.committed: list[dict[str, int]] = []

    def seek(self, offsets: dict[str, int] | None) -> None:
        self.at = offsets["0"] if offsets else 0

    def poll(self, max_rows: int, timeout_s: float) -> Lines | None:
        text = self.path.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()[self.at : self.at + max_rows]
        if not lines:
            return None
        begin, self.at = self.at, self.at + len(lines)
        return Lines(pa.Table.from_pylist([json.loads(line) for line in lines]), {"0": begin}, {"0": self.at})

    def commit(self, offsets: dict[str, int]) -> None:
        self.committed.append(offsets)

    def close(self) -> None:
        pass
