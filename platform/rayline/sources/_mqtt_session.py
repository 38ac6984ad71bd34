"""A session that an MQTT broker keeps for us: connected, subscribed once, every message answered by hand.

What the client's thread hears it puts into a queue, with the connection it came by: an answer by a later one might
be taken for another message's.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rayline.core import files
from rayline.core.errors import DataError
from rayline.sources import _secrets

if TYPE_CHECKING:
    from rayline.sources.mqtt import Config

log = logging.getLogger("rayline.sources")
PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class Heard:
    """A message that came."""

    connection: int
    topic: str
    payload: bytes
    mid: int
    """The broker's number for it; 0 where it wants no answer."""
    again: bool
    """Whether the broker says that it may have been sent before."""
    received_us: int


class Session:
    """One connection after the other, to one broker, for one topic filter."""

    def __init__(self, config: Config, name: str) -> None:
        self.config = config
        self.name = name
        parts = urlsplit(config.url)
        self.host, self.port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self.connection = 0
        self.resumed = False
        """Whether the broker knew the session when it was last connected."""
        self._client: Any = None
        self._told = threading.Event()
        """Set once the broker has let us in or not."""
        self._up = False
        self._down_since: float | None = None
        self._said = "no answer"
        self._asked: dict[int, tuple[threading.Event, list[Any]]] = {}
        self._asking = threading.Lock()

    def connect(self, known: Path) -> None:
        """Connect by the name that the file `known` holds, and subscribe where the broker does not know it.

        Raises:
            DataError: the broker cannot be reached, or does not let us in or read the topic.
        """
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
        except ImportError:
            raise DataError("reading MQTT needs an extra: pip install 'rayline[mqtt]'") from None
        # a name counts once its subscription was granted: a session without one is resumed too, and brings nothing
        asking = known.with_name(f"{known.name}.asking")
        returning = known.exists() and known.stat().st_size > 0
        if not returning and not asking.exists():
            files.write_bytes(str(asking), f"rayline-{uuid.uuid4().hex[:12]}".encode())
        client = paho.Client(
            CallbackAPIVersion.VERSION2, (known if returning else asking).read_text(), clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311, manual_ack=True,
        )  # fmt: skip
        self._authenticate(client)
        client.connect_timeout = self.config.timeout_s
        client.reconnect_delay_set(1, 5)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._disconnected, self._message
        client.on_subscribe = client.on_unsubscribe = self._answered
        self._client = client
        try:
            client.connect(self.host, self.port, keepalive=max(5, round(self.config.timeout_s)))
        except (OSError, ValueError) as error:
            raise self._unreachable(str(getattr(error, "strerror", None) or error)) from None
        client.loop_start()
        self._told.wait(self.config.timeout_s)
        if not self._up:
            raise self._unreachable(self._said)
        if returning and not self.resumed:
            log.warning("%s: the broker knows our session no longer; messages may have been lost", self.name)
            known.replace(asking)
        if not self.resumed or not returning:  # once: to ask again would bring retained messages again
            granted = self._ask(lambda: client.subscribe(self.config.topic, qos=1))
            if granted is None:
                raise self._unreachable("no answer to the subscription")
            if granted[0].is_failure:
                raise self.error(
                    f"the broker does not grant {self.config.topic!r} ({granted[0]}). Check user and topic."
                )
            asking.replace(known)

    def answer(self, message: Heard) -> None:
        """Tell the broker that a message is here for good."""
        if message.mid and message.connection == self.connection:
            self._client.ack(message.mid, 1)

    def prove_answered(self) -> bool:
        """Whether the broker has all our answers: it works in order, and replies to a question put after them."""
        if self._down_since is not None:
            return False
        return self._ask(lambda: self._client.unsubscribe(f"rayline/{uuid.uuid4().hex}")) is not None

    def prove_connected(self) -> None:
        """Let a break be short.

        Raises:
            DataError: the broker has been away for longer than it may.
        """
        down = self._down_since
        if down is not None and time.monotonic() - down > self.config.timeout_s:
            raise self.error(
                f"the broker at {self.host}:{self.port} went away and did not come back within "
                f"{self.config.timeout_s:g} s. What came before is kept, and the next reading begins with it."
            )

    def close(self) -> None:
        """Take leave of the broker, which keeps the session."""
        client, self._client = self._client, None
        if client is not None:
            client.on_disconnect = None
            client.disconnect()
            client.loop_stop()

    def error(self, message: str) -> DataError:
        """An error of this broker's, with no secret in it."""
        return DataError(_secrets.scrub(f"{self.name}: {message}", _secrets.hidden([self.config.url])))

    def _authenticate(self, client: Any) -> None:
        parts = urlsplit(self.config.url)
        if parts.username:
            password = parts.password and _secrets.fill(unquote(parts.password), self.name)
            client.username_pw_set(_secrets.fill(unquote(parts.username), self.name), password or None)
        if parts.scheme == "mqtts":
            try:
                client.tls_set(self.config.ca_file, self.config.cert_file, self.config.key_file)
            except (OSError, ValueError) as error:
                raise self.error(f"ca_file, cert_file or key_file cannot be used: {error}.") from None

    def _ask(self, send: Callable[[], tuple[Any, int | None]]) -> list[Any] | None:
        """What the broker replies to a packet; `None` where it does not in time."""
        replied, found = threading.Event(), []  # type: ignore[var-annotated]
        with self._asking:
            failed, mid = send()
            if failed or mid is None:
                return None
            self._asked[mid] = (replied, found)
        try:
            return found if replied.wait(self.config.timeout_s) else None
        finally:
            self._asked.pop(mid, None)

    def _unreachable(self, said: str) -> DataError:
        return self.error(
            f"no broker lets us in at {self.host}:{self.port} within {self.config.timeout_s:g} s ({said}). Check that "
            "one runs there, that host and port can be reached from here, and user and password."
        )

    # called by the client's thread

    def _connected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:  # noqa: ARG002
        if reason.is_failure:
            self._said = str(reason)
            self._told.set()
            return
        self.connection += 1
        self.resumed = flags.session_present
        self._down_since = None
        if self._up and not self.resumed:
            log.warning("%s: the broker came back without our session; messages may have been lost", self.name)
            client.subscribe(self.config.topic, qos=1)
        self._up = True
        self._told.set()

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:  # noqa: ARG002
        self.connection += 1
        if self._down_since is None:
            self._down_since = time.monotonic()

    def _message(self, client: Any, userdata: Any, message: Any) -> None:  # noqa: ARG002
        mid = message.mid if message.qos else 0
        now = time.time_ns() // 1000
        self.heard.put(Heard(self.connection, message.topic, message.payload, mid, message.dup, now))

    def _answered(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:  # noqa: ARG002
        with self._asking:
            waiting = self._asked.get(mid)
        if waiting is not None:
            waiting[1].extend(reasons)
            waiting[0].set()
