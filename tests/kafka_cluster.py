"""Kafka for tests: librdkafka's own mock cluster, real brokers' protocol on real ports, as long as the object lives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Producer


class Cluster:
    """Two brokers; topics have four partitions and come to be when something is sent."""

    def __init__(self) -> None:
        self._producer: Any = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 2, "log_level": 0})
        known = self._producer.list_topics(timeout=10).brokers.values()
        self.brokers = ",".join(f"{broker.host}:{broker.port}" for broker in known)

    def send(self, topic: str, records: Iterable[Any], *, partition: int | None = None, first: int = 0) -> None:
        """Send records (bytes as they are, others as JSON), the n-th to partition n modulo 4 where none is given."""
        for place, record in enumerate(records, start=first):
            value = record if isinstance(record, bytes | None) else json.dumps(record).encode()
            chosen = place % 4 if partition is None else partition
            while True:
                try:
                    self._producer.produce(topic, key=f"k{place}", value=value, partition=chosen)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        assert self._producer.flush(20) == 0

    def close(self) -> None:
        """Every broker is gone."""
        self._producer = None
