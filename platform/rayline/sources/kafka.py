"""A topic of Kafka: JSON objects as rows, read from where the last read ended to where the topic ends now.

Choose it for events that keep coming. A read ends; its rows are kept as an Arrow file below `RAYLINE_HOME` together
with the offsets where the next begins, in one step, so that no row is lost or read twice whatever is killed when.
`stream()` reads on without an end, for whoever keeps offsets with the rows. Needs `pip install 'rayline[kafka]'`.
Reference: https://docs.confluent.io/platform/current/clients/librdkafka/html/md_CONFIGURATION.html
"""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from rayline.core import files
from rayline.core.catalog import PluginConfig
from rayline.core.errors import SpecError
from rayline.sources import _messages, _secrets
from rayline.sources._columns import Kind
from rayline.sources._kafka import KafkaStream
from rayline.sources._kept import READ_NAME, KeptSource, Read, Reads, place
from rayline.sources._messages import Taken
from rayline.sources._source import Source

OURS = ("bootstrap.servers", "group.id", "enable.auto.commit", "enable.partition.eof", "auto.offset.reset")
NOTE = "cluster"
"""The file that holds the id of the cluster that named reads are of."""
_URL = re.compile(r"kafka://([^/@]+)/([A-Za-z0-9._-]{1,249})")


class Config(PluginConfig):
    brokers: str
    """`host:9092`, several with commas."""
    topic: str
    """Its messages are JSON objects."""
    group: str = "rayline"
    """Who reads: each group has offsets of its own."""
    start: Literal["kept", "earliest"] = "kept"
    """`kept`: where the group's last read ended, at first where the topic begins; `earliest`: where it begins."""
    metadata: tuple[Literal["key", "partition", "offset", "timestamp"], ...] = ()
    """What becomes a column beside the values: `_key`, `_partition`, `_offset`, `_timestamp`."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""
    invalid: _messages.Invalid = "stop"
    """What to do with a message that is no JSON object: `stop`, or `skip` it with a warning."""
    max_rows: int | None = Field(default=None, ge=1)
    """End a read after this many rows; the next one continues."""
    read: str | None = Field(default=None, pattern=f"^{READ_NAME}$")
    """A name for the read: the same name again gives the same rows, not those that came since."""
    keep: str | None = None
    """The folder or URI that keeps the reads, one that every machine can read; default: `RAYLINE_HOME/sources`."""
    timeout_s: float = Field(default=10.0, gt=0)
    """How long a broker may take to answer, seconds."""
    options: dict[str, str] = Field(default={})
    """Settings of librdkafka, secrets by name: `{sasl.username: me, sasl.password: "${KAFKA_PASSWORD}"}`."""

    @field_validator("options", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        # YAML reads `true` and `5` as a truth and a number
        if isinstance(value, dict):
            return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items()}
        return value

    @field_validator("options")
    @classmethod
    def _allowed(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if name in OURS:
                raise SpecError(f"options: {name!r} is set by Rayline. Give brokers, group and start instead.")
            _secrets.check(name, text, hint=f"{{{name}: '${{KAFKA_PASSWORD}}'}}")
        return value

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `kafka://host:9092,host:9092/topic`.

        Raises:
            SpecError: it begins so and names no topic.
        """
        if not text.startswith("kafka://"):
            return None
        found = _URL.fullmatch(text)
        if found is None:
            raise SpecError(f"{text!r} names no broker and topic. Write kafka://host:9092/topic.")
        return cls(brokers=found[1], topic=found[2])

    def build(self) -> Source:
        return KafkaSource(self)

    def stream(self) -> KafkaStream:
        """The topic without an end, for continuous reading; `start`, `read` and `keep` have no part in it."""
        return KafkaStream(self)


class KafkaSource(KeptSource):
    """The rows of one read."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return f"kafka://{self.config.brokers}/{self.config.topic}"

    def _fetch(self) -> str:
        config = self.config
        with config.stream() as stream:
            kept = self._kept(stream)
            if isinstance(kept, Read):
                return kept.uri
            reads = kept

            def begin(offsets: dict[str, int] | None) -> None:
                stream.seek(None if config.start == "earliest" else offsets)
                stream.end_here()

            def more(num_rows: int) -> Taken | None:
                room = _messages.TAKE_ROWS if config.max_rows is None else config.max_rows - num_rows
                if stream.ended or not room:
                    return None
                before, taken = stream.offsets, None
                while taken is None and not stream.ended:
                    taken = stream.take(min(room, _messages.TAKE_ROWS), config.timeout_s)
                    # messages that are no rows come, and are passed over
                    if taken is None and not stream.ended and stream.offsets == before:
                        raise stream.silent()
                    before = stream.offsets
                return taken

            return _messages.keep(
                stream, reads, name=config.read, begin=begin, more=more,
                nothing=f"no message has come since group {config.group!r} read last. Read again later, name an "
                "earlier read, or begin anew with start: earliest.",
            )  # fmt: skip

    def _kept(self, stream: KafkaStream) -> Reads | Read:
        """The reads of the cluster, however its brokers are listed; the one that is named, where it is there already.

        For that one no broker is asked: which cluster has it is noted beside what is kept by the brokers as they are
        listed, which is all that earlier versions kept.
        """
        listed, note = self._reads(stream.listed), files.join(self._reads(stream.listed).uri, NOTE)
        known = files.read_bytes(note).decode() if files.exists(note) else None
        if self.config.read is not None:
            reads = Reads(self._reads(known).uri, listed) if known else listed
            if (found := reads.called(self.config.read)) is not None:
                return found
        cluster = stream.cluster
        if cluster is None:
            return listed
        if self.config.read is not None and known != cluster:
            files.write_bytes(note, cluster.encode())
        # what was kept before is of another cluster where another one has answered since
        return Reads(self._reads(cluster).uri, listed if known in (None, cluster) else None)

    def _reads(self, who: str) -> Reads:
        return Reads(place("kafka", self.config.keep, who, self.config.group, self.config.topic))
