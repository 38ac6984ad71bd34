"""A topic of MQTT, `sensors/+/temperature` or `plant/#`: messages as rows, read for a while or up to a number of them.

Choose it for devices. The broker keeps a session for us, so that what is sent between two reads (at QoS 1 or 2) comes
with the next; it is told that a message came only once the message is on our disk, and rows are kept as an Arrow file
below `RAYLINE_HOME`. The first read of a group begins with what is sent after it subscribes. `stream()` reads on
without an end. Needs `pip install 'rayline[mqtt]'`. Reference: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html
"""

from __future__ import annotations

import re
import time
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from rayline.core.catalog import PluginConfig
from rayline.core.errors import SpecError
from rayline.sources import _messages, _secrets
from rayline.sources._columns import Kind
from rayline.sources._kept import READ_NAME, KeptSource, Reads, place
from rayline.sources._messages import Taken
from rayline.sources._mqtt import MqttStream
from rayline.sources._source import Source

_URL = re.compile(r"(mqtts?://[^/]+)/(.+)")
_TOPIC = re.compile(r"(?:[^+#/]*|\+)(?:/(?:[^+#/]*|\+))*(?:/#)?|#")


class Config(PluginConfig):
    url: str
    """The broker: `mqtt://host:1883`, `mqtts://user:${MQTT_PASSWORD}@host:8883`."""
    topic: str
    """A topic or a filter: `+` stands for one level, `#` for all below."""
    payload: Literal["json", "text"] = "json"
    """`json`: an object is a row, a single value the column `value`; `text`: the payload is the column `value`."""
    group: str = "rayline"
    """Who reads: each group has a session of its own."""
    seconds: float = Field(default=10.0, gt=0)
    """End a read after this long …"""
    max_rows: int | None = Field(default=None, ge=1)
    """… or after this many rows, whichever comes first; the next one continues."""
    metadata: tuple[Literal["topic", "received"], ...] = ("topic",)
    """What becomes a column beside the values: `_topic`, `_received`."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""
    invalid: _messages.Invalid = "stop"
    """What to do with a message that cannot be a row: `stop`, or `skip` it with a warning."""
    read: str | None = Field(default=None, pattern=f"^{READ_NAME}$")
    """A name for the read: the same name again gives the same rows, not those that came since."""
    keep: str | None = None
    """The folder or URI that keeps the reads, one that every machine can read; default: `RAYLINE_HOME/sources`."""
    timeout_s: float = Field(default=10.0, gt=0)
    """How long the broker may take to answer or to come back, seconds."""
    ca_file: str | None = None
    """Certificates of whom to trust, with mqtts; `null`: the system's."""
    cert_file: str | None = None
    """Our certificate, with mqtts …"""
    key_file: str | None = None
    """… and its key."""

    @field_validator("url")
    @classmethod
    def _broker(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
            raise SpecError("url names a broker: mqtt://host:1883 or mqtts://host:8883; the topic stands under topic")
        _secrets.check_url(value)
        return value

    @field_validator("topic")
    @classmethod
    def _filter(cls, value: str) -> str:
        if not value or not _TOPIC.fullmatch(value):
            raise ValueError("a topic, where + stands for one whole level and # for all at the end")
        return value

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `mqtt://host:1883/topic/filter` and `mqtts://…`.

        Raises:
            SpecError: it begins so and names no topic.
        """
        if not text.startswith(("mqtt://", "mqtts://")):
            return None
        found = _URL.fullmatch(text)
        if found is None:
            raise SpecError(f"{text!r} names no topic. Write mqtt://host:1883/topic, where + and # may stand in it.")
        return cls(url=found[1], topic=found[2])

    def build(self) -> Source:
        return MqttSource(self)

    def stream(self) -> MqttStream:
        """The topic without an end, for continuous reading, by a session of its own."""
        return MqttStream(self, "stream")


class MqttSource(KeptSource):
    """The rows of one read."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return MqttStream(self.config, "read").name

    def _fetch(self) -> str:
        config = self.config
        with MqttStream(config, "read") as stream:
            reads = Reads(place("mqtt", config.keep, *stream.parts))
            until = time.monotonic() + config.seconds

            def begin(offsets: dict[str, int] | None) -> None:
                nonlocal until
                stream.seek(offsets)
                until = time.monotonic() + config.seconds

            def more(num_rows: int) -> Taken | None:
                room = _messages.TAKE_ROWS if config.max_rows is None else config.max_rows - num_rows
                left = until - time.monotonic()
                return stream.take(min(room, _messages.TAKE_ROWS), left) if room and left > 0 else None

            return _messages.keep(
                stream, reads, name=config.read, begin=begin, more=more,
                nothing=f"no message came within {config.seconds:g} s. Give more seconds, or read again later: what is "
                "sent in between waits at the broker.",
            )  # fmt: skip
