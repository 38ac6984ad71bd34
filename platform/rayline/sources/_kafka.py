"""One topic of Kafka, read by our own offsets: the broker's notes of a group are written for people's tools alone."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from rayline.core.errors import DataError, listing, nearest
from rayline.sources import _secrets, _values
from rayline.sources._columns import KINDS
from rayline.sources._messages import MessageStream, Taken

if TYPE_CHECKING:
    from rayline.sources.kafka import Config

SLICE_S = 0.1
"""How long one call waits for more, seconds."""
COLUMNS = {"key": "_key", "partition": "_partition", "offset": "_offset", "timestamp": "_timestamp"}


class KafkaStream(MessageStream):
    """All partitions of a topic. Partitions that are added are met at the next `seek`."""

    def __init__(self, config: Config) -> None:
        declared = {name: KINDS[kind] for name, kind in config.types.items()}
        if "timestamp" in config.metadata:
            declared[COLUMNS["timestamp"]] = _values.UTC_TIME
        super().__init__(declared, config.invalid)
        self.config = config
        self._consumer: Any = None
        self._cluster: str | None = None
        self._at: dict[int, int] = {}
        self._highs: dict[int, int] = {}
        self._ends: dict[int, int] | None = None
        self._down: float | None = None

    @property
    def name(self) -> str:
        """`kafka://host:9092/topic`."""
        return f"kafka://{self.config.brokers}/{self.config.topic}"

    @property
    def key(self) -> str:
        """`kafka:CLUSTER/topic`, by the id of the cluster that answers; brokers may come, go and change their order.

        Raises:
            DataError: no broker answers, or there is no such topic.
        """
        return f"kafka:{self.cluster or self.listed}/{self.config.topic}"

    @property
    def cluster(self) -> str | None:
        """The id of the cluster that answers; brokers before 0.10.1 have none to tell.

        Raises:
            DataError: as `key`.
        """
        if self._consumer is None:
            self._connect()
        self._partitions()
        return self._cluster

    @property
    def listed(self) -> str:
        """The brokers as they are given, in one order."""
        return ",".join(sorted(self.config.brokers.split(",")))

    def seek(self, offsets: dict[str, int] | None) -> None:
        """See `Stream.seek`."""
        self._connect()
        from confluent_kafka import TopicPartition

        at: dict[int, int] = {}
        held = {partition: self._watermarks(partition) for partition in self._partitions()}
        gone = sorted(set(offsets or {}) - {str(partition) for partition in held})
        for partition, (low, high) in held.items():
            at[partition] = (offsets or {}).get(str(partition), low)
            if at[partition] < low:
                raise self._error(
                    f"the messages {at[partition]} to {low - 1} of partition {partition} are gone: the broker keeps "
                    "them no longer. Begin anew with start: earliest, and read more often."
                )
            if at[partition] > high:
                gone.append(str(partition))
        if gone:
            raise self._error(
                f"it ends before the kept offset in partition {listing(gone)}: was the topic made anew? Begin anew "
                "with start: earliest."
            )
        self._at = at
        self._ends = None
        # asked for before anything is fetched: a fetch that waits for messages holds up what is asked after it
        self._highs = {partition: high for partition, (_, high) in held.items()}
        self._consumer.assign([TopicPartition(self.config.topic, p, offset) for p, offset in at.items()])

    def end_here(self) -> None:
        """Have the stream end where the topic ended at `seek`."""
        self._ends = self._highs

    @property
    def ended(self) -> bool:
        """Whether every message up to the end that was set has come."""
        return self._ends is not None and all(self._at[p] >= end for p, end in self._ends.items())

    @property
    def offsets(self) -> dict[str, int]:
        """Where every partition stands: before the next message, those that were passed over counted."""
        return {str(partition): offset for partition, offset in sorted(self._at.items())}

    def take(self, max_rows: int, timeout_s: float) -> Taken | None:
        """See `MessageStream.take`."""
        if self._refused is not None:
            raise self._refused
        until = time.monotonic() + timeout_s
        start = self.offsets
        rows: list[dict[str, Any]] = []
        while len(rows) < max_rows and not self.ended and self._refused is None:
            wait = min(SLICE_S, max(0.0, until - time.monotonic()))
            messages = self._consumer.consume(min(max_rows - len(rows), 10_000), wait)
            for message in messages:
                self._receive(message, rows)
                if self._refused is not None:
                    break
            if messages:
                self._down = None
            elif rows or time.monotonic() >= until:
                break
            else:
                self._prove_alive()
        self._tell_passed()
        if rows:
            return Taken(rows, start, self.offsets)
        if self._refused is not None:
            raise self._refused
        return None

    def commit(self, offsets: dict[str, int]) -> None:
        """Tell the broker how far the group is; what counts is what the reader keeps."""
        from confluent_kafka import KafkaException, TopicPartition

        try:
            self._consumer.commit(
                offsets=[TopicPartition(self.config.topic, int(p), offset) for p, offset in offsets.items()],
                asynchronous=False,
            )
        except KafkaException:
            return

    def close(self) -> None:
        """See `Stream.close`."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _receive(self, message: Any, rows: list[dict[str, Any]]) -> None:
        from confluent_kafka import KafkaError

        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise self._error(f"{error.str()} (partition {partition}).")
            # compacted and aborted messages leave gaps: the end may lie beyond the last that came
            self._at[partition] = max(self._at[partition], offset)
            return
        if self._ends is not None and offset >= self._ends[partition]:
            self._at[partition] = max(self._at[partition], self._ends[partition])
            return
        try:
            row = self._row(message.value(), f"partition {partition} offset {offset}", self._metadata(message))
        except DataError as refused:
            self._refused = refused  # told once the rows before it have been taken
            return
        self._at[partition] = offset + 1
        if row is not None:
            rows.append(row)

    def _metadata(self, message: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in self.config.metadata:
            if each == "key":
                key = message.key()
                found[COLUMNS[each]] = key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else key
            elif each == "timestamp":
                kind, milliseconds = message.timestamp()
                found[COLUMNS[each]] = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC) if kind else None
            else:
                found[COLUMNS[each]] = getattr(message, each)()
        return found

    def _connect(self) -> None:
        try:
            from confluent_kafka import Consumer, KafkaException
        except ImportError:
            raise DataError("reading Kafka needs an extra: pip install 'rayline[kafka]'") from None
        self.close()
        try:
            self._consumer = Consumer(
                {
                    "client.id": "rayline",
                    **_secrets.fill_all(self.config.options, self.name),
                    "bootstrap.servers": self.config.brokers,
                    "group.id": self.config.group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "error",
                    "enable.partition.eof": True,
                    "allow.auto.create.topics": False,
                    "error_cb": self._heard,
                    "log_level": 0,
                }
            )
        except KafkaException as error:
            raise self._error(f"options are refused: {error.args[0].str()}.") from None

    def _heard(self, error: Any) -> None:
        from confluent_kafka import KafkaError

        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION) and self._down is None:
            self._down = time.monotonic()

    def _prove_alive(self) -> None:
        """Silence is no fault, but nobody there is: ask, once all brokers have been said to be down for a while.

        Raises:
            DataError: none answers.
        """
        if self._down is not None and time.monotonic() - self._down > self.config.timeout_s:
            self._partitions()
            self._down = None

    def _partitions(self) -> list[int]:
        from confluent_kafka import KafkaException

        try:
            known = self._consumer.list_topics(self.config.topic, timeout=self.config.timeout_s)
            found = known.topics[self.config.topic]
            self._cluster = known.cluster_id
            if found.error is None:
                return sorted(found.partitions)
            every = sorted(self._consumer.list_topics(timeout=self.config.timeout_s).topics)
        except KafkaException as error:
            raise self._unreachable(error) from None
        topics = [name for name in every if not name.startswith("__") and name != self.config.topic]
        near = nearest(self.config.topic, topics)
        raise self._error(f"there is no such topic ({found.error.str()}).{near} Topics: {listing(topics)}.")

    def _watermarks(self, partition: int) -> tuple[int, int]:
        from confluent_kafka import KafkaException, TopicPartition

        place = TopicPartition(self.config.topic, partition)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=self.config.timeout_s)
        except (KafkaException, TypeError) as error:  # None, where it takes too long
            raise self._unreachable(error) from None
        return low, high

    def silent(self) -> DataError:
        """The error for messages that are there and do not come."""
        return self._error(
            f"no message came from {self.config.brokers} within {self.config.timeout_s:g} s, and the topic is not at "
            "its end. Check the broker, or give a longer timeout_s; nothing was kept."
        )

    def _unreachable(self, error: Exception) -> DataError:
        said = error.args[0].str() if hasattr(error.args[0], "str") else "no answer"
        return self._error(
            f"no broker answers at {self.config.brokers} within {self.config.timeout_s:g} s ({said}). Check that one "
            "runs there, that host and port can be reached from here, and options (security.protocol, sasl.…)."
        )

    def _error(self, message: str) -> DataError:
        return DataError(_secrets.scrub(f"{self.name}: {message}", _secrets.hidden(self.config.options.values())))
