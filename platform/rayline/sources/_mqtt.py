"""One topic of MQTT: what came is on our disk before the broker is told so.

    broker ──message──> journal (fsync) ──row──> whoever reads
           <──answer──

A broker numbers a message only until it is answered, so a stream's offsets are our own: places in the journal. A
message whose answer was lost comes again, marked so, with its number: it is answered and not journalled again.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import queue
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from rayline.core import files
from rayline.core.errors import DataError, StorageError
from rayline.sources import _values
from rayline.sources._columns import KINDS
from rayline.sources._journal import Journal, Message
from rayline.sources._kept import place
from rayline.sources._messages import MessageStream, Taken
from rayline.sources._mqtt_session import Heard, Session

if TYPE_CHECKING:
    from rayline.sources.mqtt import Config

PART = "journal"
"""The one part of a stream's offsets."""
UNPROVEN = 10_000
"""Answers after which the broker is asked whether it has them."""
SLICE_S = 0.1
COLUMNS = {"topic": "_topic", "received": "_received"}


class MqttStream(MessageStream):
    """The messages of one topic filter since its group first asked for them."""

    def __init__(self, config: Config, use: str) -> None:
        declared = {name: KINDS[kind] for name, kind in config.types.items()}
        if "received" in config.metadata:
            declared[COLUMNS["received"]] = _values.UTC_TIME
        super().__init__(declared, config.invalid)
        self.config = config
        self.use = use
        """`read` or `stream`: each has a session and a journal of its own."""
        self.session = Session(config, self.name)
        self._journal: Journal | None = None
        self._lock: Any = None
        self._next = 0
        self._unproven: dict[int, int] = {}
        """The broker's number to the digest of the last message of that number, for answers it may not have."""

    @property
    def name(self) -> str:
        """`mqtt://host:1883/sensors/#`."""
        parts = urlsplit(self.config.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{self.config.topic}"

    @property
    def parts(self) -> tuple[str, ...]:
        """What tells this stream from others, for `_kept.place`."""
        return (self.session.host, str(self.session.port), self.config.group, self.use, self.config.topic)

    def seek(self, offsets: dict[str, int] | None) -> None:
        """See `Stream.seek`."""
        folder = Path(place("mqtt", None, *self.parts))
        self.close()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / ".session").open("wb")
        except OSError as error:
            raise StorageError(
                f"cannot write {folder}: {error.strerror or error}. Free some space, or set RAYLINE_HOME to a folder "
                "you may write to."
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise self.session.error(
                f"another process reads it for group {self.config.group!r}. Wait for its end, or give another group."
            ) from None
        journal = self._journal = Journal(folder / "journal")
        number = journal.first if offsets is None else offsets[PART]
        if number < journal.first:
            raise self.session.error(
                f"the messages {number} to {journal.first - 1} are no longer in {journal.folder}: a later end of this "
                "stream was committed. Begin anew in another group."
            )
        if number > journal.next:  # the journal was deleted; its rows are kept by whoever reads
            journal.drop(number)
        self._next = number
        self.session.connect(folder / "client-id")
        if self.session.resumed:
            first = max(journal.first, min(journal.next, self._proven()))
            self._unproven = {message.mid: message.digest for message in journal.all(first) if message.mid}

    def take(self, max_rows: int, timeout_s: float) -> Taken | None:
        """See `MessageStream.take`."""
        until = time.monotonic() + timeout_s
        start = self._next
        while True:
            while self._next < self._held.next:
                rows = self._rows(max_rows)
                if rows:
                    return Taken(rows, {PART: start}, {PART: self._next})
            if not self._receive(max_rows, until):
                return None

    def commit(self, offsets: dict[str, int]) -> None:
        """Forget messages before `offsets`, once the broker is known to have our answers for them."""
        if self._prove_answered() or self._prove_answered():  # of what came again meanwhile, the second time tells
            self._held.drop(offsets[PART])

    def close(self) -> None:
        """See `Stream.close`."""
        self.session.close()
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    @property
    def _held(self) -> Journal:
        assert self._journal is not None, "seek() comes first"
        return self._journal

    def _rows(self, max_rows: int) -> list[dict[str, Any]]:
        """Rows of the next messages in the journal; stands behind them, or before one that stops the reading."""
        rows: list[dict[str, Any]] = []
        for message in self._held.read(self._next, max_rows):
            more: dict[str, Any] = {}
            if "topic" in self.config.metadata:
                more[COLUMNS["topic"]] = message.topic
            if "received" in self.config.metadata:
                more[COLUMNS["received"]] = dt.datetime.fromtimestamp(message.received_us / 1e6, dt.UTC)
            try:
                row = self._row(self._object(message.payload), f"{message.topic} ({PART} {self._next})", more)
            except DataError:
                if rows:
                    break  # told once the rows before it have been taken
                raise
            self._next += 1
            if row is not None:
                rows.append(row)
        self._tell_passed()
        return rows

    def _object(self, payload: bytes) -> bytes:
        """A payload that is one value, as an object with a column `value`."""
        if self.config.payload == "text":
            return orjson.dumps({"value": payload.decode("utf-8", "replace")})
        try:
            value = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return payload
        return payload if isinstance(value, dict | list) or value is None else orjson.dumps({"value": value})

    def _receive(self, most: int, until: float) -> bool:
        """Take in what comes, as soon as something does; whether something new came before `until`."""
        while True:
            if self._take_in(self._hear(most, min(SLICE_S, max(0.0, until - time.monotonic())))):
                return True
            self.session.prove_connected()
            if time.monotonic() >= until:
                return False

    def _hear(self, most: int, wait_s: float) -> list[Heard]:
        """What came, once something has; empty where nothing comes for a while."""
        heard: list[Heard] = []
        while len(heard) < most:
            try:
                heard.append(self.session.heard.get(timeout=0 if heard else wait_s))
            except queue.Empty:
                break
        return heard

    def _take_in(self, heard: list[Heard]) -> bool:
        """Journal messages, then answer them; whether one of them was new.

        One that came by a connection that has broken is not answered: it comes again by the next, and is known then.
        """
        new: list[Message] = []
        for came in heard:
            message = Message(came.topic, came.payload, came.received_us, came.mid)
            if not (came.again and self._unproven.get(came.mid) == message.digest):
                new.append(message)
            if came.mid:
                self._unproven[came.mid] = message.digest
        if new:
            self._held.append(new)
        for came in heard:
            self.session.answer(came)
        if len(self._unproven) > UNPROVEN:
            self._prove_answered()
        return bool(new)

    def _prove_answered(self) -> bool:
        """Whether the broker has our answers to all that the journal holds now."""
        journalled, connection = self._held.next, self.session.connection
        unproven, self._unproven = self._unproven, {}
        if not self.session.prove_answered() or self.session.connection != connection:
            self._unproven = unproven
            return False
        # what it sent again, not having had the answer, it sent before it replied: that is in the queue now
        heard = [self.session.heard.get() for _ in range(self.session.heard.qsize())]
        again = {came.mid for came in heard if came.again and came.connection == connection}
        self._unproven = {mid: digest for mid, digest in unproven.items() if mid in again}
        self._take_in(heard)
        if again:
            return False
        files.write_bytes(str(self._held.folder.parent / "answered"), str(journalled).encode())
        return True

    def _proven(self) -> int:
        """Up to where the broker is known to have our answers. A lower number than that does no harm."""
        try:
            return int((self._held.folder.parent / "answered").read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0
