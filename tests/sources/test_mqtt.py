"""MQTT: reads that end and lose nothing in between, and streams; against a real mosquitto."""

from __future__ import annotations

import logging
import pickle
import random
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cut_proxy
import polars as pl
import pytest
from killed import kept, killed_and_then_run

import mqtt_broker
from mqtt_broker import Broker
from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError, StorageError
from rayline.core.redact import redact_all
from rayline.sources import _journal, _kept, _mqtt
from rayline.sources._journal import Journal, Message
from rayline.sources._mqtt import MqttStream
from rayline.sources._mqtt_session import Session
from rayline.sources._source import Source
from rayline.sources._stream import Stream
from rayline.sources.mqtt import Config


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mqtt_broker.running(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def readings(first: int, last: int) -> list[dict[str, Any]]:
    return [{"i": i, "celsius": i / 4} for i in range(first, last)]


def subscribed(config: Config) -> Config:
    """The same, with a session at the broker: what is sent from now on waits for the first read."""
    assert "no message came within 0.1 s" in refused(config.model_copy(update={"seconds": 0.1, "read": None}))
    return config


def rows(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def read(config: Config) -> pl.DataFrame:
    return rows(config.build())


def refused(config: Config) -> str:
    with pytest.raises(DataError) as caught:
        config.build().fragments()
    return str(caught.value)


def test_what_is_sent_between_two_reads_comes_with_the_second(broker: Broker, topic: str) -> None:
    config = subscribed(Config(url=broker.url, topic=f"{topic}/+/t", seconds=20, max_rows=150))
    broker.send(f"{topic}/a/t", readings(0, 150))  # more than the broker sends without an answer
    source = config.build()
    first = rows(source)
    assert first.columns == ["_topic", "i", "celsius", ROW]
    assert first["i"].to_list() == list(range(150))
    broker.send(f"{topic}/b/t", readings(150, 180))
    broker.send(f"{topic}/b/other", readings(0, 3))
    assert rows(source).equals(first)  # what a source has read it reads again
    assert rows(pickle.loads(pickle.dumps(source))).equals(first)
    assert rows(source.kept.build()).equals(first)  # type: ignore[attr-defined]
    second = read(config.model_copy(update={"max_rows": 30}))
    assert second["i"].to_list() == list(range(150, 180))
    assert second["_topic"].unique().to_list() == [f"{topic}/b/t"]
    assert "no message came within 0.3 s" in refused(config.model_copy(update={"seconds": 0.3}))


def test_a_read_ends_in_time_or_at_its_rows_and_the_next_continues(broker: Broker, topic: str) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=0.5))
    broker.send(topic, readings(0, 25))
    few = config.model_copy(update={"max_rows": 10, "seconds": 20})
    assert [read(few)["i"].to_list() for _ in range(2)] == [list(range(10)), list(range(10, 20))]
    started = time.monotonic()
    assert read(config)["i"].to_list() == list(range(20, 25))
    assert 0.4 < time.monotonic() - started < 3


def test_what_comes_while_a_read_goes_on_is_read(broker: Broker, topic: str) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=20, max_rows=20))
    sender = threading.Timer(0.3, lambda: [broker.send(topic, readings(i, i + 1), qos=i % 3) for i in range(20)])
    sender.start()
    assert read(config)["i"].to_list() == list(range(20))
    sender.join()


def test_names_groups_and_retained_messages(broker: Broker, topic: str, tmp_path: Path) -> None:
    broker.send(topic, [{"i": -1}], retain=True)
    monday = Config(url=broker.url, topic=topic, seconds=0.4, read="monday", keep=str(tmp_path / "kept"))
    first = read(monday)
    assert first["i"].to_list() == [-1]
    other = subscribed_with_retained(monday.model_copy(update={"group": "other", "read": None}))
    broker.send(topic, readings(0, 3))
    assert read(monday).equals(first)
    assert read(monday.model_copy(update={"read": "tuesday"}))["i"].to_list() == [0, 1, 2]  # and not -1 again
    assert read(monday).equals(first)
    assert read(other)["i"].to_list() == [0, 1, 2]
    assert len(list((tmp_path / "kept").rglob("*.arrow"))) == 4


def subscribed_with_retained(config: Config) -> Config:
    assert read(config)["i"].to_list() == [-1]
    return config


def test_payloads_and_columns(broker: Broker, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    config = subscribed(Config(url=broker.url, topic=f"{topic}/#", seconds=1, invalid="skip", metadata=("received",)))
    text = subscribed(config.model_copy(update={"payload": "text", "group": "text", "types": {"value": "text"}}))
    broker.send(f"{topic}/x", [{"at": "2024-01-01", "place": {"room": 3}}, "21.5", "true", "ON", "[1]", b"\xff{"])
    with caplog.at_level(logging.WARNING, "rayline.sources"):
        found = read(config)
    # told of each lot that came, and how many come at once is the broker's to say
    passed = re.findall(r"(\d+) messages? (?:is|are) no JSON objects? and (?:was|were) passed over", caplog.text)
    assert sum(map(int, passed)) == 3
    assert found["_received"].dtype == pl.Datetime("us", "UTC")
    assert found.select("at", "place.room", "value").rows() == [("2024-01-01", 3, None), (None, None, "21.5"), (None, None, "true")]  # fmt: skip  # noqa: E501
    assert read(text)["value"].to_list()[1:] == ["21.5", "true", "ON", "[1]", "\ufffd{"]


def test_a_message_that_stops_is_told_after_the_rows_before_it(broker: Broker, topic: str) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=0.5))
    broker.send(topic, [{"i": 1}, "private", {"i": 2}])
    for _ in range(2):  # nothing is lost by being refused
        message = refused(config)
        assert f"the message at {topic} (journal 1) is no JSON (at character 0). Correct what sends it" in message
        assert "private" not in message
    assert read(config.model_copy(update={"invalid": "skip"}))["i"].to_list() == [1, 2]


# streams


def drained(stream: Stream, most: int = 9) -> list[int]:
    found: list[int] = []
    while (micro := stream.poll(most, 0.5)) is not None:
        assert 1 <= micro.table.num_rows <= most
        assert micro.end["journal"] - micro.start["journal"] == micro.table.num_rows
        found += micro.table.column("i").to_pylist()
        stream.commit(micro.end)
    return found


def test_a_stream_continues_with_the_first_row_that_was_not_kept(broker: Broker, topic: str) -> None:
    config = Config(url=broker.url, topic=topic)
    kept: list[int] = []
    end: dict[str, int] | None = None
    chance = random.Random(0)
    sent = 0
    for _ in range(12):
        with config.stream() as stream:
            stream.seek(end)
            broker.send(topic, readings(sent, sent + 10))
            sent += 10
            for _ in range(chance.randint(1, 3)):
                micro = stream.poll(chance.randint(1, 9), 5.0)
                assert micro is not None
                if chance.random() < 0.3:
                    break  # killed before the rows were kept
                kept += micro.table.column("i").to_pylist()
                end = micro.end
                if chance.random() < 0.5:
                    stream.commit(end)
    with config.stream() as stream:
        stream.seek(end)
        kept += drained(stream)
    assert kept == list(range(sent))


def test_a_stream_and_a_read_and_two_of_a_group(broker: Broker, topic: str) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=0.4))
    with config.stream() as stream, config.stream() as second:
        stream.seek(None)
        with pytest.raises(DataError, match="another process reads it for group 'rayline'"):
            second.seek(None)
        broker.send(topic, readings(0, 5))
        assert read(config)["i"].to_list() == list(range(5))
        assert drained(stream) == list(range(5))
    with config.stream() as stream, pytest.raises(DataError, match=r"the messages 2 to 4 are no longer in .*journal"):
        stream.seek({"journal": 2})


def test_a_journal_that_was_deleted_goes_on_where_the_reader_is(broker: Broker, topic: str, rayline_home: Path) -> None:
    with Config(url=broker.url, topic=topic).stream() as stream:
        stream.seek({"journal": 700})
        broker.send(topic, readings(0, 2))
        micro = stream.poll(2, 5.0)
        assert micro is not None
        assert micro.start == {"journal": 700}


# the journal


def message(number: int) -> Message:
    return Message("a/b", b"x" * (number % 50), number, number % 65536)


def test_a_journal_is_read_from_anywhere_and_drops_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_journal, "SEGMENT_BYTES", 500)
    journal = Journal(tmp_path)
    every = [message(n) for n in range(100)]
    for first in range(0, 100, 7):
        journal.append(every[first : first + 7])
    assert len(list(tmp_path.iterdir())) > 5
    for reader in (journal, Journal(tmp_path)):
        assert (reader.first, reader.next) == (0, 100)
        assert list(reader.all(0)) == every
        assert [reader.read(n, 5) for n in (95, 3, 8, 50)] == [every[n : n + 5] for n in (95, 3, 8, 50)]
    journal.drop(60)
    assert 0 < journal.first <= 60
    assert Journal(tmp_path).first == journal.first
    assert journal.read(60, 40) == every[60:]
    journal.drop(100)
    assert (Journal(tmp_path).first, Journal(tmp_path).next) == (100, 100)
    journal.append([message(100)])
    assert Journal(tmp_path).read(100, 9) == [message(100)]


def test_a_journal_cut_short_loses_what_was_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_journal, "SEGMENT_BYTES", 500)
    journal = Journal(tmp_path)
    for n in range(40):
        journal.append([message(n)])
    journal.close()
    first, *_, last = sorted(tmp_path.iterdir())
    last.write_bytes(last.read_bytes()[:-3])
    again = Journal(tmp_path)
    assert again.next == 39
    again.append([message(39)])
    assert list(Journal(tmp_path).all(0)) == [message(n) for n in range(40)]
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(DataError, match=rf"{first} is damaged after \d+ messages"):
        Journal(tmp_path)
    first.unlink()
    first.with_name("000000000000.log").touch()
    with pytest.raises(DataError, match="lacks messages 0 to"):
        Journal(tmp_path)


def test_a_full_disk_leaves_the_message_at_the_broker(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch, rayline_home: Path
) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=0.5))
    broker.send(topic, readings(0, 3))
    with monkeypatch.context() as patch:
        patch.setattr(_journal.os, "fsync", full)
        with pytest.raises(StorageError, match="cannot write .*journal: No space left on device"):
            config.build().fragments()
    assert read(config)["i"].to_list() == [0, 1, 2]


def full(handle: int) -> None:
    raise OSError(28, "No space left on device")


# faults


def test_what_a_full_disk_has_refused_is_not_written_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([message(0)])
    [file] = tmp_path.glob("*.log")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 9, limits[1]))
    try:
        with pytest.raises(StorageError, match="Free some space"):
            journal.append([message(1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append([message(2)])
    journal.close()
    assert list(Journal(tmp_path).all(0)) == [message(0), message(2)]
    assert journal.next == 2


def test_a_session_without_its_subscription_is_not_taken_for_one(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the two, the next reading was given the session, and no message ever."""
    config = Config(url=broker.url, topic=topic, seconds=10, max_rows=3)

    def killed(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "_ask", killed)
        with pytest.raises(RuntimeError, match="killed"):
            config.build().fragments()
    subscribed(config)
    broker.send(topic, readings(0, 3))
    assert read(config)["i"].to_list() == [0, 1, 2]


def test_a_name_that_was_never_written_is_none(broker: Broker, topic: str, rayline_home: Path) -> None:
    config = Config(url=broker.url, topic=topic, seconds=10, max_rows=3)
    folder = Path(_kept.place("mqtt", None, *MqttStream(config, "read").parts))
    folder.mkdir(parents=True)
    (folder / "client-id").touch()  # an earlier version made the file before it wrote it
    subscribed(config)
    broker.send(topic, readings(0, 3))
    assert read(config)["i"].to_list() == [0, 1, 2]


def test_a_kill_at_any_moment_neither_loses_nor_doubles_a_row(broker: Broker, topic: str, rayline_home: Path) -> None:
    subscribed(Config(url=broker.url, topic=topic, seconds=20, max_rows=20))
    broker.send(topic, readings(0, 300))
    said = killed_and_then_run(
        f"Config(url={broker.url!r}, topic={topic!r}, seconds=1, max_rows=30)",
        "from rayline.sources.mqtt import Config",
    )
    assert "no message came within 1 s" in said
    assert kept(rayline_home, "i", 10) == list(range(300))


@pytest.mark.parametrize("where", ["Journal.append", "Spool.finish", "MqttStream.commit"])
def test_a_fault_in_each_step(broker: Broker, topic: str, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = subscribed(Config(url=broker.url, topic=topic, seconds=0.6))
    broker.send(topic, readings(0, 30))
    places = {"Journal": "rayline.sources._journal", "Spool": "rayline.sources._records", "MqttStream": _mqtt.__name__}
    with monkeypatch.context() as patch:
        patch.setattr(f"{places[where.split('.', maxsplit=1)[0]]}.{where}", fault)
        with pytest.raises(RuntimeError, match="a fault"):
            config.build().fragments()
    broker.send(topic, readings(30, 33))
    assert read(config)["i"].to_list() == list(range(30, 33) if "commit" in where else range(33))


def fault(*args: Any) -> None:
    raise RuntimeError("a fault")


def test_connections_that_are_cut_again_and_again(broker: Broker, topic: str) -> None:
    with cut_proxy.proxy(broker.port) as proxy:
        config = subscribed(Config(url=f"mqtt://127.0.0.1:{proxy.port}", topic=topic, seconds=30, max_rows=400))
        broker.send(topic, readings(0, 100))

        def disturb() -> None:
            for place in range(100, 400, 10):
                broker.send(topic, readings(place, place + 10))
                if place % 100 == 50:
                    proxy.cut()
                time.sleep(0.02)

        disturbing = threading.Thread(target=disturb)
        disturbing.start()
        assert read(config)["i"].to_list() == list(range(400))
        disturbing.join()
        assert proxy.cuts == 3
        assert "no message came within 0.5 s" in refused(config.model_copy(update={"seconds": 0.5}))


def test_a_broker_that_dies_half_way_and_comes_back(tmp_path: Path) -> None:
    with mqtt_broker.running(tmp_path / "broker") as mortal:
        config = subscribed(Config(url=mortal.url, topic="t", seconds=30, max_rows=40, timeout_s=1))
        mortal.send("t", readings(0, 20))
        stopping = threading.Timer(0.5, mortal.stop)
        stopping.start()
        started = time.monotonic()
        message = refused(config)
        assert f"the broker at 127.0.0.1:{mortal.port} went away and did not come back within 1 s" in message
        assert time.monotonic() - started < 10
        assert "no broker lets us in" in refused(config)
        mortal.start()
        mortal.send("t", readings(20, 40))
        assert read(config)["i"].to_list() == list(range(40))


def test_a_broker_that_has_forgotten_us(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with mqtt_broker.running(tmp_path / "broker") as mortal:
        config = subscribed(Config(url=mortal.url, topic="t", seconds=1))
        mortal.stop(signal.SIGKILL)
        (tmp_path / "broker" / "mosquitto.db").unlink(missing_ok=True)
        mortal.start()
        with caplog.at_level(logging.WARNING, "rayline.sources"):
            subscribed(config)
        assert "the broker knows our session no longer; messages may have been lost" in caplog.text
        mortal.send("t", readings(0, 3))
        assert read(config)["i"].to_list() == [0, 1, 2]


def test_brokers_that_are_not_there_silent_or_no_broker() -> None:
    started = time.monotonic()
    port = cut_proxy.free_port()
    message = refused(Config(url=f"mqtt://127.0.0.1:{port}", topic="t", timeout_s=1))
    assert message.startswith(f"mqtt://127.0.0.1:{port}/t: no broker lets us in at 127.0.0.1:{port} within 1 s (")
    assert "Connection refused" in message
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = refused(Config(url=f"mqtt://127.0.0.1:{port}", topic="t", timeout_s=1))
        assert f"no broker lets us in at 127.0.0.1:{port} within 1 s (no answer)" in message
    assert time.monotonic() - started < 5


def test_passwords_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = "p@ss/w:rd%"
    with mqtt_broker.running(tmp_path, password=password) as strict:
        config = Config(
            url=f"mqtt://me:${{MQTT_PASSWORD}}@127.0.0.1:{strict.port}", topic="t", seconds=0.1, timeout_s=5
        )
        shown = redact_all(catalog.describe(config))
        assert catalog.resolve("source", {**shown, "name": "mqtt"}) == config
        assert "needs the environment variable MQTT_PASSWORD" in refused(config)
        monkeypatch.setenv("MQTT_PASSWORD", "hunter2")
        message = refused(config)
        assert "(Not authorized)" in message
        assert "hunter2" not in message
        monkeypatch.setenv("MQTT_PASSWORD", password)
        subscribed(config)


# what a spec may say


def test_literal_passwords_and_what_is_no_broker_or_topic() -> None:
    def answer(**options: Any) -> str:
        with pytest.raises(SpecError) as caught:
            catalog.resolve("source", {"name": "mqtt", "url": "mqtt://h", "topic": "t", **options}, "data.source")
        return str(caught.value)

    message = answer(url="mqtt://me:hunter2@h")
    assert "Put it into the environment" in message
    assert "hunter2" not in message
    assert "url names a broker: mqtt://host:1883" in answer(url="tcp://h")
    assert "url names a broker" in answer(url="mqtt://h/topic")
    for wrong in ("a/#/b", "a+", "#/a", "a/b#", ""):
        assert "a topic, where + stands for one whole level" in answer(topic=wrong)
    for right in ("a", "/a/", "+", "#", "a/+/c/#", "$SYS/#"):
        assert Config(url="mqtt://h", topic=right).topic == right


def test_texts_that_are_claimed() -> None:
    assert Config.from_text("mqtt://h:1/plant/+/t/#") == Config(url="mqtt://h:1", topic="plant/+/t/#")
    assert Config.from_text("mqtts://me:${P}@h/t") == Config(url="mqtts://me:${P}@h", topic="t")
    assert Config.from_text("kafka://h/t") is None
    with pytest.raises(SpecError, match="Write mqtt://host:1883/topic"):
        Config.from_text("mqtt://host:1883")


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    assert refused(Config(url="mqtt://h", topic="t")) == "reading MQTT needs an extra: pip install 'rayline[mqtt]'"
