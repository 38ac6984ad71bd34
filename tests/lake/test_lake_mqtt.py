"""MQTT into a table: each message exactly once, whatever is killed when."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lake_parts import Children, content, mqtt_stream

import mqtt_broker
from mqtt_broker import Broker
from rayline.lake.columns import parse
from rayline.lake.lake import Lake
from rayline.lake.table import Table


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    monkeypatch.setenv("RAYLINE_HOME", str(tmp_path / "lake.home"))  # `mqtt_stream` sets it, here too
    with mqtt_broker.running(tmp_path / "broker") as running:
        (tmp_path / "lake.stream").write_text(running.url)
        yield running


@pytest.fixture
def table(tmp_path: Path, broker: Broker) -> Table:
    """An empty table; the broker keeps what is sent from now on."""
    uri = str(tmp_path / "lake")
    with mqtt_stream(uri) as stream:
        stream.seek(None)
    return Lake(uri).create("events", columns=parse("_topic:string!, n:int64!"))


def send(broker: Broker, first: int, last: int) -> None:
    broker.send("events/a", [{"n": n} for n in range(first, last)])


def numbers(table: Table) -> list[int]:
    return [row["n"] for row in content(table)]


def test_killed_at_random_moments(table: Table, broker: Broker, children: Children, tmp_path: Path) -> None:
    uri, chance, sent = str(tmp_path / "lake"), random.Random(4), 0
    for _ in range(4):
        before = table.latest().number
        with children.running("ingest mqtt", uri):
            while table.latest().number == before or chance.random() < 0.8:
                send(broker, sent, sent + 40)
                sent += 40
                found = numbers(table)
                assert len(found) == len(set(found))
        time.sleep(0.05)
    assert children.wait(children.start("ingest mqtt", uri, sent)) == 0
    assert sorted(numbers(table)) == list(range(sent))


@pytest.mark.parametrize("step", [43, pytest.param(11, marks=pytest.mark.slow)])
def test_killed_at_lines(table: Table, broker: Broker, children: Children, tmp_path: Path, step: int) -> None:
    uri, sent = str(tmp_path / "lake"), 0
    outcomes: set[bool] = set()
    for line in range(1, 2500, step):  # each kill leaves files, and a later run has more to look through
        if len(numbers(table)) == sent:
            send(broker, sent, sent + 3)
            sent += 3
        if children.killed_at_line(line, "ingest mqtt", uri, sent):
            outcomes.add(table.latest().last.rows == sent)
        found = numbers(table)
        assert len(found) == len(set(found))
    assert children.wait(children.start("ingest mqtt", uri, sent)) == 0
    assert sorted(numbers(table)) == list(range(sent))
    assert outcomes == {True, False}  # some were killed before the rows were in, and some after
