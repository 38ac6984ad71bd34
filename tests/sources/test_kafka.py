"""Kafka: bounded reads that continue where the last ended, and streams; against librdkafka's mock cluster."""

from __future__ import annotations

import datetime as dt
import logging
import pickle
import random
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import cut_proxy
import polars as pl
import pyarrow as pa
import pytest
from killed import kept, killed_and_then_run
from moto.server import ThreadedMotoServer

from kafka_cluster import Cluster
from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.lake.ingest import ingest
from rayline.lake.lake import Lake
from rayline.sources import _messages, _records
from rayline.sources._kafka import KafkaStream
from rayline.sources._messages import Taken
from rayline.sources._source import Source
from rayline.sources._stream import Micro, Stream
from rayline.sources.kafka import Config


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return "".join(c if c.isalnum() else "-" for c in name)


def orders(first: int, last: int) -> list[dict[str, Any]]:
    return [{"id": i, "price": i / 4} for i in range(first, last)]


def read(config: Config) -> pl.DataFrame:
    return rows(config.build())


def rows(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def refused(config: Config) -> str:
    with pytest.raises(DataError) as caught:
        config.build().fragments()
    return str(caught.value)


def test_a_second_read_continues_where_the_first_ended(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, orders(0, 50))
    config = Config(brokers=cluster.brokers, topic=topic)
    source = config.build()
    first = rows(source)
    assert first.columns == ["id", "price", ROW]
    assert sorted(first["id"]) == list(range(50))
    assert first[ROW].to_list() == list(range(50))
    cluster.send(topic, orders(50, 61), first=50)
    assert rows(source).equals(first)  # what a source has read it reads again
    assert rows(pickle.loads(pickle.dumps(source))).equals(first)
    assert rows(source.kept.build()).equals(first)  # type: ignore[attr-defined]
    assert sorted(read(config)["id"]) == list(range(50, 61))
    message = refused(config)
    assert message.startswith(f"kafka://{cluster.brokers}/{topic}: no message has come since group 'rayline' read last")
    cluster.send(topic, orders(61, 62), first=61)
    assert read(config)["id"].to_list() == [61]


def test_groups_names_and_a_new_beginning(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    cluster.send(topic, orders(0, 10))
    monday = Config(brokers=cluster.brokers, topic=topic, read="monday", keep=str(tmp_path / "kept"))
    first = read(monday)
    cluster.send(topic, orders(10, 14), first=10)
    assert read(monday).equals(first)
    assert sorted(read(monday.model_copy(update={"read": "tuesday"}))["id"]) == [10, 11, 12, 13]
    assert read(monday).equals(first)
    assert read(Config(brokers=cluster.brokers, topic=topic, group="other")).height == 14
    assert read(monday.model_copy(update={"read": None, "start": "earliest"})).height == 14
    assert len(list((tmp_path / "kept").rglob("*.arrow"))) == 3


def test_brokers_may_be_listed_otherwise_and_earlier_versions_have_kept_by_them(
    cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(brokers=cluster.brokers, topic=topic)
    other = config.model_copy(update={"brokers": cluster.brokers.replace("127.0.0.1", "localhost")})
    assert other.brokers != config.brokers
    cluster.send(topic, orders(0, 9))
    with monkeypatch.context() as patch:  # as an earlier version, or a broker of one
        patch.setattr(KafkaStream, "cluster", None)
        monday = read(config.model_copy(update={"read": "monday"}))
    assert sorted(monday["id"]) == list(range(9))
    cluster.send(topic, orders(9, 14), first=9)
    assert read(config.model_copy(update={"read": "monday"})).equals(monday)
    assert sorted(read(config)["id"]) == list(range(9, 14))
    cluster.send(topic, orders(14, 17), first=14)
    assert sorted(read(other)["id"]) == list(range(14, 17))
    assert "no message has come since" in refused(config)
    assert read(config.model_copy(update={"read": "monday"})).equals(monday)


def test_another_cluster_at_the_same_brokers_is_read_from_its_beginning(
    cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(brokers=cluster.brokers, topic=topic)
    cluster.send(topic, orders(0, 9))
    assert read(config).height == 9
    monkeypatch.setattr(KafkaStream, "cluster", "made-anew")
    assert read(config).height == 9
    assert "no message has come since" in refused(config)


def test_a_named_read_asks_no_broker(topic: str) -> None:
    made = Cluster()
    made.send(topic, orders(0, 9))
    config = Config(brokers=made.brokers, topic=topic, read="monday", timeout_s=2)
    monday = read(config)
    made.close()
    assert read(config).equals(monday)
    assert "no broker answers" in refused(config.model_copy(update={"read": "tuesday"}))


def test_a_read_of_few_rows_leaves_the_rest_to_the_next(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, orders(0, 25))
    config = Config(brokers=cluster.brokers, topic=topic, max_rows=10)
    found = [read(config)["id"].to_list() for _ in range(3)]
    assert [len(ids) for ids in found] == [10, 10, 5]
    assert sorted(i for ids in found for i in ids) == list(range(25))


def test_what_comes_while_a_read_goes_on_is_the_next_ones(
    cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.send(topic, orders(0, 40))
    take = KafkaStream.take
    sent = []

    def slow(self: KafkaStream, max_rows: int, timeout_s: float) -> Taken | None:
        if not sent:
            cluster.send(topic, orders(40, 45), first=40)
            sent.append(True)
        return take(self, min(max_rows, 7), timeout_s)

    monkeypatch.setattr(KafkaStream, "take", slow)
    config = Config(brokers=cluster.brokers, topic=topic)
    assert sorted(read(config)["id"]) == list(range(40))
    assert sorted(read(config)["id"]) == list(range(40, 45))


def test_columns_of_metadata_and_types(cluster: Cluster, topic: str) -> None:
    records = [
        {"at": "2024-01-01T10:00:00Z", "place": {"city": "Paris"}, "n": 1},
        {"at": None, "n": 2.5, "tags": ["x"]},
    ]
    cluster.send(topic, records, partition=2)
    before = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    source = Config(
        brokers=cluster.brokers, topic=topic, types={"at": "time"}, metadata=("key", "partition", "offset", "timestamp")
    ).build()
    text, whole = pa.string(), pa.int64()
    assert dict(zip(source.schema().names, source.schema().types, strict=True)) == {
        "at": pa.timestamp("us"), "_timestamp": pa.timestamp("us", "UTC"), "_key": text, "_partition": whole,
        "_offset": whole, "place.city": text, "n": pa.float64(), "tags": text,
    }  # fmt: skip
    found = rows(source)
    assert found.select("at", "_key", "_partition", "_offset", "place.city", "n", "tags").rows() == [
        (dt.datetime(2024, 1, 1, 10), "k0", 2, 0, "Paris", 1.0, None),
        (None, "k1", 2, 1, None, 2.5, '["x"]'),
    ]
    assert before < found["_timestamp"].min() <= dt.datetime.now(dt.UTC)  # type: ignore[operator]


def test_messages_that_are_no_objects(cluster: Cluster, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    cluster.send(topic, [{"id": 1}, b"{private", [1], None, {"id": 2}], partition=0)
    strict = Config(brokers=cluster.brokers, topic=topic)
    message = refused(strict)
    assert (
        "the message at partition 0 offset 1 is no JSON (at character 1). Correct what sends it, or set invalid"
        in message
    )
    assert "private" not in message
    with caplog.at_level(logging.WARNING, "rayline.sources"):
        assert read(strict.model_copy(update={"invalid": "skip"}))["id"].to_list() == [1, 2]
    assert "2 messages are no JSON objects and were passed over" in caplog.text
    cluster.send(topic, [{"_key": 1}], partition=0)
    assert "has a column '_key', a name its metadata take" in refused(strict.model_copy(update={"metadata": ("key",)}))


def test_messages_that_are_passed_over_are_no_silence(
    cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none of what came within timeout_s was a row, the broker was said not to answer."""
    cluster.send(topic, [*[None] * 200, {"id": 7}], partition=0)
    take = KafkaStream.take

    def slow(self: KafkaStream, max_rows: int, timeout_s: float) -> Taken | None:
        before, taken = self.offsets, None
        while taken is None and self.offsets == before and not self.ended:
            taken = take(self, 20, 0.01)
        return taken

    monkeypatch.setattr(KafkaStream, "take", slow)
    assert read(Config(brokers=cluster.brokers, topic=topic))["id"].to_list() == [7]


def test_a_long_read_is_in_pieces(cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "BATCH_ROWS", 1000)
    monkeypatch.setattr(_messages, "TAKE_ROWS", 700)
    cluster.send(topic, orders(0, 5000))
    source = Config(brokers=cluster.brokers, topic=topic).build()
    assert len(source.fragments()) == 5
    assert sorted(rows(source)["id"]) == list(range(5000))


# streams


def test_a_stream_says_where_its_micro_batches_lie(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, orders(0, 30))
    config = Config(brokers=cluster.brokers, topic=topic)
    seen: list[int] = []
    with config.stream() as stream:
        stream.seek(None)
        at = {"0": 0, "1": 0, "2": 0, "3": 0}
        while (micro := stream.poll(7, 2.0)) is not None:
            assert 1 <= micro.table.num_rows <= 7
            assert micro.start == at
            assert sum(micro.end.values()) - sum(at.values()) == micro.table.num_rows
            at = micro.end
            seen += micro.table.column("id").to_pylist()
            stream.commit(at)
            if len(seen) == 30:
                break
        started = time.monotonic()
        assert stream.poll(7, 0.3) is None
        assert 0.2 < time.monotonic() - started < 2
        cluster.send(topic, orders(30, 31), partition=3)
        last = stream.poll(7, 5.0)
        assert last is not None
        assert last.table.to_pylist() == [{"id": 30, "price": 7.5}]
    assert sorted(seen) == list(range(30))


def test_a_stream_continues_with_the_first_row_that_was_not_kept(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, orders(0, 40))
    config = Config(brokers=cluster.brokers, topic=topic)
    kept: list[int] = []
    end: dict[str, int] | None = None
    chance = random.Random(0)
    while len(kept) < 40:
        with config.stream() as stream:
            stream.seek(end)
            for _ in range(chance.randint(1, 3)):
                micro = stream.poll(chance.randint(1, 9), 2.0)
                if micro is None or chance.random() < 0.3:
                    break  # killed before the rows were kept
                kept += micro.table.column("id").to_pylist()
                end = micro.end
    assert sorted(kept) == list(range(40))


def test_a_stream_gives_the_rows_before_a_bad_message_first(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, [{"id": 1}, {"id": 2}, b"x", {"id": 3}], partition=0)
    with Config(brokers=cluster.brokers, topic=topic).stream() as stream:
        stream.seek(None)
        micro = stream.poll(10, 5.0)
        assert isinstance(micro, Micro)
        assert micro.table.column("id").to_pylist() == [1, 2]
        assert micro.end["0"] == 2
        with pytest.raises(DataError, match="partition 0 offset 2 is no JSON"):
            stream.poll(10, 5.0)


# faults


def test_a_kill_at_any_moment_neither_loses_nor_doubles_a_row(cluster: Cluster, topic: str, rayline_home: Path) -> None:
    cluster.send(topic, orders(0, 300))
    said = killed_and_then_run(
        f"Config(brokers={cluster.brokers!r}, topic={topic!r}, max_rows=30)",
        "import rayline.sources._messages as m; m.TAKE_ROWS = 1\nfrom rayline.sources.kafka import Config",
    )
    assert "no message has come since" in said
    assert sorted(kept(rayline_home, "id", 10)) == list(range(300))
    left = [
        path.name
        for path in (rayline_home / "sources").rglob("*")
        if path.is_file() and not path.name.startswith("read-")
    ]
    assert left == [".lock"]


@pytest.mark.parametrize("where", ["rayline.sources._records._place", "rayline.sources._kafka.KafkaStream.commit"])
def test_a_fault_before_and_after_the_rows_are_there(
    cluster: Cluster, topic: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.send(topic, orders(0, 12))
    config = Config(brokers=cluster.brokers, topic=topic)

    def fail(*args: Any) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(where, fail)
        with pytest.raises(RuntimeError, match="a fault"):
            config.build().fragments()
    cluster.send(topic, orders(12, 15), first=12)
    expected = range(15) if "_place" in where else range(12, 15)
    assert sorted(read(config)["id"]) == list(expected)


def test_a_disk_that_is_full(cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch, rayline_home: Path) -> None:
    cluster.send(topic, orders(0, 12))
    config = Config(brokers=cluster.brokers, topic=topic, keep="/dev/full/nowhere")
    with pytest.raises(ValueError, match="cannot .* /dev/full"):
        config.build().fragments()
    assert read(config.model_copy(update={"keep": None})).height == 12


def test_brokers_that_are_not_there_and_one_that_is_silent() -> None:
    started = time.monotonic()
    port = cut_proxy.free_port()
    message = refused(Config(brokers=f"127.0.0.1:{port}", topic="t", timeout_s=1))
    assert f"kafka://127.0.0.1:{port}/t: no broker answers at 127.0.0.1:{port} within 1 s" in message
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert f"no broker answers at 127.0.0.1:{port}" in refused(
            Config(brokers=f"127.0.0.1:{port}", topic="t", timeout_s=1)
        )
    assert time.monotonic() - started < 8


def drained(stream: Stream) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        stream.poll(5, 0.5)


def test_brokers_that_die_half_way(rayline_home: Path) -> None:
    mortal = Cluster()
    mortal.send("t", orders(0, 20))
    config = Config(brokers=mortal.brokers, topic="t", timeout_s=1)
    with config.stream() as stream:
        stream.seek(None)
        assert stream.poll(5, 5.0) is not None
        mortal.close()
        with pytest.raises(DataError, match=f"no broker answers at {mortal.brokers} within 1 s"):
            drained(stream)


def test_brokers_that_die_while_a_read_goes_on(rayline_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mortal = Cluster()
    mortal.send("t", orders(0, 20))
    seek = KafkaStream.seek

    def late(self: KafkaStream, offsets: dict[str, int] | None) -> None:
        seek(self, offsets)
        self._highs = {partition: high + 5 for partition, high in self._highs.items()}  # messages that never come
        mortal.close()

    monkeypatch.setattr(KafkaStream, "seek", late)
    config = Config(brokers=mortal.brokers, topic="t", timeout_s=2)
    started = time.monotonic()
    message = refused(config)
    assert "no message came from" in message or "no broker answers" in message
    assert mortal.brokers in message
    assert time.monotonic() - started < 15
    assert [path.name for path in rayline_home.rglob("*") if path.is_file()] == [".lock"]


def test_a_topic_that_is_not_there_or_was_made_anew(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, orders(0, 8))
    assert "there is no such topic" in refused(Config(brokers=cluster.brokers, topic=topic + "s"))
    assert f"Did you mean {topic!r}?" in refused(Config(brokers=cluster.brokers, topic=topic + "s"))
    with Config(brokers=cluster.brokers, topic=topic).stream() as stream:
        with pytest.raises(DataError, match="ends before the kept offset in partition 0: was the topic made anew"):
            stream.seek({"0": 9})
        with pytest.raises(DataError, match="ends before the kept offset in partition 7"):
            stream.seek({"7": 1})


def test_messages_that_the_broker_keeps_no_longer(cluster: Cluster, topic: str) -> None:
    cluster.send(topic, [{"x": "x" * 100_000}] * 100, partition=0)  # it keeps five megabytes of each partition
    with Config(brokers=cluster.brokers, topic=topic).stream() as stream:
        with pytest.raises(DataError, match=r"the messages 1 to \d+ of partition 0 are gone: the broker keeps them no"):
            stream.seek({"0": 1})
        stream.seek(None)
        micro = stream.poll(5, 5.0)
        assert micro is not None
        assert micro.start["0"] > 1


def test_reads_are_kept_in_a_bucket(cluster: Cluster, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    store = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").create_bucket(Bucket="kept")
    keep = f"s3://kept/reads?endpoint_override={host}:{port}&scheme=http"
    cluster.send(topic, orders(0, 6))
    config = Config(brokers=cluster.brokers, topic=topic, keep=keep, read="monday")
    first = read(config)
    cluster.send(topic, orders(6, 9), first=6)
    assert read(config).equals(first)
    assert sorted(read(config.model_copy(update={"read": None}))["id"]) == [6, 7, 8]
    store.stop()


# what a spec may say


def test_secrets_and_settings_of_ours_in_options(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"name": "kafka", "brokers": "h:9092", "topic": "t"}
    with pytest.raises(SpecError) as caught:
        catalog.resolve("source", {**plain, "options": {"sasl.password": "hunter2"}}, "data.source")
    assert "Put it into the environment" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(SpecError, match="'group.id' is set by Rayline"):
        catalog.resolve("source", {**plain, "options": {"group.id": "x"}}, "data.source")
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    options = {"security.protocol": "${KAFKA_PASSWORD}", "socket.keepalive.enable": True}
    message = refused(Config(brokers=cluster.brokers, topic="t", options=options))  # type: ignore[arg-type]
    assert "options are refused" in message
    assert "hunter2" not in message
    monkeypatch.delenv("KAFKA_PASSWORD")
    assert "environment variable KAFKA_PASSWORD" in refused(Config(brokers="h:1", topic="t", options=options))  # type: ignore[arg-type]
    message = refused(Config(brokers="h:1", topic="t", options={"sasl.mechanims": "PLAIN"}))
    assert 'No such configuration property: "sasl.mechanims"' in message


def test_texts_that_are_claimed() -> None:
    assert Config.from_text("kafka://a:9092,b:9092/shop.orders") == Config(brokers="a:9092,b:9092", topic="shop.orders")
    assert Config.from_text("orders.csv") is None
    with pytest.raises(SpecError, match="Write kafka://host:9092/topic"):
        Config.from_text("kafka://host:9092")


def test_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    message = refused(Config(brokers="h:1", topic="t"))
    assert message == "reading Kafka needs an extra: pip install 'rayline[kafka]'"


def test_a_lake_goes_on_where_it_was_however_the_brokers_are_listed(
    cluster: Cluster, topic: str, tmp_path: Path
) -> None:
    cluster.send(topic, orders(0, 8))
    one, other = cluster.brokers.split(",")
    table = Lake(str(tmp_path / "lake")).create("orders")
    for brokers, count in ((f"{one},{other}", 8), (f"{other},{one}", 0), (one, 0)):
        with Config(brokers=brokers, topic=topic).stream() as stream:
            assert ingest(table, stream, seconds=1.0).rows == count
            assert list(table.latest().streams) == [stream.key]
    cluster.send(topic, orders(8, 9), first=8)
    with Config(brokers=other, topic=topic).stream() as stream:
        assert ingest(table, stream, max_batches=1, seconds=20).rows == 1
